"""A case file dropped on the window: its photo, target and parameters, run again and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from petvision.app import saving
from petvision.app.window import Window
from tests.gui.steps import WAIT_MS, drop, files, finished


def test_a_dropped_case_is_replayed_and_comes_out_the_same(
    qtbot: Any, window: Window, photo: Callable[..., Path], tmp_path: Path
):
    original = photo("tom.jpg")
    drop(window, files(original))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    session = window.session
    other = "dog" if session.explanations.target == "cat" else "cat"
    session.explanations.choose_values(
        "occlusion", {**session.explanations.panels["occlusion"].values, "stride": 8, "window": 16}
    )
    session.explanations.choose_target(other)
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    explained = replace(
        window.saving.explained,
        explanations=tuple(
            one
            for one in window.saving.explained.explanations
            if one.method in ("gradcam", "occlusion")
        ),
    )
    place = saving.save_pack(tmp_path, session.visit.encoded, explained, session.handle.spec)
    session.explanations.choose_target(None)
    session.explanations.choose_values(
        "occlusion", {**session.explanations.panels["occlusion"].values, "stride": 16}
    )
    window.column.clear()
    original.unlink()
    with qtbot.waitSignal(session.replay.compared, timeout=WAIT_MS) as compared:
        drop(window, files(place / "case.html"))
    assert len(compared.args[0]) == 2
    assert all(finding.same for finding in compared.args[0])
    assert session.explanations.target == other
    assert session.explanations.panels["occlusion"].values["stride"] == 8
    assert "comes out the same" in window.status.text
    told: list[str] = []
    session.told.connect(told.append)
    (tmp_path / "odd.html").write_text("<p>no case</p>")
    drop(window, files(tmp_path / "odd.html"))
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    assert "odd.html" in told[0]
