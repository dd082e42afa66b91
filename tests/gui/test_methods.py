"""Panels beyond the five: any method of the registry, added, remembered and taken away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMenu

from petvision.app.batch.preview import method_title
from petvision.app.explain.panel import PanelWidget
from petvision.app.window import Window
from petvision.explain.registry import DEFAULT, METHODS
from petvision.explain.results import Attribution
from tests.gui.steps import WAIT_MS, drop, files, finished

MORE = [name for name in METHODS if name not in DEFAULT]
MakeWindow = Callable[[], Window]


@pytest.fixture
def explained(qtbot: Any, window: Window, photo: Callable[..., Path]) -> Window:
    """The window with the five panels of a photo."""
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    return window


def add(window: Window, name: str) -> PanelWidget:
    """Choose a method in the menu, as a person does."""
    actions = window.view.adder.offered.actions()
    (wanted,) = [one for one in actions if one.text() == METHODS[name].title]
    wanted.trigger()
    return window.view.grid.panels[name]


def commands(panel: PanelWidget) -> dict[str, Any]:
    """What a panel's own menu offers, by its words."""
    return {one.text(): one for menu in panel.findChildren(QMenu) for one in menu.actions()}


def test_the_menu_offers_every_method_that_has_no_panel_and_computes_none(explained: Window):
    adder = explained.view.adder
    assert adder.isVisible()
    assert [one.text() for one in adder.offered.actions()] == [METHODS[n].title for n in MORE]
    assert list(explained.session.explanations.panels) == list(DEFAULT)


def test_an_added_panel_is_computed_judged_and_exported_like_the_others(
    qtbot: Any, explained: Window
):
    panel = add(explained, "layercam")
    explanations = explained.session.explanations
    assert explained.view.grid.selected == "layercam"
    assert explained.inspector.panel is explanations.panels["layercam"]
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    assert panel.heat is not None
    assert panel.heat.map.link is explained.view.grid.link, "the mouse is at one spot of all"
    qtbot.waitUntil(lambda: explanations.trusts.of("layercam") is not None, timeout=WAIT_MS)
    assert panel.badge.isVisible()
    assert "layercam" in [one.method for one in explained.saving.explained.explanations]
    assert "LayerCAM" not in [one.text() for one in explained.view.adder.offered.actions()]


def test_all_methods_can_stand_beside_each_other(qtbot: Any, explained: Window):
    view = explained.view
    for name in MORE:
        panel = add(explained, name)
        assert (
            view.results.viewport()
            .rect()
            .contains(panel.mapTo(view.results.viewport(), panel.rect().center()))
        ), "it is brought into sight"
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    assert list(explained.view.grid.panels) == list(METHODS)
    assert explained.view.adder.isHidden()


def test_an_added_panel_can_be_taken_away_and_the_five_cannot(qtbot: Any, explained: Window):
    before = dict(explained.view.grid.panels)
    assert "Remove this panel" not in commands(before["gradcam"])
    panel = add(explained, "smoothgrad")
    panel.enlarge.emit()
    assert explained.view.adder.isHidden()
    commands(panel)["Remove this panel"].trigger()
    assert explained.view.grid.panels == before
    assert explained.view.grid.alone == ""
    assert explained.inspector.panel is None
    assert list(explained.session.explanations.panels) == list(DEFAULT)
    assert not explained.session.explanations.working
    assert explained.view.adder.isVisible()


def test_added_panels_are_there_again_the_next_time_and_removed_ones_are_not(
    qtbot: Any, explained: Window, make_window: MakeWindow
):
    add(explained, "hirescam")
    commands(add(explained, "layercam"))["Remove this panel"].trigger()
    settings = explained.session.settings
    assert settings.table("explain")["more"] == ["hirescam"]
    settings.put("explain.more", ["hirescam", "of another version", 7, "kernels"])
    again = make_window()
    panels = again.session.explanations.panels
    qtbot.waitUntil(lambda: bool(panels or again.session.explanations.panels), timeout=WAIT_MS)
    assert list(again.session.explanations.panels) == [*DEFAULT, "hirescam"]
    assert "Remove this panel" in commands(again.view.grid.panels["hirescam"])


def test_a_panel_that_is_only_lent_is_not_remembered(qtbot: Any, explained: Window):
    explanations = explained.session.explanations
    explanations.add("layercam", keep=False)
    add(explained, "hirescam")
    stored = explained.session.settings.table("explain")["more"]
    assert stored == ["hirescam"]
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    explanations.remove("layercam")
    assert list(explained.view.grid.panels) == [*DEFAULT, "hirescam"]


def test_the_batch_tab_calls_a_method_what_its_card_does():
    for name, method in METHODS.items():
        if method.kind is Attribution:
            assert method_title(name) == method.title
