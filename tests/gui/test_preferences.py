"""Preferences: each is kept, and takes effect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from petvision.app.preferences import Preferences
from petvision.app.settings import Settings
from petvision.app.window import Window
from petvision.models.speeds import cache_folder
from tests.gui.steps import WAIT_MS, finished


def test_never_saying_unknown_takes_effect(
    qtbot: Any, make_window: Callable[[], Window], photo: Callable[..., Path]
) -> None:
    window = make_window()
    session = window.session
    qtbot.waitUntil(lambda: session.handle is not None and not session.opening, timeout=60_000)
    dialog = Preferences(session, window.theme, window)
    dialog.open()
    dialog.unknown.setCurrentIndex(dialog.unknown.findData("value"))
    dialog.threshold.setValue(0.0)
    assert dialog.threshold.isEnabled()
    dialog.close()
    assert session.opening, "the model is opened anew"
    qtbot.waitUntil(lambda: not session.opening, timeout=60_000)
    session.open_inputs([str(photo("tom.png"))])
    qtbot.waitUntil(lambda: bool(session.current and session.current.prediction), timeout=60_000)
    assert session.current is not None
    assert session.current.prediction is not None
    assert session.current.prediction.label == "unknown"


def test_what_is_chosen_is_kept(
    qtbot: Any, make_window: Callable[[], Window], settings: Settings
) -> None:
    window = make_window()
    settings.opened("/photos/tom.jpg")
    dialog = Preferences(window.session, window.theme, window)
    dialog.open()
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    assert window.theme.choice == "dark"
    dialog.engine.setCurrentIndex(dialog.engine.findData("torch-fp32"))
    dialog.threads.setValue(1)
    dialog.remember.click()
    assert settings.recent == []
    settings.opened("/photos/tom.jpg")
    assert settings.recent == []
    assert (settings.get("engine", ""), settings.get("threads", 0)) == ("torch-fp32", 1)
    dialog.close()
    window.theme.choose("light")


def test_a_threshold_that_is_no_number_is_the_models_own(settings: Settings) -> None:
    for stored, meant in (("auto", "auto"), ("off", "off"), ("0.25", 0.25), ("nan", "auto")):
        settings.put("unknown", stored)
        assert settings.unknown == meant


def test_kept_explanations_are_bounded_deleted_and_left_out(
    qtbot: Any, make_window: Callable[[], Window], photo: Callable[..., Path], settings: Settings
) -> None:
    window = make_window()
    session = window.session
    session.open_inputs([str(photo("tom.png"))])
    kept = cache_folder() / "explanations"
    qtbot.waitUntil(lambda: kept.is_dir() and any(kept.iterdir()), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: finished(window) and not session.working, timeout=WAIT_MS)
    dialog = Preferences(session, window.theme, window)
    dialog.open()
    assert dialog.kept.value() == 512
    qtbot.waitUntil(lambda: " MB now" in dialog.about_kept.text(), timeout=WAIT_MS)
    dialog.clear_kept.click()
    qtbot.waitUntil(lambda: not any(kept.iterdir()), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "0.0 MB now" in dialog.about_kept.text(), timeout=WAIT_MS)
    dialog.kept.setValue(0)
    dialog.close()
    assert settings.most_kept == 0
    session.open_inputs([str(photo("other.png", seed=4))])
    qtbot.waitUntil(lambda: not finished(window), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    assert not [one for one in kept.iterdir() if one.stat().st_size]
