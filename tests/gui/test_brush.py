"""The evidence brush with a real mouse, on a network whose answer hangs on a planted square."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from petvision.app import tasks
from petvision.app.settings import Settings
from petvision.app.window import Window
from petvision.models.cards import Card, InputCard, UnknownCard
from petvision.models.files import write_model
from petvision.models.resnet import build_resnet
from tests.gui.steps import WAIT_MS, drop, files, judged

SIDE = 64
SPOT = (16, 16, 40, 40)  # what the photo has in red: the only thing that speaks for "cat"


def red_means_cat() -> dict[str, torch.Tensor]:
    """A residual network whose logits are the mean brightness of red against a constant."""
    network = build_resnet("resnet18", 2, (1, 1, 1, 1))
    tensors = network.state_dict()
    for name, tensor in tensors.items():
        if tensor.dtype.is_floating_point and not name.endswith("running_var"):
            tensor.zero_()
    tensors["conv1.weight"][0, 0, 3, 3] = 1.0  # channel 0 is red where there is any
    tensors["bn1.weight"].fill_(1.0)
    for stage in (1, 2, 3, 4):
        key = f"layer{stage}.0.downsample.1.weight"
        if key in tensors:
            tensors[f"layer{stage}.0.downsample.0.weight"][0, 0, 0, 0] = 1.0
            tensors[key].fill_(1.0)
    tensors["fc.weight"][0, 0] = 20.0
    tensors["fc.bias"][0] = -2.0
    return tensors


@pytest.fixture
def bundled_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That network as the bundled model."""
    folder = tmp_path / "weights"
    folder.mkdir()
    card = Card(
        name="catdog-resnet101",
        architecture="resnet18",
        blocks_per_stage=(1, 1, 1, 1),
        classes=("cat", "dog"),
        input=InputCard(size=SIDE, resize=SIDE, mean=(0.1, 0.1, 0.1), std=(1.0, 1.0, 1.0)),
        unknown=UnknownCard(score="max_softmax", threshold=2.0),  # never
    )
    write_model(folder / "catdog-resnet101.safetensors", card, red_means_cat())
    monkeypatch.setenv("PETVISION_WEIGHTS", str(folder))
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def red_square(tmp_path: Path) -> Path:
    """A dark photo with a red square."""
    pixels = np.zeros((4 * SIDE, 4 * SIDE, 3), np.uint8)
    left, top, right, bottom = (4 * side for side in SPOT)
    pixels[top:bottom, left:right, 0] = 255
    path = tmp_path / "red.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def painting(qtbot: Any, window: Window, red_square: Path) -> Window:
    """The window with the brush on that photo."""
    drop(window, files(red_square))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    assert window.session.current.prediction.label == "cat"
    window.view.paint()
    qtbot.waitUntil(lambda: window.view.brush.ready, timeout=WAIT_MS)
    QApplication.processEvents()
    return window


def at(window: Window, x: float, y: float) -> QPoint:
    """A place of the photo (0..1) as a point of the easel."""
    return window.view.brush.easel.point_at(QPointF(x, y)).toPoint()


def settled(window: Window) -> Callable[[], bool]:
    brush = window.view.brush
    return lambda: not brush._busy and not brush._behind


def rub(qtbot: Any, window: Window, left: float, top: float, right: float, bottom: float) -> None:
    """Rub over a rectangle of the photo with the mouse, in one stroke."""
    easel = window.view.brush.easel
    qtbot.mousePress(easel, Qt.MouseButton.LeftButton, pos=at(window, left, top))
    for step in range(7):
        y = top + (bottom - top) * step / 6
        for x in (left, right) if step % 2 == 0 else (right, left):
            qtbot.mouseMove(easel, at(window, x, y))
    qtbot.mouseRelease(easel, Qt.MouseButton.LeftButton, pos=at(window, right, bottom))


