"""The one door for pictures: the window, command line, batch, training and server use it alike.

``load`` brings the bytes in, ``decode`` makes an upright RGB picture of them. Everything that can
be wrong with a picture ends here in an ``InputError`` with one sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from time import perf_counter

import numpy as np
from PIL import Image, ImageFile

from petvision.errors import InputError
from petvision.images import fetch, files, stores
from petvision.images.colour import ToRGB, orientation_of, upright_rgb
from petvision.images.formats import damage_told, name_of, open_header
from petvision.images.types import Encoded, ImageFacts, Limits, Note, Picture, Source

__all__ = ["LIMITS", "Limits", "decode", "decode_for_display", "load"]

LIMITS = Limits()
DRAFT_SCALES = (8, 4, 2)
REDUCE_ABOVE = 16_000_000
"""Pixels above which a picture other than a JPEG is averaged down as a JPEG's draft is."""

_FRAMES = {
    "GIF": "first frame",
    "PNG": "first frame",
    "WEBP": "first frame",
    "AVIF": "first frame",
    "TIFF": "first page",
    "HEIF": "main picture",
}


def load(source: Source, limits: Limits = LIMITS) -> Encoded:
    """Read a picture's bytes, wherever they come from.

    Raises:
        InputError: ``not_found``, ``refused`` (no permission, device, pipe, offline),
            ``unsupported`` (a folder, a web page), ``too_large``, ``unreadable``, ``network``.
    """
    start = perf_counter()
    if source.kind == "url" and stores.is_store(source.location) and not limits.public_only:
        data = stores.read(source.location, source.label, limits)
    elif source.kind == "url":
        data = fetch.fetch(source.location, limits)
    elif source.kind == "file":
        data = files.read(source.location, source.label, limits)
    else:
        data = source.data or b""
        files.check_size(len(data), source.label, limits)
    digest = hashlib.sha256(data).hexdigest()
    return Encoded(source, data, digest, 1000 * (perf_counter() - start))


def decode(encoded: Encoded, resize: int | None = None, limits: Limits = LIMITS) -> Picture:
    """Decode a picture for a model.

    Args:
        encoded: from ``load``.
        resize: the model's short side in pixels. A JPEG is then decoded at the smallest draft
            scale (1/8, 1/4, 1/2, 1) whose short side is at least twice that, and another picture
            of more than ``REDUCE_ABOVE`` pixels is averaged down to the same scale.
        limits: ``max_pixels`` is held against the header, before anything is decoded.

    Raises:
        InputError: ``unreadable``, ``unsupported``, ``too_large``.
    """

    def factor_of(image: Image.Image) -> int:
        small = image.width * image.height <= REDUCE_ABOVE
        if resize is None or (small and not _is_jpeg(image)):
            return 1
        return next((k for k in DRAFT_SCALES if min(image.size) >= 2 * resize * k), 1)

    return _picture(encoded, limits, factor_of)


def decode_for_display(
    encoded: Encoded, max_pixels: int = 16_000_000, limits: Limits = LIMITS
) -> Picture:
    """Decode a picture for showing it, with at most ``max_pixels`` pixels.

    ``scale`` of the result is exact to less than one decoded pixel over the whole side.

    Raises:
        InputError: as ``decode``.
    """

    def factor_of(image: Image.Image) -> int:
        pixels = image.width * image.height
        return next((k for k in DRAFT_SCALES if pixels >= max_pixels * k * k), 1)

    picture = _picture(encoded, limits, factor_of)
    height, width = picture.pixels.shape[:2]
    if width * height <= max_pixels:
        return picture
    shrink = (max_pixels / (width * height)) ** 0.5
    size = max(1, int(width * shrink)), max(1, int(height * shrink))
    smaller = Image.fromarray(picture.pixels).resize(size, reducing_gap=2.0)
    scale = picture.scale * max(size) / max(width, height)
    return Picture(np.array(smaller), picture.facts, scale, picture.origin)


def _open(encoded: Encoded, limits: Limits) -> ImageFile.ImageFile:
    label = encoded.source.label
    image = open_header(encoded.data, label)
    width, height = image.size
    if width * height > limits.max_pixels:
        raise InputError(
            "too_large",
            label,
            found=f"{width:,} × {height:,} pixels",
            limit=f"{limits.max_pixels / 1e6:,.0f} million pixels",
        )
    return image


def _is_jpeg(image: Image.Image) -> bool:
    return name_of(image) == "JPEG"


def _picture(encoded: Encoded, limits: Limits, factor_of: Callable[[Image.Image], int]) -> Picture:
    """Decode a picture, ``factor_of`` its header original pixels a side in one.

    The opened picture never leaves here, so that its memory is free again afterwards.
    """
    label = encoded.source.label
    image = _open(encoded, limits)
    factor = factor_of(image)
    with damage_told(label):
        frames = _frames_note(image)
        original = image.size
        drafted = _is_jpeg(image) and factor > 1
        if drafted:
            image.draft(None, (image.width // factor, image.height // factor))
        told = orientation_of(image)
        image.load()
        # Pillow turns a TIFF upright while loading it and then says 1 here.
        orientation = orientation_of(image)
    if not drafted:
        original = image.size  # a HEIC's may be known better now
    to_rgb = ToRGB(image, label)
    pixels = upright_rgb(image, to_rgb, orientation, 1 if drafted else factor)
    width, height = original if orientation < 5 else original[::-1]
    rotated = () if told == 1 else (Note("rotated", "rotated by EXIF"),)
    facts = ImageFacts(
        width=width,
        height=height,
        format=name_of(image),
        sha256=encoded.sha256,
        notes=(*rotated, *frames, *to_rgb.notes),
    )
    # The last column and row at a draft scale may reach beyond the original, and turning the
    # picture upright may put them first.
    lines, columns = pixels.shape[:2]
    x = width - factor * columns if orientation in (2, 3, 6, 7) else 0
    y = height - factor * lines if orientation in (3, 4, 7, 8) else 0
    return Picture(pixels, facts, 1 / factor, (float(x), float(y)))


def _frames_note(image: ImageFile.ImageFile) -> tuple[Note, ...]:
    words = _FRAMES.get(str(image.format))
    count = getattr(image, "n_frames", 1) if words else 1
    return (Note("first_frame", f"{words} of {count}"),) if count > 1 else ()
