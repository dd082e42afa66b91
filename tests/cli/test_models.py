"""``petvision models``: the zoo as a table or JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from petvision.cli import main


@pytest.fixture(autouse=True)
def _own_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    monkeypatch.delenv("PETVISION_PRETRAINED", raising=False)


def test_a_model_is_added_listed_described_verified_and_removed(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["models", "add", str(tiny_model)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.name == "tiny.safetensors"
    assert path != tiny_model

    assert main(["models", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["NAME", "WHERE", "MB", "NETWORK", "CLASSES", "LICENCE"]
    assert any(row.split()[:2] == ["tiny", "own"] for row in rows)
    assert main(["models", "list", "--json"]) == 0
    (entry,) = (e for e in json.loads(capsys.readouterr().out) if e["name"] == "tiny")
    assert entry["path"] == str(path)

    assert main(["models", "info", "tiny"]) == 0
    assert "# tiny" in capsys.readouterr().out
    assert main(["models", "info", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["cat", "dog"]

    assert main(["models", "verify", "tiny"]) == 0
    assert capsys.readouterr().out.startswith("tiny: whole, ")
    path.write_bytes(path.read_bytes()[:-100])
    assert main(["models", "verify", "tiny"]) == 3
    assert "tiny.safetensors" in capsys.readouterr().err

    assert main(["models", "remove", "tiny"]) == 0
    assert not path.exists()
    assert main(["models", "info", "tiny"]) == 3


def test_a_name_that_cannot_be_fetched_ends_with_3(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "fetch", "imagenet-resnet999"]) == 3
    assert "imagenet-resnet101" in capsys.readouterr().err


def test_fetching_offline_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PETVISION_OFFLINE", "1")
    assert main(["models", "fetch", "resnet18"]) == 1
    said = capsys.readouterr().err
    assert "imagenet-resnet18: 47 MB, licence: BSD-3-Clause" in said
    assert "PETVISION_OFFLINE is set" in said
