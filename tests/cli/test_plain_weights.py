"""State dicts as torchvision saves them: opened, asked their classes, predicting, evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from petvision.cli import main
from petvision.models.class_names import CIFAR10
from petvision.models.torchvision_door import plain_network


@pytest.fixture(scope="module")
def alexnet_cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "alexnet_cifar10.pth"
    torch.save(plain_network("alexnet", 10).state_dict(), path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for label in ("cat", "ship"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / label / "0.png")
    return tmp_path / "photos"


def test_published_weights_predict_and_are_evaluated(
    alexnet_cifar10: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model = str(alexnet_cifar10)
    assert main(["predict", str(photos / "cat" / "0.png"), "--model", model, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert tuple(answer["scores"]) == CIFAR10
    out = tmp_path / "report"
    call = ["evaluate", model, "--data", f"folder:{photos}", "--out", str(out)]
    assert main([*call, "--quiet"]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["n"] == 2
    assert [c["name"] for c in metrics["classes"]] == list(CIFAR10)
    assert (out / "report.html").stat().st_size > 10_000


def test_other_names_are_given_on_the_command_line(
    alexnet_cifar10: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    names = ",".join("abcdefghij")
    call = ["predict", str(photos / "cat" / "0.png"), "--model", str(alexnet_cifar10), "--json"]
    assert main([*call, "--classes", names]) == 0
    assert list(json.loads(capsys.readouterr().out)["scores"]) == list("abcdefghij")
    assert main([*call, "--classes", "cat,dog"]) == 3
    assert "tells 10 classes apart, and 2 names are given" in capsys.readouterr().err
