"""Photos small enough to make by the hundred, and a model that answers them in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.models.handle import ModelHandle, open_model


@pytest.fixture(scope="session")
def handle(tiny_model: Path) -> ModelHandle:
    return open_model(tiny_model)


@pytest.fixture
def make_photos() -> Callable[..., list[Path]]:
    """``make_photos(folder, 5)``: photos of coloured noise, each another."""

    def make(folder: Path, count: int, first: int = 0) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number in range(first, first + count):
            draw = np.random.default_rng(number)
            path = folder / f"{number:04}.png"
            Image.fromarray(draw.integers(0, 256, (24, 20, 3), np.uint8)).save(path)
            paths.append(path)
        return paths

    return make
