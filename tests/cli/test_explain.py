"""``petvision explain``: the files of each photo, typed parameters, folders that are taken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from petvision.cli import main


@pytest.fixture
def explain(tiny_model: Path, tmp_path: Path) -> list[str]:
    model = ["--model", str(tiny_model), "--engine", "torch-fp32"]
    return ["explain", *model, "--out", str(tmp_path / "out")]


def test_the_files_of_each_photo_are_written_and_printed(
    explain: list[str], samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    copy = tmp_path / "cat.png"
    shutil.copy(samples / "dog.jpg", copy)
    photos = [str(samples / "cat.jpg"), str(copy)]
    assert main([*explain, *photos, "--methods", "gradcam,kernels"]) == 0
    out = tmp_path / "out"
    names = ("gradcam.png", "gradcam.npy", "kernels.png", "kernels.npy", "explanation.json")
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(out / stem / name) for stem in ("cat", "cat-2") for name in names]
    assert np.load(out / "cat" / "gradcam.npy").ndim == 2
    assert (out / "cat" / "gradcam.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "cat-2" / "explanation.json").read_bytes())
    assert record["source"] == str(copy)


def test_target_layer_seed_and_parameters_arrive(
    explain: list[str], samples: Path, capsys: pytest.CaptureFixture[str]
):
    how = ["--target", "dog", "--layer", "layer3", "--seed", "7"]
    how += ["--param", "occlusion.stride=16", "--param", "occlusion.window=16"]
    photo = str(samples / "cat.jpg")
    assert main([*explain, photo, "--methods", "gradcam,occlusion", *how, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    gradcam, occlusion = record["panels"]
    assert record["target"] == gradcam["target"] == occlusion["target"] == "dog"
    assert gradcam["parameters"]["layer"] == "layer3"
    assert occlusion["parameters"]["stride"] == 16
    assert occlusion["parameters"]["seed"] == 7
    assert [Path(file).name for file in record["files"]][-1] == "explanation.json"


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (["--methods", "gradcm"], "Did you mean gradcam?"),
        (["--param", "occlusion.strde=8"], "Did you mean stride?"),
        (["--param", "occlusion.stride=wide"], "stride must be a valid integer"),
        (["--param", "occlusion.stride"], "must be METHOD.KEY=VALUE, not occlusion.stride"),
        (["--target", "ca"], "Did you mean cat?"),
        (["--layer", "layr4"], "Did you mean layer4?"),
        (["--methods", "gradcam", "--param", "occlusion.stride=8"], "no method 'occlusion'"),
    ],
)
def test_what_does_not_exist_ends_with_2_and_the_nearest_name(
    how: list[str],
    sentence: str,
    explain: list[str],
    samples: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    assert main([*explain, str(samples / "cat.jpg"), *how]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_picture_is_kept_and_ends_with_4(
    explain: list[str], samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    quick = ["--methods", "kernels"]
    assert main([*explain, str(samples / "cat.jpg"), *quick]) == 0
    assert main([*explain, str(samples / "cat.jpg"), *quick]) == 0  # the same picture: renewed
    other = tmp_path / "cat.jpg"
    shutil.copy(samples / "dog.jpg", other)
    before = (tmp_path / "out" / "cat" / "explanation.json").read_bytes()
    capsys.readouterr()
    assert main([*explain, str(other), str(samples / "neither.jpg"), *quick]) == 4
    said = capsys.readouterr()
    assert "is already there and holds something else" in said.err
    assert "neither" in said.out  # the run went on
    assert (tmp_path / "out" / "cat" / "explanation.json").read_bytes() == before


def test_a_broken_photo_is_told_and_the_next_one_explained(
    explain: list[str], samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"")
    photos = [str(broken), str(samples / "cat.jpg")]
    assert main([*explain, *photos, "--methods", "kernels"]) == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "petvision: broken.jpg is empty.",
        "1 of 2 inputs failed; the others are done.",
    ]
    assert len(said.out.splitlines()) == 3


def test_a_place_that_cannot_be_written_ends_with_4(
    explain: list[str], samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "out").write_text("a file, not a folder")
    assert main([*explain, str(samples / "cat.jpg"), "--methods", "kernels"]) == 4
    assert "cannot be written" in capsys.readouterr().err