def test_rubbing_out_the_evidence_changes_the_answer_and_undo_brings_it_back(
    qtbot: Any, painting: Window
):
    brush = painting.view.brush
    rub(qtbot, painting, 0.2, 0.2, 0.68, 0.68)
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert brush.prediction.label == "dog"
    assert len(brush.easel.history.strokes) == 1
    undo = next(a for a in painting.menus.actions if a.text() == "&Undo")
    undo.trigger()
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert brush.prediction.label == "cat"
    assert brush.prediction.logits == pytest.approx(
        painting.session.current.prediction.logits, abs=1e-4
    )
    brush.redo_button.click()
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert brush.prediction.label == "dog"
    brush.clear_button.click()
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert brush.prediction.label == "cat"


def test_rubbing_elsewhere_changes_nothing(qtbot: Any, painting: Window):
    before = painting.session.current.prediction.logits
    rub(qtbot, painting, 0.8, 0.8, 0.95, 0.95)
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    after = painting.view.brush.prediction.logits
    assert after == pytest.approx(before, abs=0.05)


def test_what_is_painted_is_seen_at_once_where_the_mouse_was(qtbot: Any, painting: Window):
    easel = painting.view.brush.easel
    point = at(painting, 0.4, 0.4)
    assert easel.grab().toImage().pixelColor(point).red() > 200
    qtbot.mouseClick(easel, Qt.MouseButton.LeftButton, pos=point)
    easel.link.hover(None)
    assert easel.grab().toImage().pixelColor(point).red() < 60


def test_the_smallest_patch_is_found_covered_and_can_be_undone(qtbot: Any, painting: Window):
    brush = painting.view.brush
    brush.finder.click()
    qtbot.waitUntil(lambda: not brush.searching and settled(painting)(), timeout=WAIT_MS)
    (stroke,) = brush.easel.history.strokes
    left, top, right, bottom = (side / 4 for side in stroke.box)
    covered = max(0, min(right, 40) - max(left, 16)) * max(0, min(bottom, 40) - max(top, 16))
    assert covered > 0.4 * (right - left) * (bottom - top)
    assert right - left < 0.5 * SIDE
    assert brush.prediction.label == "dog"
    assert "turns cat into dog" in brush._found.text()
    brush.undo_button.click()
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert brush.prediction.label == "cat"
    assert not brush._found.text()  # it was said of what is painted no more


def test_painting_on_while_the_smallest_patch_is_looked_for_ends_the_search(
    qtbot: Any, painting: Window
):
    brush = painting.view.brush
    brush.finder.click()
    assert brush.searching
    qtbot.mouseClick(brush.easel, Qt.MouseButton.LeftButton, pos=at(painting, 0.9, 0.9))
    assert not brush.searching
    qtbot.waitUntil(settled(painting), timeout=WAIT_MS)
    assert len(brush.easel.history.strokes) == 1
    assert not brush._found.text()


def test_the_patch_is_covered_with_what_it_was_looked_for_with(qtbot: Any, painting: Window):
    brush = painting.view.brush
    brush.finder.click()
    brush.tools["blur"].click()
    qtbot.waitUntil(lambda: not brush.searching, timeout=WAIT_MS)
    (stroke,) = brush.easel.history.strokes
    assert stroke.kind == "erase"


def test_the_brush_says_unknown_when_the_person_wants_it_said(
    qtbot: Any, settings: Settings, make_window: Callable[[], Window], red_square: Path
):
    settings.put("unknown", "0.000001")  # over this score: always
    window = make_window()
    drop(window, files(red_square))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    assert window.session.current.prediction.unknown
    window.view.paint()
    qtbot.waitUntil(lambda: window.view.brush.ready, timeout=WAIT_MS)
    window.view.brush.easel.cover("erase", (0.0, 0.0, 4.0, 4.0))
    qtbot.waitUntil(settled(window), timeout=WAIT_MS)
    assert window.view.brush.prediction.unknown


