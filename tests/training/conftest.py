"""A small data set anyone can tell apart: red photos are cats, blue photos are dogs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks as small as these only wait for a second thread, here and in child processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder_of_colours(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for label, channel in (("cat", 0), ("dog", 2)):
        (root / label).mkdir(parents=True)
        for number in range(15):
            pixels = rng.integers(0, 120, (40, 52, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(root / label / f"{number:02}.png")
    return root


@pytest.fixture
def small_config(folder_of_colours: Path, tmp_path: Path) -> dict:
    return {
        "data": {
            "source": "folder",
            "root": str(folder_of_colours),
            "image_size": 32,
            "resize": 36,
        },
        "model": {
            "architecture": "resnet18",
            "blocks_per_stage": [1, 1, 1, 1],
            "name": "red-or-blue",
        },
        "optimizer": {"lr": 1e-3},
        "training": {
            "epochs": 2,
            "batch_size": 8,
            "amp": False,
            "freeze_statistics": False,
            "ema": 0.0,
        },
        "unknown": {"negatives": [], "bank": 8},
        "evaluation": {"report": False},
        "device": "cpu",
        "seed": 5,
        "out": str(tmp_path / "run"),
    }
