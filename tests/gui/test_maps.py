"""Maps on the photo: the same place on every panel, values by hand, zoom, colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage

from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.widgets.heat import HeatPage
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import PALETTES, Look
from petvision.app.widgets.map import HeatMap
from petvision.app.window import Window
from petvision.explain.results import WindowScores
from petvision.figures.colours import COLOURS
from petvision.images.types import Geometry
from tests.figures.results import attribution
from tests.gui.steps import WAIT_MS, drop, files, finished

SEEN = Geometry(width=400, height=200, box=(100, 0, 300, 200), size=64)


@pytest.fixture
def heat_map(qtbot: Any, theme: Theme, settings: Settings) -> HeatMap:
    """400×200 pixels in the widget, of which the network sees the middle square."""
    page = HeatPage(theme, Link(), Look(settings))
    made = page.map
    made.setParent(None)
    qtbot.addWidget(page)
    qtbot.addWidget(made)
    made.resize(400, 200)
    photo = QImage(400, 200, QImage.Format.Format_RGB888)
    photo.fill(QColor("#606060"))
    heat = np.zeros((2, 2), np.float32)
    heat[1, 0] = 4.0
    made.show_heat(attribution(heat=heat, geometry=SEEN), photo)
    return made


def test_the_mouse_reads_the_value_of_the_place_it_is_over(qtbot: Any, heat_map: HeatMap):
    for point, told in (
        (QPointF(150, 150), "4.00"),
        (QPointF(150, 100), "2.00"),  # half way to the cell above
        (QPointF(250, 50), "0.00"),
        (QPointF(20, 20), "not seen"),
    ):
        heat_map.link.hover(heat_map.share_at(point))
        assert heat_map.told(heat_map.link.spot) == told


def test_heat_is_painted_where_the_network_found_it_and_nowhere_else(heat_map: HeatMap):
    painted = heat_map.grab().toImage()
    hot, cold, unseen = (painted.pixelColor(x, y) for x, y in ((130, 170), (270, 30), (40, 100)))
    assert hot.red() > hot.blue() + 60
    assert max(cold.red(), cold.green(), cold.blue()) - min(cold.red(), cold.blue()) < 12
    assert unseen != cold


def test_a_click_pins_the_spot_and_a_second_one_lets_it_go(qtbot: Any, heat_map: HeatMap):
    point = QPointF(150, 150).toPoint()
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=point)
    assert heat_map.link.pinned
    heat_map.link.hover(None)
    assert heat_map.link.spot == QPointF(0.375, 0.75)
    qtbot.mouseClick(heat_map, Qt.MouseButton.LeftButton, pos=point)
    assert heat_map.link.spot is None


def test_zooming_keeps_the_place_under_the_mouse_and_leaves_no_gap():
    link = Link()
    room, photo = QRectF(0, 0, 400, 200), QSizeF(400, 200)
    corner = QPointF(0.25, 0.25)
    link.zoom_to(4, corner)
    frame = link.frame(room, photo)
    assert frame.size() == QSizeF(1600, 800)
    at = QPointF(frame.left() + 0.25 * 1600, frame.top() + 0.25 * 800)
    assert (at - QPointF(100, 50)).manhattanLength() < 1e-6
    link.look_at(QPointF(5, 5))
    frame = link.frame(room, photo)
    assert frame.bottomRight() == room.bottomRight()


def test_the_window_names_the_palettes_that_figures_have():
    assert PALETTES == COLOURS


def test_all_panels_show_the_same_spot_and_the_same_part(
    qtbot: Any, window: Window, photo: Callable[..., Path]
):
    drop(window, files(photo("a.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    panels = window.view.grid.panels.values()
    maps = [panel.heat.map for panel in panels if panel.heat is not None]
    assert len(maps) >= 3
    first = maps[0]
    first.link.hover(first.share_at(first.frame.center()))
    assert all(one.link.spot == QPointF(0.5, 0.5) and one.told(one.link.spot) for one in maps)
    window.view.grid.link.zoom_to(3)
    assert all(one.frame.width() > 2.9 * one.room.width() * 0.5 for one in maps)
    window.inspector.look_form.blend.setValue(30)
    assert all(one.muting == pytest.approx(0.21) for one in maps)
    assert window.session.settings.get("view.blend", 0.0) == 0.3


def test_the_mouse_reads_what_covering_the_place_did(heat_map: HeatMap):
    nan = float("nan")
    windows = WindowScores(
        size=64,
        window=32,
        stride=32,
        logit=2.0,
        probability=0.9,
        logits=np.array([[1.5, nan], [-1.0, 2.5]], np.float32),
        probabilities=np.array([[0.8, nan], [0.25, 0.95]], np.float32),
    )
    known = replace(heat_map.attribution, windows=windows)
    heat_map.show_heat(known, None)
    heat_map.link.hover(heat_map.share_at(QPointF(110, 190)))
    covered = "4.00\ncat 90.0 % → 25.0 % when covered\nlogit +2.00 → −1.00"
    assert heat_map.told(heat_map.link.spot) == covered
    heat_map.link.hover(heat_map.share_at(QPointF(290, 10)))
    assert heat_map.told(heat_map.link.spot) == "0.00", "that place was not covered"
    painted = heat_map.grab().toImage()
    heat_map.link.hover(heat_map.share_at(QPointF(110, 190)))
    assert heat_map.grab().toImage() != painted


def test_the_baseline_of_a_map_is_shown_beside_its_scale(
    qtbot: Any, theme: Theme, settings: Settings
):
    page = HeatPage(theme, Link(), Look(settings))
    qtbot.addWidget(page)
    page.resize(300, 300)
    page.show()
    plain = attribution(heat=np.ones((2, 2)), geometry=SEEN)
    page.show_heat(plain, None)
    assert page.baseline.isHidden()
    green = np.zeros((64, 64, 3), np.uint8)
    green[..., 1] = 200
    page.show_heat(replace(plain, baseline=green), None)
    assert page.baseline.isVisible()
    middle = page.baseline.grab().toImage().pixelColor(page.baseline.width() // 2, 12)
    assert (middle.red(), middle.green(), middle.blue()) == (0, 200, 0)


def test_words_never_hide_the_spot_they_speak_of(heat_map: HeatMap):
    for x in range(10, 400, 30):
        for y in range(10, 200, 20):
            label = heat_map._beside(QPointF(x, y), 220, 44)
            assert not label.contains(QPointF(x, y))
            assert heat_map.frame.contains(label)
