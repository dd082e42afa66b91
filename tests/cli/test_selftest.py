"""``petvision selftest`` says in plain words what works, and notices what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from petvision import selftest
from petvision.cli import main
from petvision.errors import ModelError


def test_a_check_that_fails_stops_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise ModelError("bad_weights", "a.safetensors", reason="a value is no number")

    def bug() -> str:
        return str(1 / 0)

    def absent() -> str:
        raise selftest.Absent("there is none")

    checks = (("model", broken), ("sum", bug), ("display", absent), ("rest", lambda: "fine"))
    monkeypatch.setattr(selftest, "_checks", lambda folder: checks)
    assert main(["selftest"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert "FAILED" in lines[0]
    assert "a.safetensors has damaged weights" in lines[0]
    assert "ZeroDivisionError" in lines[1]
    assert lines[2].startswith("not here")
    assert lines[-1] == "1 passed, 2 failed, 1 not here"


def test_what_needs_no_model_passes(tmp_path: Path) -> None:
    for check in (selftest._program, selftest._memory, selftest._folders, selftest._formats):
        assert check()


def test_the_small_network_is_trained_explained_and_exported(tmp_path: Path) -> None:
    assert "none in both parts" in selftest._data(tmp_path)
    assert "two epochs" in selftest._train(tmp_path)
    model = tmp_path / "run" / "model.safetensors"
    assert "gradcam" in selftest._explain(model)
    assert "ONNX" in selftest._export(model, tmp_path)


def test_every_network_that_is_trained_can_learn():
    assert "vgg16-gap" in selftest._networks()


@pytest.mark.slow
def test_everything_passes_with_the_bundled_model(
    catdog: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["selftest", "--json"]) == 0
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {line["state"] for line in told} <= {"passed", "absent"}
    assert "predict" in {line["name"] for line in told if line["state"] == "passed"}
