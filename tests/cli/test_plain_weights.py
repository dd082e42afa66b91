"""State dicts as torchvision saves them: opened, asked their classes, predicting, evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from petvision.cli import main
from petvision.models.architectures import build_empty, shapes
from petvision.models.class_names import CIFAR10, CIFAR100
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


@pytest.fixture(params=["vgg16_cifar10.pth", "resnet50_cifar100.pth"])
def published(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Weights under the names they are published by; the file goes at once, it is large."""
    architecture, _, data = Path(request.param).stem.partition("_")
    network = build_empty(architecture, int(data.removeprefix("cifar")))
    torch.manual_seed(0)
    # In half precision, to be quick to write. Torchvision's files hold counters too.
    weights = {name: 0.02 * torch.randn(shape).half() for name, shape in shapes(network).items()}
    weights |= {n: torch.ones(s) for n, s in shapes(network).items() if n.endswith("running_var")}
    counters = {n: torch.tensor(0) for n in network.state_dict() if n not in weights}
    path = tmp_path / request.param
    torch.save(weights | counters, path)
    yield path
    path.unlink()


def test_published_weights_predict_and_are_evaluated(
    published: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    names = CIFAR10 if "cifar10." in published.name else CIFAR100
    truths = ("cat", "ship") if names == CIFAR10 else ("castle", "wolf")
    for former, truth in zip(("cat", "ship"), truths, strict=True):
        (photos / former).rename(photos / truth)
    model, photo = str(published), photos / truths[0] / "0.png"
    assert main(["predict", str(photo), "--model", model, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert tuple(answer["scores"]) == names
    assert sum(answer["scores"].values()) == pytest.approx(1)
    out = tmp_path / "report"
    call = ["evaluate", model, "--data", f"folder:{photos}", "--out", str(out)]
    assert main([*call, "--quiet"]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["n"] == 2
    assert [c["name"] for c in metrics["classes"]] == list(names)
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
