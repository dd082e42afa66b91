"""A case file dropped on the window: its photo, target and parameters, run again and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from petvision.app import saving
from petvision.app.window import Window
from petvision.reports.verify import Finding
from tests.gui.steps import WAIT_MS, drop, files, finished


@pytest.fixture
def case(
    qtbot: Any, window: Window, photo: Callable[..., Path], tmp_path: Path
) -> tuple[Path, str]:
    """A case file and its target, which is not the likeliest class; the window is as before it.

    Its occlusion has a stride of 8, the person's own has 16. The photo itself is gone.
    """
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
    return place / "case.html", other


def replayed(qtbot: Any, window: Window, path: Path) -> tuple[Finding, ...]:
    with qtbot.waitSignal(window.session.replay.compared, timeout=WAIT_MS) as compared:
        drop(window, files(path))
    return compared.args[0]


def turn(qtbot: Any, window: Window, path: Path) -> None:
    """Open another photo and wait for its panels."""
    drop(window, files(path))
    qtbot.waitUntil(lambda: window.session.current.source.label == path.name, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)


def test_a_dropped_case_is_replayed_and_comes_out_the_same(
    qtbot: Any, window: Window, case: tuple[Path, str]
):
    path, target = case
    explanations = window.session.explanations
    for _ in range(2):  # the second time all is known already
        findings = replayed(qtbot, window, path)
        assert len(findings) == 2
        assert all(finding.same for finding in findings)
        assert explanations.target == target
        assert explanations.panels["occlusion"].values["stride"] == 8
        assert "comes out the same" in window.status.text
    window.column.clear()
    assert explanations.panels["occlusion"].values["stride"] == 16  # as before the first


def test_a_case_holds_while_its_photo_is_in_view_and_no_longer(
    qtbot: Any, window: Window, case: tuple[Path, str], photo: Callable[..., Path]
):
    path, target = case
    explanations, inspector = window.session.explanations, window.inspector
    window.view.grid.choose("occlusion")
    replayed(qtbot, window, path)
    assert inspector._target.currentData() == target
    assert inspector._form.values["stride"] == 8
    turn(qtbot, window, photo("next.jpg", seed=5))
    assert explanations.target == window.session.current.prediction.best_class
    found = explanations.panels["occlusion"].explanation
    assert found.target == explanations.target
    assert found.parameters["stride"] == 16
    assert inspector._target.currentIndex() == 0
    assert inspector._form.values["stride"] == 16


def test_a_case_with_a_method_that_has_no_panel_lends_it_one(
    qtbot: Any, window: Window, photo: Callable[..., Path], tmp_path: Path
):
    explanations = window.session.explanations
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    explanations.add("layercam", keep=False)
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    session = window.session
    place = saving.save_pack(
        tmp_path, session.visit.encoded, window.saving.explained, session.handle.spec
    )
    explanations.remove("layercam")
    findings = replayed(qtbot, window, place / "case.html")
    assert len(findings) == 6
    assert all(finding.same for finding in findings)
    turn(qtbot, window, photo("next.jpg", seed=5))
    assert "layercam" not in explanations.panels


def test_what_a_person_chooses_while_a_case_is_in_view_stays(
    qtbot: Any, window: Window, case: tuple[Path, str], photo: Callable[..., Path]
):
    path, _ = case
    explanations = window.session.explanations
    explanations.choose_target("cat")
    replayed(qtbot, window, path)
    explanations.choose_values(
        "occlusion", {**explanations.panels["occlusion"].values, "stride": 4}
    )
    turn(qtbot, window, photo("next.jpg", seed=5))
    assert explanations.panels["occlusion"].values["stride"] == 4
    assert explanations.target == "cat"  # chosen before the case, and brought back


def test_a_file_that_is_no_case_is_told(qtbot: Any, window: Window, tmp_path: Path):
    told: list[str] = []
    window.session.told.connect(told.append)
    (tmp_path / "odd.html").write_text("<p>no case</p>")
    drop(window, files(tmp_path / "odd.html"))
    qtbot.waitUntil(lambda: any("odd.html" in one for one in told), timeout=WAIT_MS)


def test_the_inspector_follows_what_is_chosen_elsewhere(qtbot: Any, window: Window):
    """Its box names the target, and its form has the values the panel has now."""
    qtbot.waitUntil(lambda: "occlusion" in window.view.grid.panels, timeout=WAIT_MS)
    inspector, explanations = window.inspector, window.session.explanations
    sent: list[object] = []
    inspector.target_chosen.connect(sent.append)
    inspector.values_chosen.connect(lambda *values: sent.append(values))
    panel = explanations.panels["occlusion"]
    inspector.show_panel(panel)
    panel.values = {**panel.values, "stride": 8}
    inspector.follow("dog")
    assert inspector._target.currentData() == "dog"
    assert inspector._form.values["stride"] == 8
    inspector.follow(None)
    assert inspector._target.currentIndex() == 0
    assert not sent  # nothing was chosen here
