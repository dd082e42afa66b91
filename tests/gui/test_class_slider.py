"""The slider through the classes: it shows what it says, on every layer of every network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from petvision.app.window import Window
from petvision.explain.results import Attribution
from tests.gui.steps import WAIT_MS, drop, files, finished


@pytest.fixture
def explained(qtbot: Any, window: Window, photo: Callable[..., Path]) -> Window:
    """The window with all panels of a photo."""
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    return window


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of an AlexNet, never trained: no average before its linear layers."""
    import torch

    from petvision.models import architectures
    from petvision.models.cards import Card, InputCard
    from petvision.models.files import write_model

    torch.manual_seed(1)
    network = architectures.build("alexnet", 2)
    card = Card(
        name="plain",
        architecture="alexnet",
        classes=("cat", "dog"),
        input=InputCard(size=64, resize=64),
    )
    path = tmp_path_factory.mktemp("plain") / "plain.safetensors"
    write_model(path, card, network.state_dict())
    return path


def shown(window: Window) -> tuple[str, str]:
    """What Grad-CAM shows, and what the slider says it does."""
    panel = window.session.explanations.panels["gradcam"]
    return panel.explanation.target, window.inspector.classes.text


def slide(qtbot: Any, window: Window, target: str, minus: str = "") -> Attribution:
    """Move the slider to a class and choose one to take away; the map that comes."""
    classes, panel = window.inspector.classes, window.session.explanations.panels["gradcam"]
    names = window.session.handle.card.classes
    classes.slider.setValue(names.index(target))
    classes.minus.setCurrentIndex(classes.minus.findData(minus))
    classes.minus.activated.emit(0)
    wanted = f"{target} − {minus}" if minus else target
    qtbot.waitUntil(
        lambda: panel.status == "done" and panel.explanation.target == wanted, timeout=WAIT_MS
    )
    return panel.explanation


def test_the_slider_computes_where_another_layer_is_chosen(qtbot: Any, explained: Window):
    explanations = explained.session.explanations
    panel = explanations.panels["gradcam"]
    own = panel.explanation.target
    other = "dog" if own == "cat" else "cat"
    explanations.choose_values("gradcam", {"layer": "layer2"})
    found = slide(qtbot, explained, other)
    assert found.heat.shape == (8, 8)
    assert shown(explained) == (other, other.title())
    assert explained.view.grid.panels["gradcam"].heat.map.attribution is found
    assert explained.view.grid.panels["gradcam"].badge.isHidden()
    difference = slide(qtbot, explained, other, own)
    assert difference.signed
    assert difference.heat.shape == (8, 8)
    assert shown(explained)[1] == f"{other.title()} − {own.title()}"
    again = slide(qtbot, explained, own)
    assert explanations.panels["gradcam"].aside is None
    slide(qtbot, explained, other)
    explanations.choose_values("gradcam", {"layer": ""})
    qtbot.waitUntil(lambda: panel.status == "done", timeout=WAIT_MS)
    assert panel.explanation.heat.shape != again.heat.shape
    assert shown(explained) == (other, other.title()), "the class stays when the layer changes"


def test_the_slider_computes_for_a_network_without_an_average(
    qtbot: Any, make_window: Callable[[], Window], photo: Callable[..., Path], plain_model: Path
):
    window = make_window()
    window.session.settings.put("model", str(plain_model))
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    assert not window.session.handle.heads.pooled
    own = window.session.explanations.target
    other = "dog" if own == "cat" else "cat"
    assert slide(qtbot, window, other).target == other
    assert slide(qtbot, window, other, own).signed
    assert shown(window)[1] == f"{other.title()} − {own.title()}"


def test_the_newest_place_of_the_slider_wins(qtbot: Any, explained: Window):
    explanations, classes = explained.session.explanations, explained.inspector.classes
    panel = explanations.panels["gradcam"]
    explanations.choose_values("gradcam", {"layer": "layer3"})
    qtbot.waitUntil(lambda: panel.status == "done", timeout=WAIT_MS)
    own = explanations.target
    seen: list[str] = []
    explanations.changed.connect(
        lambda name: name == "gradcam" and panel.status == "done" and seen.append(shown(explained))
    )
    places = [1, 0] * 10 if classes.slider.value() == 0 else [0, 1] * 10
    for place in [*places, places[0]]:
        classes.slider.setValue(place)
    other = explained.session.handle.card.classes[places[0]]
    qtbot.waitUntil(lambda: panel.status == "done" and not panel.ticket, timeout=WAIT_MS)
    assert {one for one in seen if one[0] != own} == {(other, other.title())}
    assert shown(explained) == (other, other.title())


def test_the_sliders_words_are_those_of_its_panel(
    qtbot: Any, explained: Window, photo: Callable[..., Path]
):
    explanations = explained.session.explanations
    panel = explanations.panels["gradcam"]
    own = explanations.target
    other = "dog" if own == "cat" else "cat"
    explanations.choose_target(other)
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    assert shown(explained) == (other, other.title())
    explained.session.known.emit()
    assert shown(explained) == (other, other.title())
    slide(qtbot, explained, other, own)
    explanations.choose_target(None)
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    assert shown(explained) == (own, own.title())
    explanations.choose_values("gradcam", {"layer": "layer1"})
    qtbot.waitUntil(lambda: panel.status == "done", timeout=WAIT_MS)
    explained.inspector.classes.slider.setValue(1 - explained.inspector.classes.slider.value())
    assert panel.status == "working"
    explained.stop()
    assert shown(explained) == (own, own.title()), "it was stopped: the map is the former one"
    slide(qtbot, explained, other, own)
    drop(explained, files(photo("other.jpg", seed=4)))
    qtbot.waitUntil(lambda: "other" in explained.windowTitle(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    predicted = explained.session.current.prediction.best_class
    assert shown(explained) == (predicted, predicted.title())
