"""The types that carry a picture from where it lies to what the network sees. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture comes from.

    ``location`` is a path (a ``surrogateescape`` string) or a URL, empty for bytes; ``data`` is
    set for bytes (the clipboard, a dragged image) only; ``label`` is fit to show a person.
    """

    kind: Literal["file", "url", "bytes"]
    location: str
    label: str
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost: bytes, pixels of the decoded picture, seconds of a whole fetch.

    With ``public_only``, nothing is fetched from private, link-local or loopback addresses.
    """

    max_bytes: int = 512 * 1024 * 1024
    max_pixels: int = 150_000_000
    seconds: float = 30.0
    public_only: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A picture's file as it is: its bytes, their sha256, and the milliseconds reading took."""

    source: Source
    data: bytes
    sha256: str
    read_ms: float


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a model wants its pictures: the card's ``input``.

    The short side is scaled to ``resize`` and the centre ``size``×``size`` cut out (both pixels);
    ``crop`` names that rule. ``mean`` and ``std`` are per RGB channel of values in 0..1.
    """

    size: int = 224
    resize: int = 232
    crop: Literal["centre"] = "centre"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    interpolation: Interpolation = "bilinear"


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know of how a picture was read, such as "rotated by EXIF"."""

    code: str
    words: str

    def __str__(self) -> str:
        """The English words."""
        return self.words


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture is: upright ``width`` × ``height`` in pixels, format, digest, notes."""

    width: int
    height: int
    format: str
    sha256: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture: RGB uint8, H×W×3, upright.

    ``facts`` speak of the original; ``scale`` is decoded pixels per original pixel (1, or 1/2,
    1/4, 1/8 where a picture was decoded at a draft scale) and ``origin`` (x, y) is where the
    decoded picture's corner lies in the original, so decoded pixel ``i`` covers original pixels
    ``origin + [i/scale, (i+1)/scale)``. The origin is not zero (but up to ``-1/scale``) only where
    a side is no multiple of ``1/scale`` and turning the picture upright put the overhang first.
    """

    pixels: Pixels
    facts: ImageFacts
    scale: float = 1.0
    origin: tuple[float, float] = (0.0, 0.0)


Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Geometry:
    """The exact map between model pixels and pixels of the upright original.

    ``box`` (left, top, right, bottom; original pixels, continuous: pixel ``i`` spans
    ``[i, i+1)``) is what the network sees, stretched over ``size``×``size`` model pixels.
    ``width`` and ``height`` are the upright original's.
    """

    width: int
    height: int
    box: Box
    size: int

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """Map a model point to the original (both continuous coordinates)."""
        left, top, right, bottom = self.box
        return left + x * (right - left) / self.size, top + y * (bottom - top) / self.size

    def to_model(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the original to the model (outside the box: outside 0..size)."""
        left, top, right, bottom = self.box
        return (x - left) * self.size / (right - left), (y - top) * self.size / (bottom - top)


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """How long each stage took for one picture, in milliseconds."""

    read: float = 0.0
    decode: float = 0.0
    prepare: float = 0.0
    compute: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What the network sees: ``pixels`` float32 1×3×S×S, normalised, and where it came from."""

    pixels: Floats
    geometry: Geometry
    facts: ImageFacts
    ms: Milliseconds
