"""Which files are pictures: the formats of the door, and words for what is none of them."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pi_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from petvision.errors import InputError
from petvision.images.heic import items_are_named_in_text

FORMATS = {
    JpegImagePlugin.JpegImageFile.format: "JPEG",
    PngImagePlugin.PngImageFile.format: "PNG",
    WebPImagePlugin.WebPImageFile.format: "WebP",
    GifImagePlugin.GifImageFile.format: "GIF",
    TiffImagePlugin.TiffImageFile.format: "TIFF",
    BmpImagePlugin.BmpImageFile.format: "BMP",
    AvifImagePlugin.AvifImageFile.format: "AVIF",
    "HEIF": "HEIC",
}
"""The allow-list: Pillow's name of each format, and the one shown."""

_MPO = MpoImagePlugin.MpoImageFile.format

REMEDY = "Give a JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC picture."

pi_heif.register_heif_opener()

# Pillow warns of damaged metadata and of large pictures on standard error, between our own words.
# What a person should know comes as a note or as an error; the limits on size are the door's.
warnings.filterwarnings("ignore", module=r"PIL\.")

_SIGNATURES = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "an archive"),
    (0, b"\x1f\x8b", "an archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "an archive"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)
_ZEROS = bytes(4096)
_JPEG_END = b"\xff\xd9"
_CANON_RAW = b"CR"
_SUBFILE_TYPE, _DNG_VERSION = 254, 50706


def is_picture(data: bytes) -> bool:
    """Whether bytes begin as a picture of one of ``FORMATS`` does."""
    return _format_of(data) is not None


def name_of(image: Image.Image) -> str:
    """The format's name as shown; a JPEG with a second picture inside, as phones write, is one."""
    return "JPEG" if image.format == _MPO else FORMATS[str(image.format)]


def _format_of(data: bytes) -> str | None:
    head = data[:16]
    for name in FORMATS:
        accept = Image.OPEN[name][1]
        if accept is None or accept(head) is not True:
            continue
        if name != "AVIF" or _is_avif(data):
            return name
    return None


def _is_avif(data: bytes) -> bool:
    # "mif1" as the first brand says AVIF or HEIC, and Pillow takes both; the others decide.
    brands = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    return b"avif" in brands or b"avis" in brands


def kind_of(data: bytes) -> str:
    """Words for what bytes are that no decoder of the allow-list knows, such as "a web page"."""
    for at, signature, words in _SIGNATURES:
        if data.startswith(signature, at):
            return words
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head[:1024]:
        return "a web page"
    if b"<svg" in head and head.startswith(b"<"):
        return "an SVG drawing"
    return "a text file" if _is_text(head) else "a file of another kind"


def _is_text(head: bytes) -> bool:
    # The cut may fall inside a UTF-8 character, hence "ignore"; then too much must not get lost.
    text = head.decode("utf-8", "ignore")
    plain = sum(c.isprintable() or c.isspace() for c in text)
    return bool(head) and len(text.encode()) >= len(head) - 3 and plain >= 0.95 * len(text)


def open_header(data: bytes, label: str) -> ImageFile.ImageFile:
    """Recognise a picture by its bytes and read its header; no pixel is decoded.

    Pillow's own ``Image.open`` is not used because it judges the size by a process-wide setting
    and warns; the caller compares ``size`` with its limits.

    Raises:
        InputError: ``unreadable`` (empty, damaged), ``unsupported`` (no picture of the list).
    """
    if not data:
        raise InputError("unreadable", label, reason="is empty")
    name = _format_of(data)
    if name is None:
        raise InputError("unsupported", label, found=kind_of(data), remedy=REMEDY)
    if name == "HEIF" and not items_are_named_in_text(data):
        raise InputError("unreadable", label, reason="is damaged and cannot be read")
    with damage_told(label):
        image = Image.OPEN[name][0](BytesIO(data), "")
    _refuse_look_alikes(image, data, label)
    return image


def _refuse_look_alikes(image: ImageFile.ImageFile, data: bytes, label: str) -> None:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        # Raw files are TIFFs whose first page is a thumbnail: a verdict on it would mislead.
        preview = tags.get(_SUBFILE_TYPE, 0) == 1 or _DNG_VERSION in tags
        if preview or data[8:10] == _CANON_RAW:
            raise InputError(
                "unsupported",
                label,
                found="a camera's raw file",
                remedy="Export it as JPEG or TIFF first.",
            )
    if data.endswith(_ZEROS) and _ends_early(data, name_of(image)):
        raise InputError("unreadable", label, reason="ends in the middle of the picture")


def _ends_early(data: bytes, name: str) -> bool:
    """Whether zeros at the end of a file stand in the place of picture data.

    An interrupted copy often leaves the full length with zeros, which these decoders take for
    data. Compressed data never holds such a run; after its end, zeros do no harm.
    """
    if name == "JPEG":
        return not data.rstrip(b"\0").endswith(_JPEG_END)
    if name == "WebP":
        return data[: 8 + int.from_bytes(data[4:8], "little")].endswith(_ZEROS)
    return name in ("AVIF", "HEIC")


@contextmanager
def damage_told(label: str) -> Iterator[None]:
    """Turn what Pillow raises on a damaged file into ``InputError("unreadable")``.

    Wrap calls of Pillow only: its decoders answer a wrong field with nearly any exception (a
    SyntaxError is Pillow's own word for "not this format"), and so would our own mistakes.
    """
    try:
        yield
    except MemoryError as error:
        raise InputError("unreadable", label, reason="does not fit into memory") from error
    except (
        SyntaxError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        AttributeError,
        AssertionError,
        RuntimeError,
        UserWarning,  # where warnings are errors: Pillow warns before it gives up
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
        reason = "ends in the middle of the picture" if cut else "is damaged and cannot be read"
        raise InputError("unreadable", label, reason=reason) from error
