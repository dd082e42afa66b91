"""Small copies of photos for reports, through the one door, some at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from petvision.errors import InputError
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of

QUALITY = 74


def small(path: Path, side: int) -> Image.Image | None:
    """The middle of a photo as a square of ``side`` pixels; None when it cannot be read."""
    try:
        picture = decode_for_display(load(source_of(str(path))), max_pixels=4 * side * side)
    except InputError:  # its place in the report tells its name
        return None
    image = Image.fromarray(picture.pixels)
    least = min(image.size)
    left, top = (image.width - least) // 2, (image.height - least) // 2
    square = image.crop((left, top, left + least, top + least))
    return square.resize((side, side), Image.Resampling.LANCZOS)


def small_ones(paths: Sequence[Path], side: int) -> Iterator[Image.Image | None]:
    """The same for many, in order; closing the iterator ends its threads."""
    with ThreadPoolExecutor(2, thread_name_prefix="petvision-thumbnail") as pool:
        calls = [pool.submit(small, path, side) for path in paths]
        try:
            for call in calls:
                yield call.result()
        finally:
            pool.shutdown(cancel_futures=True)


def jpeg(image: Image.Image) -> bytes:
    """A thumbnail as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
