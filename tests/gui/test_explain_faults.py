"""When something fails: the maps are judged, and what is done is exported, all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog

from petvision.app import tasks
from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.window import Window
from petvision.errors import ConfigError
from petvision.events import Progress
from tests.gui.steps import WAIT_MS, drop, files, finished


def judging(window: Window) -> bool:
    """Whether all panels are there and the maps are being judged, not waiting for it."""
    return finished(window) and window.session.explanations.trusts.working


def test_after_a_start_that_went_wrong_the_maps_are_judged_all_the_same(
    qtbot: Any, tmp_path: Path, theme: Theme, bundled_model: None, photo: Callable[..., Path]
):
    window = Window(Settings.safe(tmp_path / "settings.toml"), theme)
    window.show()
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: judging(window), timeout=WAIT_MS)
    assert window.session.handle.engine.name == "torch-fp32"
    window.close()
    window.deleteLater()


@pytest.mark.parametrize("fault", [ConfigError("key", "engine", key="x", remedy=""), MemoryError()])
def test_where_no_engine_can_be_measured_the_maps_are_judged_all_the_same(
    qtbot: Any,
    theme: Theme,
    settings: Settings,
    bundled_model: None,
    photo: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
):
    def no_twin(handle: object) -> Iterator[Any]:
        yield Progress(0, 0)
        raise fault

    monkeypatch.setattr(tasks, "twin", no_twin)
    window = Window(settings, theme)
    window.show()
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: judging(window), timeout=WAIT_MS)
    window.close()
    window.deleteLater()


def test_what_is_done_is_exported_and_what_failed_or_was_stopped_is_named(
    qtbot: Any,
    window: Window,
    photo: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    explanations = window.session.explanations
    explanations.choose_values("gradcam", {"layer": "nowhere"})
    assert window.saving.explained is None, "one is still at work"
    qtbot.waitUntil(lambda: explanations.panels["gradcam"].status == "failed", timeout=WAIT_MS)
    slow = {**explanations.panels["occlusion"].values, "stride": 1}
    explanations.choose_values("occlusion", slow)
    window.stop()
    assert explanations.panels["occlusion"].status == "stopped"
    made = window.saving.explained
    assert [one.method for one in made.failures] == ["gradcam", "occlusion"]
    assert "'nowhere'" in str(made.failures[0].error)
    assert str(made.failures[1].error) == "Occlusion sensitivity was cancelled."
    texts = {action.text(): action for action in window.menus.actions}
    assert texts["Export &Evidence Pack…"].isEnabled()
    assert texts["&Print…"].isEnabled()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    texts["Export &Evidence Pack…"].trigger()
    qtbot.waitUntil(lambda: "Saved" in window.status.text, timeout=WAIT_MS)
    told = window.status.text
    assert told.endswith("without what failed or was stopped: Grad-CAM, Occlusion sensitivity")
    record = json.loads((tmp_path / "tom" / "explanation.json").read_bytes())
    assert [one["method"] for one in record["errors"]] == ["gradcam", "occlusion"]
    assert len(record["panels"]) == 3
