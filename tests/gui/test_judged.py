"""Every class at once, one class minus another, layers fine to coarse, and the trust badges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtWidgets import QLabel, QSlider

from petvision.app.explain.badge import TrustDialog
from petvision.app.widgets.map import HeatMap
from petvision.app.window import Window
from tests.gui.steps import WAIT_MS, drop, files, finished


@pytest.fixture
def explained(qtbot: Any, window: Window, photo: Callable[..., Path]) -> Window:
    """The window with all panels of a photo."""
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    return window


def test_the_slider_shows_any_class_and_one_minus_another_without_computing(
    qtbot: Any, explained: Window
):
    explanations, classes = explained.session.explanations, explained.inspector.classes
    panel = explanations.panels["gradcam"]
    own = panel.explanation
    other = "dog" if own.target == "cat" else "cat"
    names = explained.session.handle.card.classes
    classes.slider.setValue(names.index(other))
    qtbot.waitUntil(lambda: panel.explanation.target == other, timeout=WAIT_MS)
    assert panel.status == "done"
    assert explained.view.grid.panels["gradcam"].heat.map.attribution.target == other
    classes.minus.setCurrentIndex(classes.minus.findData(own.target))
    classes.minus.activated.emit(0)
    difference = panel.explanation
    assert difference.target == f"{other} − {own.target}"
    assert difference.signed
    maps = explanations.class_maps
    expected = maps.raw(other) - maps.raw(own.target)
    assert np.allclose(difference.heat, expected, atol=1e-5)
    classes.minus.setCurrentIndex(0)
    classes.slider.setValue(names.index(own.target))
    assert panel.explanation is own


def test_the_layer_slider_goes_from_fine_to_coarse(qtbot: Any, explained: Window):
    explained.view.grid.choose("gradcam")
    (slider,) = [
        one
        for one in explained.inspector.findChildren(QSlider)
        if one.accessibleName() == "From fine to coarse layers"
    ]
    panel = explained.session.explanations.panels["gradcam"]
    sizes = []
    for place in range(slider.maximum(), -1, -1):
        slider.setValue(place)
        qtbot.waitUntil(lambda: panel.status == "done", timeout=WAIT_MS)
        sizes.append(panel.explanation.heat.shape[0])
    assert sizes == sorted(sizes)
    assert sizes[-1] >= 4 * sizes[0]


def test_each_map_gets_a_badge_and_shows_what_stands_behind_it(qtbot: Any, explained: Window):
    trusts = explained.session.explanations.trusts
    badge = explained.view.grid.panels["gradcam"].badge
    qtbot.waitUntil(lambda: trusts.of("gradcam") is not None, timeout=WAIT_MS)
    trust = trusts.of("gradcam")
    assert badge.isVisible()
    assert badge.toolTip() == trust.words
    assert badge.text() in ("Holds up", "Doubtful", "Fails a check")
    assert explained.view.grid.panels["kernels"].badge.isHidden()
    badge.click()
    (dialog,) = explained.findChildren(TrustDialog)
    shown = [label.text() for label in dialog.findChildren(QLabel)]
    assert all(check.words in shown for check in trust.checks)
    maps = [one.attribution for one in dialog.findChildren(HeatMap)]
    assert maps == [explained.session.explanations.panels["gradcam"].explanation, trust.twin]
    dialog.reject()


def test_a_badge_is_not_found_out_twice(qtbot: Any, explained: Window, photo: Callable[..., Path]):
    trusts = explained.session.explanations.trusts
    qtbot.waitUntil(lambda: trusts.of("gradcam") is not None, timeout=WAIT_MS)
    first = trusts.of("gradcam")
    drop(explained, files(photo("other.jpg", seed=4)))
    qtbot.waitUntil(lambda: trusts.of("gradcam") is not first, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: finished(explained), timeout=WAIT_MS)
    explained.column.step(-1)
    assert trusts.of("gradcam") is first


def test_a_panel_leaves_as_a_file_and_as_a_page(qtbot: Any, explained: Window, tmp_path: Path):
    path = explained.saving.file_of(explained.view.grid.panels["gradcam"])
    assert path is not None
    assert path.name == "tom-gradcam.png"
    picture = QImage(str(path))
    panel = explained.view.grid.panels["gradcam"]
    assert (picture.width(), picture.height()) == (2 * panel.width(), 2 * panel.height())
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "panels.pdf"))
    explained.printing.print_on(printer)
    qtbot.waitUntil(lambda: "Printed 5" in explained.status.text, timeout=WAIT_MS)
    pdf = (tmp_path / "panels.pdf").read_bytes()
    assert pdf.count(b"/Type /Page\n") == 5
    explained.close()
    assert not path.exists()


def test_stop_work_stops_the_badges_too(qtbot: Any, window: Window, photo: Callable[..., Path]):
    trusts = window.session.explanations.trusts
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window) and trusts.working, timeout=WAIT_MS)
    assert window.working
    assert "deserve belief" in window.status.text
    assert not window.status.cancel.isHidden()
    window.stop()
    assert not window.working
    assert not trusts.working
    assert window.view.grid.panels["gradcam"].badge.isHidden()


def test_a_feature_map_opens_its_filter_on_one_click_and_none_on_two(qtbot: Any, explained: Window):
    panel = explained.view.grid.panels["feature_maps"]
    qtbot.waitUntil(lambda: panel.drawn, timeout=WAIT_MS)
    maps = panel.panel.explanation
    wanted = (maps.layers[2].filters, maps.layers[2].channels[1])
    assert wanted[0] == "layer2.0.conv2"
    canvas = panel.canvas
    place = next(
        canvas.mapTo(panel, QPoint(x, y))
        for y in range(0, canvas.height(), 2)
        for x in range(0, canvas.width(), 2)
        if panel.filter_at(QPointF(canvas.mapTo(panel, QPoint(x, y)))) == wanted
    )
    qtbot.mouseDClick(panel, Qt.MouseButton.LeftButton, pos=place)
    assert explained.view.grid.alone == "feature_maps"
    assert explained.tab == "explain"
    explained.view.back()
    qtbot.mouseClick(panel, Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: explained.tab == "neurons", timeout=WAIT_MS)
    work = explained.page.work
    qtbot.waitUntil(lambda: work.maps is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: work.maps.layer.name == wanted[0], timeout=WAIT_MS)
    assert work.state.selected == wanted[1]


def test_the_maps_of_the_verdicts_own_pass_serve_the_cams(qtbot: Any, explained: Window):
    session = explained.session
    kept = session.visit.judged
    session.explanations.want_classes()
    qtbot.waitUntil(lambda: session.explanations.class_maps is not None, timeout=WAIT_MS)
    assert session.explanations.class_maps.activations.base is kept.trunk.maps


def test_a_narrow_panel_shows_the_shield_and_no_title_is_cut_within_a_letter(
    qtbot: Any, explained: Window
):
    trusts = explained.session.explanations.trusts
    qtbot.waitUntil(lambda: trusts.of("occlusion") is not None, timeout=WAIT_MS)
    explained.resize(1440, 900)
    panel = explained.view.grid.panels["occlusion"]
    title = panel._title
    assert panel.badge.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
    assert title.fontMetrics().horizontalAdvance(title.text()) <= title.width()
    assert title.accessibleName().startswith("Occlusion sensitivity: ")
    explained.view.grid.show_alone("occlusion")
    qtbot.waitUntil(lambda: title.text() == title.accessibleName(), timeout=WAIT_MS)
    assert panel.badge.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    assert panel.badge.toolTip() == trusts.of("occlusion").words
