"""The awkward inputs: each broken one with its error code, each valid one with its plain twin."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

ODD_NAME = os.fsencode('it\'s "a" cat 🐈 ñ ') + b"\xff.jpg"
ORIENTATION = 0x0112
# What a camera held that way would have stored, by EXIF orientation.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def broken_inputs(folder: Path, photo: Path) -> dict[str, tuple[str | bytes, str]]:
    """Inputs that cannot be read, by what is wrong: the input, and its error's code."""
    folder.mkdir()
    data = photo.read_bytes()

    def file(name: str, content: bytes) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    (folder / "dangling.jpg").symlink_to(folder / "gone.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "a folder.jpg").mkdir()
    return {
        "empty": (file("empty.jpg", b""), "unreadable"),
        "truncated": (file("truncated.jpg", data[: len(data) // 2]), "unreadable"),
        "text": (file("text.jpg", b"Not a picture, only words.\n"), "unsupported"),
        "bomb": (file("bomb.png", png_header(60000, 60000)), "too_large"),
        "nan": (nan_tiff(folder / "nan.tif"), "unreadable"),
        "folder": (str(folder / "a folder.jpg"), "unsupported"),
        "dangling link": (str(folder / "dangling.jpg"), "not_found"),
        "device": ("/dev/zero", "refused"),
        "pipe": (str(folder / "pipe.jpg"), "refused"),
    }


def valid_inputs(folder: Path, photo: Path) -> dict[str, tuple[str | bytes, str]]:
    """Inputs that can be read: the input and its twin, the same picture as a plain RGB PNG."""
    folder.mkdir()
    picture = Image.open(photo).convert("RGB")
    plain = saved(picture, folder / "plain.png")
    grey = picture.convert("L")
    twins: dict[str, tuple[str | bytes, str]] = {
        "1×1": (
            saved(Image.new("RGB", (1, 1), (90, 140, 60)), folder / "one.png"),
            saved(Image.new("RGB", (300, 300), (90, 140, 60)), folder / "one-plain.png"),
        ),
        "16-bit grey": (
            saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), folder / "grey16.png"),
            saved(grey.convert("RGB"), folder / "grey-plain.png"),
        ),
        "CMYK": (saved(picture.convert("CMYK"), folder / "cmyk.jpg", quality=95), plain),
        "animated": (
            saved(
                picture,
                folder / "animated.webp",
                save_all=True,
                append_images=[Image.new("RGB", picture.size)],
                quality=95,
            ),
            plain,
        ),
        "palette with alpha": palette_with_alpha(picture, folder),
        "12,000×9,000": (
            saved(picture.resize((12000, 9000)), folder / "huge.jpg", quality=70),
            saved(picture.resize((1200, 900)), folder / "huge-plain.png"),
        ),
    }
    for orientation, turn in STORED_AS.items():
        stored = picture if turn is None else picture.transpose(turn)
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        path = folder / f"orientation-{orientation}.jpg"
        twins[f"orientation {orientation}"] = (saved(stored, path, exif=exif, quality=95), plain)
    odd = os.fsencode(folder) + b"/" + ODD_NAME
    Path(os.fsdecode(odd)).write_bytes(photo.read_bytes())
    twins["odd name"] = (odd, plain)
    return twins


def saved(picture: Image.Image, path: Path, **how: object) -> str:
    picture.save(path, **how)
    return str(path)


def palette_with_alpha(picture: Image.Image, folder: Path) -> tuple[str, str]:
    """A palette picture whose upper left corner is see-through; its twin has white there."""
    small = picture.quantize(255)
    pixels = np.asarray(small).copy()
    pixels[: pixels.shape[0] // 8, : pixels.shape[1] // 8] = 255
    clear = Image.fromarray(pixels, "P")
    clear.putpalette(small.getpalette() or [])
    colours = np.asarray(small.convert("RGB")).copy()
    colours[pixels == 255] = 255
    return (
        saved(clear, folder / "palette.png", transparency=255),
        saved(Image.fromarray(colours), folder / "palette-plain.png"),
    )


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with next to no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def nan_tiff(path: Path) -> str:
    """A float TIFF that holds nothing but not-a-number."""
    Image.fromarray(np.full((40, 60), np.nan, np.float32)).save(path)
    return str(path)
