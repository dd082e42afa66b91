"""From a picture to what the network sees: one exact linear map, then the normalisation."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
from PIL import Image

from petvision.images.door import LIMITS, decode, load
from petvision.images.types import (
    Box,
    Encoded,
    Floats,
    Geometry,
    ImageFacts,
    InputSpec,
    Interpolation,
    Limits,
    Milliseconds,
    Picture,
    Pixels,
    Prepared,
    Source,
)

_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def geometry_of(facts: ImageFacts, spec: InputSpec) -> Geometry:
    """What of a picture a model of ``spec`` sees.

    Scaling the short side to ``resize`` and cutting out the centre ``size``×``size`` is the same
    as stretching a centred square of ``min(W, H) · size / resize`` over it, without the rounding
    to whole pixels in between.
    """
    side = min(facts.width, facts.height) * spec.size / spec.resize
    left, top = (facts.width - side) / 2, (facts.height - side) / 2
    box = (left, top, left + side, top + side)
    return Geometry(facts.width, facts.height, box, spec.size)


def resample(picture: Picture, box: Box, size: int, interpolation: Interpolation) -> Pixels:
    """Stretch a part of a picture over a square, antialiased.

    Args:
        picture: decoded at any scale.
        box: left, top, right, bottom in original pixels, inside the picture, of any aspect.
        size: side of the square in pixels.
        interpolation: kernel, widened by the scale when shrinking.

    Returns:
        RGB uint8 size×size×3.
    """
    height, width = picture.pixels.shape[:2]
    (x, y), scale = picture.origin, picture.scale
    left, top, right, bottom = box
    decoded = (
        max((left - x) * scale, 0.0),
        max((top - y) * scale, 0.0),
        min((right - x) * scale, float(width)),
        min((bottom - y) * scale, float(height)),
    )
    square = Image.fromarray(picture.pixels).resize(
        (size, size), _RESAMPLING[interpolation], box=decoded, reducing_gap=None
    )
    return np.array(square)


def normalise(pixels: Pixels, spec: InputSpec) -> Floats:
    """RGB uint8 S×S×3 as float32 1×3×S×S: ``(pixels / 255 - mean) / std``."""
    mean, std = np.array(spec.mean), np.array(spec.std)
    factor = (1 / (255 * std)).astype(np.float32)
    offset = (-mean / std).astype(np.float32)
    planes = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    np.multiply(pixels.transpose(2, 0, 1), factor[:, None, None], out=planes[0])
    planes += offset[:, None, None]
    return planes


def denormalise(pixels: Floats, spec: InputSpec) -> Pixels:
    """The reverse of ``normalise``: float32 1×3×S×S as RGB uint8 S×S×3."""
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (spec.mean, spec.std))
    levels = np.clip(np.rint(255 * (pixels[0] * std + mean)), 0, 255)
    return np.ascontiguousarray(levels.transpose(1, 2, 0), np.uint8)


def prepare(picture: Picture, spec: InputSpec) -> Prepared:
    """What a model of ``spec`` sees of a picture; ``ms.prepare`` is filled."""
    start = perf_counter()
    geometry = geometry_of(picture.facts, spec)
    square = resample(picture, geometry.box, spec.size, spec.interpolation)
    pixels = normalise(square, spec)
    took = Milliseconds(prepare=1000 * (perf_counter() - start))
    return Prepared(pixels, geometry, picture.facts, took)


def open_prepared(source: Source, spec: InputSpec, limits: Limits = LIMITS) -> Prepared:
    """Load, decode and prepare a picture; ``ms.read``, ``decode`` and ``prepare`` are filled.

    Raises:
        InputError: as ``door.load`` and ``door.decode``.
    """
    return prepare_encoded(load(source, limits), spec, limits)


def prepare_encoded(encoded: Encoded, spec: InputSpec, limits: Limits = LIMITS) -> Prepared:
    """Decode and prepare a picture whose bytes are here; all of ``ms`` but ``compute`` is filled.

    Raises:
        InputError: as ``door.decode``.
    """
    start = perf_counter()
    picture = decode(encoded, spec.resize, limits)
    decode_ms = 1000 * (perf_counter() - start)
    prepared = prepare(picture, spec)
    return replace(prepared, ms=replace(prepared.ms, read=encoded.read_ms, decode=decode_ms))
