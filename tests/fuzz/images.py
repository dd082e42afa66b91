"""Broken pictures of every format through the door: ``python -m tests.fuzz.images --cases 5000``.

No crash, no hang over 5 s, no more than 1 GB of memory, and nothing but the error tree.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from petvision.images.door import decode, decode_for_display, load
from petvision.images.types import Source
from tests.fuzz.harness import Report, drive, mutated

FILES = Path(__file__).resolve().parents[1] / "images" / "files"
RESIZE = 232


def seeds() -> dict[str, bytes]:
    """A picture of every format, in its variants."""
    rows, columns = np.mgrid[0:96, 0:128]
    pixels = np.stack([rows * 2, columns * 2, (rows + columns) % 256], -1).astype(np.uint8)
    colour = Image.fromarray(pixels)
    grey = colour.convert("L")
    deep = Image.fromarray((rows * 600).astype(np.uint16))
    clear = colour.convert("RGBA")
    clear.putalpha(128)
    exif = Image.Exif()
    exif[274] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frames = {"save_all": True, "append_images": [colour.rotate(90)]}
    wanted: tuple[tuple[str, Image.Image, str, dict[str, object]], ...] = (
        ("jpeg", colour, "JPEG", {"exif": exif, "icc_profile": profile}),
        ("jpeg progressive", colour, "JPEG", {"progressive": True}),
        ("jpeg cmyk", colour.convert("CMYK"), "JPEG", {}),
        ("jpeg grey", grey, "JPEG", {}),
        ("jpeg large", colour.resize((2000, 1500)), "JPEG", {"quality": 40}),
        ("png", colour, "PNG", {"icc_profile": profile, "exif": exif}),
        ("png alpha", clear, "PNG", {}),
        ("png 16", deep, "PNG", {}),
        ("png palette", colour.convert("P"), "PNG", {"transparency": 3}),
        ("apng", colour, "PNG", frames),
        ("webp", colour, "WEBP", {"exif": exif}),
        ("webp lossless", clear, "WEBP", {"lossless": True}),
        ("webp frames", colour, "WEBP", frames),
        ("gif", colour, "GIF", frames),
        ("tiff", colour, "TIFF", {}),
        ("tiff lzw", colour, "TIFF", {"compression": "tiff_lzw"}),
        ("tiff deflate", deep, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tiff jpeg", colour, "TIFF", {"compression": "jpeg"}),
        ("tiff g4", colour.convert("1"), "TIFF", {"compression": "group4"}),
        ("tiff pages", colour, "TIFF", frames),
        ("bmp", colour, "BMP", {}),
        ("bmp palette", colour.convert("P"), "BMP", {}),
        ("avif", colour, "AVIF", {}),
        ("avif frames", colour, "AVIF", frames),
    )
    made: dict[str, bytes] = {}
    for name, image, kind, how in wanted:
        out = BytesIO()
        image.save(out, kind, **how)
        made[name] = out.getvalue()
    for file in sorted(FILES.glob("*.heic")):
        made[file.stem] = file.read_bytes()
    return made


def act(data: bytes) -> None:
    """What the window does with a photo: for the network, then for showing."""
    encoded = load(Source("bytes", "", "photo", data))
    decode(encoded, RESIZE)
    decode_for_display(encoded, 1_500_000)


def cases(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Every seed as it is, then mutated ones."""
    known = seeds()
    contents = list(known.values())
    yield from known.items()
    rng = random.Random(seed)
    for number in range(count):
        name = rng.choice(list(known))
        yield f"{name}, case {number} of seed {seed}", mutated(known[name], contents, rng)


def run(count: int, seed: int = 0) -> Report:
    """Drive so many mutated pictures through the door."""
    return drive(act, cases(count, seed))


def main() -> int:
    """Tell what was found; 1 when something broke the rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = run(options.cases, options.seed)
    print(report)
    print(*report.broken, sep="\n")
    return bool(report.broken)


if __name__ == "__main__":
    sys.exit(main())
