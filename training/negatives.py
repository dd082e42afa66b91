"""Pictures that are neither of the classes, for choosing the "I don't know" score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.prepare import resample
from petvision.images.types import InputSpec, Pixels
from training.loader import as_predicted

PET, BACKGROUND = 1, 2  # in a trimap; 3 is the border between them
SMALLEST = 72  # pixels of the photo: a smaller crop shows hardly anything
MOST = 600  # of one data set, evenly picked: more tell nothing new
# What looks like a cat or a dog is no fair negative for a cat and dog classifier.
KIN = {"cat", "dog", "fox", "wolf", "leopard", "lion", "tiger", "bear"}
BACKGROUNDS = "backgrounds"


def negative_views(
    spec: str, photos: Sequence[Labelled], classes: Sequence[str], view: InputSpec
) -> Iterator[Pixels]:
    """Pictures (uint8 size×size×3) that show none of the classes.

    Args:
        spec: ``backgrounds`` (pet-free parts of ``photos``, by their trimaps) or a data SPEC, of
            which the classes themselves and their kin are left out.
        photos: where backgrounds come from.
        classes: the model's.
        view: the model's preprocessing.
    """
    if spec == BACKGROUNDS:
        yield from _backgrounds(photos, view)
        return
    photos = [
        photo
        for photo in labelled_photos(parse_spec(spec, "trainval"))
        if photo.label not in KIN and photo.label not in classes
    ]
    for photo in photos[:: -(-len(photos) // MOST) or 1]:
        picture = decode(load(source_of(str(photo.path))), resize=view.resize)
        yield as_predicted(picture, view)


def _backgrounds(photos: Sequence[Labelled], view: InputSpec) -> Iterator[Pixels]:
    for photo in photos:
        trimap = trimap_of(photo.path)
        if not trimap.is_file():
            continue
        with Image.open(trimap) as image:
            marks = np.asarray(image)
        if not (marks == PET).any():
            continue  # fourteen trimaps mark no pet at all: there the "background" shows one
        left, top, side = largest_square(marks == BACKGROUND)
        if side < SMALLEST:
            continue
        picture = decode(load(source_of(str(photo.path))), resize=view.resize)
        across = picture.facts.width / marks.shape[1]
        down = picture.facts.height / marks.shape[0]
        box = (left * across, top * down, (left + side) * across, (top + side) * down)
        yield resample(picture, box, view.size, view.interpolation)


def trimap_of(photo: Path) -> Path:
    """Where Oxford-IIIT Pet keeps the trimap of a photo: beside images/ or in annotations/."""
    root, name = photo.parent.parent, f"{photo.stem}.png"
    beside = root / "trimaps" / name
    return beside if beside.is_file() else root / "annotations" / "trimaps" / name


def largest_square(free: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The largest square of True in a mask: left, top, side (0 when there is none).

    Dynamic programming: the square that ends at a pixel is one larger than the smallest of its
    three neighbours' above and left of it.
    """
    sides = free.astype(np.int32)
    for y in range(1, sides.shape[0]):
        above, row = sides[y - 1], sides[y]
        for x in np.flatnonzero(row[1:]) + 1:
            row[x] = 1 + min(above[x - 1], above[x], row[x - 1])
    bottom, right = np.unravel_index(int(sides.argmax()), sides.shape)
    side = int(sides[bottom, right])
    return int(right) - side + 1, int(bottom) - side + 1, side
