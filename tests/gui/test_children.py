"""The program's verbs as child processes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication

from petvision.app import children
from petvision.app.children import Child, command


def test_a_verb_runs_and_speaks(qtbot: Any, samples: Path, tiny_model: Path) -> None:
    child = Child()
    told: list[Any] = []
    child.told.connect(told.append)
    model = tiny_model / "catdog-resnet101.safetensors"
    words = ["predict", str(samples / "cat.jpg"), "nothing.jpg", "--json", "--model", str(model)]
    with qtbot.waitSignal(child.ended, timeout=60_000) as ended:
        child.start([*words, "--engine", "torch-fp32"], background=True)
    assert ended.args == [1]
    assert [line.get("label", "failed") for line in told][1] == "failed"
    assert told[0]["model"]["name"] == "catdog-resnet101"


def test_wrong_words_end_with_their_sentence(qtbot: Any) -> None:
    child = Child()
    with qtbot.waitSignal(child.ended, timeout=60_000) as ended:
        child.start(["sever"])
    assert ended.args == [2]
    assert "Did you mean serve?" in " ".join(child.last_words)


def test_a_program_that_is_not_there_is_an_end_too(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    child = Child()
    with qtbot.waitSignal(child.ended, timeout=10_000) as ended:
        child.start(["predict"])
    assert ended.args == [-1]
    assert child.last_words


def test_the_end_waits_for_the_child(qtbot: Any, qapp: QCoreApplication) -> None:
    child = Child()
    child.start(["predict", "-"])
    child.end()
    assert not child.running


def test_the_packaged_window_calls_the_console_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/petvision/petvision-gui")
    monkeypatch.setattr(children.shutil, "which", lambda name: "/usr/bin/nice")
    assert command(["serve"]) == ("/opt/petvision/petvision", ["serve"])
    program, rest = command(["train", "a.yaml"], background=True)
    assert program == "/usr/bin/nice"
    assert rest[-3:] == ["/opt/petvision/petvision", "train", "a.yaml"]
