"""``petvision predict``: lines for people, JSON lines for programs, exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from petvision.cli import main

ENGINE = ["--engine", "torch-fp32"]


@pytest.fixture
def photos(tmp_path: Path, samples: Path) -> Path:
    """A folder with a cat, something broken, a dog, and a cat in a folder below."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    shutil.copy(samples / "cat.jpg", folder / "a.jpg")
    (folder / "b.jpg").write_bytes(b"")
    shutil.copy(samples / "dog.jpg", folder / "c.jpg")
    shutil.copy(samples / "cat.jpg", folder / "more" / "d.jpg")
    return folder


def test_a_line_for_each_photo_in_words(
    samples: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["predict", str(samples), "--model", str(tiny_model), *ENGINE]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["cat.jpg", "dog.jpg", "neither.jpg"]
    assert all(re.fullmatch(r"\w+\.jpg: (cat|dog), \d\d\.\d %", line) for line in lines)
    assert said.err == ""


def test_a_broken_photo_is_told_the_others_are_done_and_the_exit_code_is_1(
    photos: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["predict", str(photos), "--model", str(tiny_model), *ENGINE]) == 1
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["a.jpg", "c.jpg"]
    assert said.err == ("petvision: b.jpg is empty.\n1 of 3 inputs failed; the others are done.\n")


def test_json_lines_are_the_contracts(
    photos: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    call = ["predict", "--json", "--recursive", str(photos), "--model", str(tiny_model), *ENGINE]
    assert main(call) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ("a.jpg", "b.jpg", "c.jpg", "more/d.jpg")
    assert [line["source"] for line in lines] == [str(photos / name) for name in names]
    assert lines[1] == {
        "source": str(photos / "b.jpg"),
        "error": {"code": "unreadable", "message": "b.jpg is empty."},
    }
    first = lines[0]
    assert set(first) >= {
        *("source", "label", "confidence", "scores", "unknown", "unknown_score"),
        *("model", "image", "engine", "ms"),
    }
    assert first["label"] == max(first["scores"], key=first["scores"].get)
    assert first["confidence"] == max(first["scores"].values())
    assert sum(first["scores"].values()) == pytest.approx(1, abs=1e-6)
    assert first["unknown"] is False
    assert first["model"]["name"] == "tiny"
    assert len(first["model"]["sha256"]) == 64
    assert set(first["image"]) >= {"width", "height", "format", "sha256", "notes"}
    assert first["image"]["format"] == "JPEG"
    assert first["engine"] == "torch-fp32"
    assert set(first["ms"]) == {"read", "decode", "prepare", "compute"}
    assert first["scores"] == lines[3]["scores"]  # the same photo, in another folder


def test_a_list_on_standard_input_is_followed(
    photos: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    listed = os.fsencode(f"{photos / 'c.jpg'}\n\n{photos / 'a.jpg'}\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
    assert main(["predict", "-", "--model", str(tiny_model), *ENGINE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["c.jpg", "a.jpg"]


def test_an_unknown_photo_says_why(samples: Path, catdog: str, capsys: pytest.CaptureFixture[str]):
    photo = str(samples / "neither.jpg")
    assert main(["predict", photo, "--model", catdog, *ENGINE]) == 0
    line = capsys.readouterr().out
    assert line.startswith("neither.jpg: unknown: it is unlike the photos the model knows")
    assert re.search(r"the nearest class is (cat|dog), (over )?\d\d\.\d %", line)
    assert main(["predict", photo, "--model", catdog, "--unknown", "off", *ENGINE]) == 0
    assert re.match(r"neither\.jpg: (cat|dog), ", capsys.readouterr().out)


def test_the_sample_cat_and_dog_are_known(
    samples: Path, catdog: str, capsys: pytest.CaptureFixture[str]
):
    call = ["predict", str(samples / "cat.jpg"), str(samples / "dog.jpg"), "--model", catdog]
    assert main([*call, *ENGINE]) == 0
    cat, dog = capsys.readouterr().out.splitlines()
    assert cat.startswith("cat.jpg: cat, ")
    assert dog.startswith("dog.jpg: dog, ")
    assert "100" not in cat + dog


def test_an_empty_folder_is_a_failed_input(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["predict", str(tmp_path), "--model", str(tiny_model), *ENGINE]) == 1
    assert "there are no photos" in capsys.readouterr().err


def test_quiet_says_errors_only(photos: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", "--quiet", str(photos), "--model", str(tiny_model), *ENGINE]) == 1
    assert capsys.readouterr().err == "petvision: b.jpg is empty.\n"


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("catdog-resnet1001", "There is no model catdog-resnet1001."),
        ("damaged.safetensors", "damaged.safetensors is not a model file"),
    ],
)
def test_a_model_that_cannot_be_used_ends_with_3(
    model: str,
    sentence: str,
    samples: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.safetensors").write_bytes(b"not tensors")
    assert main(["predict", str(samples), "--model", model]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err


def test_an_engine_that_is_not_here_is_wrong_configuration(
    samples: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    call = ["predict", str(samples), "--model", str(tiny_model), "--engine", "onnx-fp32"]
    assert main(call) == 2
    assert "engine must be" in capsys.readouterr().err
