"""From whatever a file holds to upright RGB: depth, CMYK, profiles, transparency, orientation."""

from __future__ import annotations

from io import BytesIO
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageChops, ImageCms, TiffImagePlugin

from petvision.errors import InputError
from petvision.images.types import Note, Pixels

_STRIP_PIXELS = 1 << 21
_GREY_MODES = ("1", "L", "LA", "La")
_WIDE_MODES = ("I", "F")
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_SAME_COLOUR = 2
"""A profile that moves no probe by more than this many of 255 levels is sRGB for our purpose."""

_PROBE = Image.fromarray(
    np.stack(np.meshgrid(*[np.array((0, 128, 255), np.uint8)] * 3), axis=-1).reshape(1, 27, 3)
)


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where it is missing or makes no sense."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, OSError, ValueError, TypeError, LookupError, UserWarning):
        return 1  # a damaged EXIF block is no reason to refuse a sound picture
    return value if value in range(1, 9) else 1


def upright_rgb(image: Image.Image, to_rgb: ToRGB, orientation: int, factor: int) -> Pixels:
    """Convert strip by strip, so that a large picture never lies in memory three times.

    Args:
        image: loaded, as stored.
        to_rgb: its colours.
        orientation: EXIF's.
        factor: so many pixels a side are averaged into one (1: each stays).

    Returns:
        RGB uint8 H×W×3, upright, contiguous.
    """
    width, height = image.size
    columns, lines = -(-width // factor), -(-height // factor)
    shape = (columns, lines, 3) if orientation >= 5 else (lines, columns, 3)
    upright = np.empty(shape, np.uint8)
    stored = _as_stored(upright, orientation)
    rows = max(1, _STRIP_PIXELS // (width * factor)) * factor
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image if rows >= height else image.crop((0, top, width, bottom))
        strip = to_rgb(strip)
        if factor > 1:
            strip = strip.reduce(factor)
        stored[top // factor : -(-bottom // factor)] = np.asarray(strip)
    return upright


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of the upright array in the order in which the file stores its pixels."""
    view = upright
    if orientation in (5, 7):
        view = view.swapaxes(0, 1)
    elif orientation in (6, 8):
        view = np.rot90(view)
    if orientation in (3, 7, 8):
        view = view[::-1, ::-1]
    elif orientation == 2:
        view = view[:, ::-1]
    elif orientation == 4:
        view = view[::-1]
    return view


class ToRGB:
    """The colours of one picture: call it with a strip of the picture, get RGB on white.

    Attributes:
        notes: what a person should know of it, complete when all strips are converted.

    Raises:
        InputError: ``unreadable``, for values that are not finite.
    """

    def __init__(self, image: Image.Image, label: str) -> None:
        self.notes: list[Note] = []
        self._transparent = False
        self._black, self._white, self._inverted = 0.0, 255.0, False
        if image.mode.startswith("I;16"):
            self._white, self._inverted = _range_of_16_bit(image)
        elif image.mode in _WIDE_MODES:
            self._black, self._white = _range_of_wide(image, label)
            words = f"values {self._black:g} to {self._white:g} shown as black to white"
            self.notes.append(Note("scaled", words))
        # Photoshop's CMYK JPEGs are stored inverted and say so with an Adobe marker; Pillow
        # takes that for granted in every JPEG.
        jpeg = image.format in ("JPEG", "MPO")
        self._inverted_cmyk = image.mode == "CMYK" and jpeg and "adobe" not in image.info
        self._base = _base_mode(image.mode)
        self._profile = self._transform(image.info.get("icc_profile"))

    def __call__(self, strip: Image.Image) -> Image.Image:
        """The strip in mode RGB, transparency laid on white."""
        if strip.mode.startswith("I;16") or strip.mode in _WIDE_MODES:
            strip = self._eight_bits(strip)
        if self._inverted_cmyk:
            strip = ImageChops.invert(strip)
        alpha = None
        if strip.has_transparency_data:
            strip = strip.convert("RGBA")
            alpha = strip.getchannel("A")
        rgb = self._rgb(strip)
        if alpha is None or alpha.getextrema() == (255, 255):
            return rgb
        if not self._transparent:
            self._transparent = True
            self.notes.append(Note("transparent", "transparency shown on white"))
        return Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)

    def _rgb(self, strip: Image.Image) -> Image.Image:
        if self._profile is None:
            return strip.convert("RGB")
        converted = ImageCms.applyTransform(strip.convert(self._base), self._profile)
        return cast(Image.Image, converted)  # None only when asked to work in place

    def _eight_bits(self, strip: Image.Image) -> Image.Image:
        scale = 255.0 / (self._white - self._black) if self._white > self._black else 0.0
        values = (np.asarray(strip).astype(np.float64) - self._black) * scale
        levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        return Image.fromarray(255 - levels if self._inverted else levels)

    def _transform(self, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
        """What turns the profile's colours into sRGB's; None where they are the same."""
        if not profile:
            return None
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            transform = ImageCms.buildTransform(source, srgb, self._base, "RGB")
            probe = _PROBE.convert(self._base)
            there = np.asarray(ImageCms.applyTransform(probe, transform), np.int16)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            # PyCMSError for one that is damaged or belongs to other colours (RGB on a grey
            # picture); the others for bytes that are no profile at all.
            self.notes.append(Note("profile_ignored", "damaged colour profile ignored"))
            return None
        moved = np.abs(there - np.asarray(probe.convert("RGB"), np.int16)).max()
        if self._base != "CMYK" and moved <= _SAME_COLOUR:
            return None
        self.notes.append(Note("profile", "colours converted to sRGB"))
        return transform


def _base_mode(mode: str) -> str:
    """The mode in which a profile for pictures of ``mode`` takes its pixels."""
    if mode == "CMYK":
        return "CMYK"
    grey = mode in (*_GREY_MODES, *_WIDE_MODES) or mode.startswith("I;16")
    return "L" if grey else "RGB"


def _range_of_16_bit(image: Image.Image) -> tuple[float, bool]:
    """The value of white, and whether it means black (a TIFF's photometric interpretation)."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 65535.0, False
    bits = image.tag_v2.get(_BITS, (16,))[0]
    return float(2**bits - 1), image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO


def _range_of_wide(image: Image.Image, label: str) -> tuple[float, float]:
    """Black and white of a picture of floats or 32-bit integers, which have no full scale.

    One of the usual scales, 0 to 1, 255 or 65535, is taken when the brightest value is near its
    white (from a quarter of it to a quarter above: sharpening overshoots); else black and white
    are the smallest and the largest value.
    """
    extremes: list[float] = []
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        values: npt.NDArray[np.generic] = np.asarray(image.crop(box))
        extremes += [float(values.min()), float(values.max())]
    if not np.isfinite(extremes).all():  # numpy's min and max hand NaN on
        raise InputError("unreadable", label, reason="holds values that are not numbers")
    low, high = min(extremes), max(extremes)
    for white in (1.0, 255.0, 65535.0):
        if low >= -white / 4 and white / 4 <= high <= white * 5 / 4:
            return 0.0, white
    return low, high