def test_the_keyboard_paints_and_escape_brings_the_panels_back(qtbot: Any, painting: Window):
    easel = painting.view.brush.easel
    qtbot.keyClick(easel, Qt.Key.Key_Left)
    qtbot.keyClick(easel, Qt.Key.Key_Space)
    assert len(easel.history.strokes) == 1
    size = easel.size_share
    painting.view.brush._grow(1)
    assert easel.size_share > size
    assert not painting.inspector.isVisible()
    back = next(a for a in painting.menus.actions if a.shortcut().toString() == "Esc")
    assert back.isEnabled()
    back.trigger()
    assert painting.view.currentWidget() is painting.view.results
    assert painting.inspector.isVisible()


def test_turning_to_another_photo_ends_the_painting(qtbot: Any, painting: Window, tmp_path: Path):
    brush = painting.view.brush
    brush.finder.click()
    other = tmp_path / "other.png"
    Image.new("RGB", (80, 80), "green").save(other)
    drop(painting, files(other))
    qtbot.waitUntil(lambda: judged(painting) and not painting.view.painting, timeout=WAIT_MS)
    assert not brush.searching
    painting.view.paint()
    qtbot.waitUntil(lambda: brush.ready, timeout=WAIT_MS)
    assert brush.easel.history.strokes == ()
    assert brush.tools["paste"].isEnabled()


@pytest.fixture
def second(qtbot: Any, painting: Window, tmp_path: Path) -> Window:
    """The window with a second photo, green, in the list, and the brush on the first one."""
    first, other = painting.session.current, tmp_path / "green.png"
    Image.new("RGB", (80, 80), (0, 200, 0)).save(other)
    drop(painting, files(other))
    qtbot.waitUntil(lambda: judged(painting) and not painting.view.painting, timeout=WAIT_MS)
    painting.session.show_photo(first)
    paint_again(qtbot, painting)
    return painting


def paint_again(qtbot: Any, window: Window) -> None:
    window.view.stop_painting()
    window.view.paint()
    qtbot.waitUntil(lambda: window.view.brush.ready, timeout=WAIT_MS)
    QApplication.processEvents()


def dab(qtbot: Any, window: Window) -> tuple[int, ...]:
    """Click into the middle of the photo: the colour that is there once all is answered."""
    brush, point = window.view.brush, at(window, 0.5, 0.5)
    qtbot.mouseClick(brush.easel, Qt.MouseButton.LeftButton, pos=point)
    qtbot.waitUntil(settled(window), timeout=WAIT_MS)
    brush.easel.link.hover(None)
    return brush.easel.grab().toImage().pixelColor(point).getRgb()[:3]


def test_the_photo_to_paint_with_is_kept_for_the_next_painting(qtbot: Any, second: Window):
    brush = second.view.brush
    brush.tools["paste"].click()
    qtbot.waitUntil(lambda: brush._other is not None, timeout=WAIT_MS)
    assert dab(qtbot, second) == (0, 200, 0)
    paint_again(qtbot, second)
    assert brush.tools["paste"].isChecked()
    qtbot.waitUntil(lambda: brush._other is not None, timeout=WAIT_MS)
    assert dab(qtbot, second) == (0, 200, 0)


def test_a_photo_read_too_late_is_not_painted_with(
    qtbot: Any, second: Window, monkeypatch: pytest.MonkeyPatch
):
    """The answer comes when the brush is on the photo again, with another tool."""
    brush, read = second.view.brush, tasks.to_paint
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def slow(*given: Any) -> tasks.Canvas:
        begun.set()
        gate.wait()
        canvas = read(*given)
        done.set()
        return canvas

    monkeypatch.setattr(tasks, "to_paint", slow)
    brush.tools["paste"].click()
    assert begun.wait(30)
    brush.tools["erase"].click()
    paint_again(qtbot, second)
    gate.set()
    assert done.wait(30)
    qtbot.wait(50)
    assert brush._other is None
