"""The Compare tab in a real window: two of anything on one scale, in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPointF

from petvision.app.window import Window
from tests.gui.steps import WAIT_MS, drop, files, judged


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
    assert maps[0].scale is maps[1].scale
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
