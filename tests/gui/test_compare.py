"""The Compare tab in a real window: two of anything on one scale, in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QLineEdit, QToolButton

from petvision.app.compare.page import ComparePage
from petvision.app.compare.side import Side
from petvision.app.window import Window
from petvision.figures.scale import scale_of
from tests.gui.steps import WAIT_MS, drop, files, judged


@pytest.fixture(scope="module")
def deeper_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same classes, with one block more."""
    import torch

    from petvision.models import architectures
    from petvision.models.cards import Card, InputCard, UnknownCard
    from petvision.models.files import write_model

    torch.manual_seed(2)
    blocks = (2, 1, 1, 1)
    card = Card(
        name="deeper",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("cat", "dog"),
        input=InputCard(size=64, resize=64),
        unknown=UnknownCard(score="max_softmax", threshold=2.0),
    )
    path = tmp_path_factory.mktemp("deeper") / "deeper.safetensors"
    write_model(path, card, architectures.build("resnet18", 2, blocks).state_dict())
    return path


def opened(qtbot: Any, window: Window, *photos: Path) -> ComparePage:
    """The Compare tab with its first comparison."""
    drop(window, files(*photos))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    page = window.show_tab("compare")
    settled(qtbot, page)
    return page


def settled(qtbot: Any, page: ComparePage) -> None:
    qtbot.waitUntil(lambda: page.comparison is not None and not page.working, timeout=WAIT_MS)


def shown(page: ComparePage) -> set[str]:
    return {name for name, one in page.pages.items() if one.isVisible()}


def model_of(side: Side) -> str:
    return side.attribution.provenance.model.name


def layers_of(side: Side) -> list[str]:
    """What its form completes a layer's name with."""
    side.findChild(QToolButton).setChecked(True)
    return side.findChild(QLineEdit).completer().model().stringList()


def test_two_classes_then_two_photos_are_compared_in_step(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    drop(window, files(photo("a.jpg", seed=1), photo("b.jpg", seed=2, size=(72, 96))))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    page = window.show_tab("compare")
    qtbot.waitUntil(lambda: page.comparison is not None, timeout=WAIT_MS)
    first = page.comparison
    assert first.shared
    assert {first.one.target, first.other.target} == {"cat", "dog"}
    maps = [page.pages[name].map for name in ("one", "other", "difference")]
    assert [maps[0].scale.high, maps[0].scale.ends] == [maps[1].scale.high, maps[1].scale.ends]
    assert ["cat" in one.scale.words for one in maps[:2]] == [
        one.target == "cat" for one in (first.one, first.other)
    ]
    page.link.pin(QPointF(0.5, 0.5))
    page.link.zoom_to(2)
    assert all(one.told(page.link.spot) for one in maps)
    assert len({round(one.frame.width() / one.room.width(), 2) for one in maps}) == 1
    page.other.photo.setCurrentIndex(1)
    page.other.photo.activated.emit(1)
    qtbot.waitUntil(
        lambda: page.comparison is not None and page.comparison.difference is None,
        timeout=WAIT_MS,
    )
    assert not page.pages["difference"].isVisible()
    page.other.choose(method="occlusion")
    page.other.method.activated.emit(0)
    qtbot.waitUntil(
        lambda: page.comparison is not None and not page.comparison.shared and not page.working,
        timeout=WAIT_MS,
    )


def test_another_model_can_stand_beside_the_open_one(
    qtbot: Any, window: Window, photo: Callable[..., Path], tiny_model: Path
):
    drop(window, files(photo("a.jpg")))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    page = window.show_tab("compare")
    qtbot.waitUntil(lambda: page.comparison is not None and not page.working, timeout=WAIT_MS)
    shown = [side for side in (page.one, page.other) if side.attribution.heat.any()]
    target = shown[0].attribution.target
    for side in (page.one, page.other):
        side.choose(target=target)
        side.run()
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    page.other.open_model(str(tiny_model / "catdog-resnet101.safetensors"))
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    assert page.other.model.currentText() == "catdog-resnet101"
    assert page.comparison.correlation > 0.999
    page.other.open_model("gone")
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    assert page.other.model.currentIndex() == 0


def test_maps_of_lone_pixels_keep_the_colours_of_the_stronger_ones_own_scale(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    page = opened(qtbot, window, photo("a.jpg"))
    for side in (page.one, page.other):
        side.choose(method="smoothgrad")
        side.run()
    settled(qtbot, page)
    own = [
        scale_of(one.heat, one.signed, one.unit).high
        for one in (page.comparison.one, page.comparison.other)
    ]
    assert page.pages["one"].map.scale.high == max(own)


def test_maps_of_different_units_each_have_a_scale_of_their_own(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    page = opened(qtbot, window, photo("a.jpg"))
    for side, method in ((page.one, "integrated_gradients"), (page.other, "occlusion")):
        side.choose(method=method, target="cat")
        side.run()
    settled(qtbot, page)
    assert not page.comparison.shared
    scales = [page.pages[name].map.scale.words for name in ("one", "other")]
    assert "cat logit per pixel" in scales[0]
    assert "per pixel" not in scales[1]


def test_a_side_that_fails_shows_no_picture_and_no_difference(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    page = opened(qtbot, window, photo("a.jpg"))
    assert shown(page) == {"one", "other", "difference"}
    page.other.open_model("gone")
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    assert page.comparison is None
    assert shown(page) == {"one"}
    page.other.run()
    settled(qtbot, page)
    assert shown(page) == {"one", "other", "difference"}


def test_another_open_model_is_explained_anew(
    qtbot: Any, window: Window, photo: Callable[..., Path], deeper_model: Path
):
    page = opened(qtbot, window, photo("a.jpg"))
    former = page.comparison
    window.session.use_model(str(deeper_model))
    qtbot.waitUntil(
        lambda: page.comparison not in (None, former) and not page.working, timeout=WAIT_MS
    )
    assert [model_of(side) for side in (page.one, page.other)] == ["deeper", "deeper"]


def test_a_photo_that_leaves_the_list_takes_its_pictures_along(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    page = opened(qtbot, window, photo("a.jpg", seed=1), photo("b.jpg", seed=2))
    first = page.one.photo.currentText()
    window.column.remove_selected()
    qtbot.waitUntil(lambda: page.one.photo.currentText() != first, timeout=WAIT_MS)
    settled(qtbot, page)
    assert shown(page) == {"one", "other", "difference"}
    window.column.clear()
    assert not shown(page)


def test_each_side_offers_the_layers_of_its_own_model(
    qtbot: Any, window: Window, photo: Callable[..., Path], deeper_model: Path
):
    page = opened(qtbot, window, photo("a.jpg"))
    page.other.open_model(str(deeper_model))
    settled(qtbot, page)
    assert "layer1.1.conv1" in layers_of(page.other)
    assert "layer1.1.conv1" not in layers_of(page.one)
    window.session.use_model(str(deeper_model))
    qtbot.waitUntil(lambda: page.one.attribution is None, timeout=WAIT_MS)
    settled(qtbot, page)
    assert "layer1.1.conv1" in layers_of(page.one)
