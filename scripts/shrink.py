#!/usr/bin/env python3
"""Write small square copies of labelled photos.

    python scripts/shrink.py SPEC OUT --pixels 32

So that large photos can be trained on beside a data set of small ones (``data.also``), which a
network would otherwise tell apart by how sharp they are. OUT gets a folder a class.
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path

from PIL import Image, ImageOps

from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec


def some_of_each(photos: list[Labelled], most: int, seed: int) -> list[Labelled]:
    """At most so many photos of each class, drawn at random."""
    classes: dict[str, list[Labelled]] = defaultdict(list)
    for photo in sorted(photos, key=lambda photo: (photo.label, photo.path.stem)):
        classes[photo.label].append(photo)
    rng = random.Random(seed)
    return [p for found in classes.values() for p in rng.sample(found, min(most, len(found)))]


def small(path: Path, pixels: int) -> Image.Image:
    """The square in the middle of a photo, shrunk."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    side = min(upright.size)
    left, top = ((length - side) // 2 for length in upright.size)
    square = upright.crop((left, top, left + side, top + side))
    return square.resize((pixels, pixels), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", metavar="SPEC", help="such as pets:DIR@trainval")
    parser.add_argument("out", metavar="OUT", type=Path, help="a folder")
    parser.add_argument("--pixels", type=int, default=32, help="a side")
    parser.add_argument("--most", type=int, default=600, help="photos of a class")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    options = parser.parse_args()
    photos = labelled_photos(parse_spec(options.photos, "trainval"))
    for photo in some_of_each(photos, options.most, options.seed):
        folder = options.out / photo.label
        folder.mkdir(parents=True, exist_ok=True)
        small(photo.path, options.pixels).save(folder / f"{photo.path.stem}.png")


if __name__ == "__main__":
    main()
