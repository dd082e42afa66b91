from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from petvision.images.types import Pixels
from tests.images.pictures import Save


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a picture (an array or Pillow's) into the test's folder, with Pillow's options."""

    def write(pixels: Pixels | Image.Image, name: str, **options: object) -> Path:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return write
