"""Pictures made by hand for the door's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from petvision.images import door, prepare
from petvision.images.inputs import source_of
from petvision.images.types import InputSpec, Picture, Pixels

FILES = Path(__file__).parent / "files"
"""Four coloured rectangles as HEIC, one stored turned (made with pillow-heif: ours only reads)."""


def scene(width: int = 96, height: int = 64) -> Pixels:
    """Smooth, colourful, and different under every turn and mirror: RGB uint8 H×W×3."""
    y, x = np.mgrid[0:height, 0:width] / (max(width, height) - 1)
    colours = [30 + 200 * x, 220 - 180 * y, 60 + 120 * x * y + 60 * np.sin(5 * x)]
    return np.clip(np.stack(colours, axis=-1), 0, 255).astype(np.uint8)


def opened(path: Path, resize: int | None = None) -> Picture:
    """The picture that the door makes of a file."""
    return door.decode(door.load(source_of(str(path))), resize)


def words(picture: Picture) -> list[str]:
    """The notes of a picture as a person reads them."""
    return [str(note) for note in picture.facts.notes]


def seen(path: Path) -> np.ndarray:
    """What a network with the usual input would see of a file, in 0..255 levels."""
    spec = InputSpec(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return prepare.open_prepared(source_of(str(path)), spec).pixels[0] * 255


Save = Callable[..., Path]
