"""What an exported file is compared on: photos the person names, or cuts of the sample photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from petvision.images.door import decode, load
from petvision.images.prepare import geometry_of, resample
from petvision.images.samples import samples
from petvision.images.types import InputSpec, Picture, Pixels, Source

SMALLEST = 0.35  # of a sample's shorter side: a cut of less shows fur and nothing else


def of_photos(sources: Iterable[Source], spec: InputSpec) -> Iterator[Pixels]:
    """Each photo as the network gets it: uint8 S×S×3.

    Raises:
        InputError: when a photo cannot be had or read.
    """
    for source in sources:
        picture = decode(load(source), spec.resize)
        box = geometry_of(picture.facts, spec).box
        yield resample(picture, box, spec.size, spec.interpolation)


def of_samples(count: int, spec: InputSpec, seed: int = 0) -> Iterator[Pixels]:
    """Cuts of the sample photos: square, of all sizes, every other one mirrored.

    Raises:
        InputError: when there is no sample to be read.
    """
    whole = [decode(load(source)) for source in samples()]
    random = np.random.default_rng(seed)
    for number in range(count):
        picture = whole[number % len(whole)]
        square = resample(picture, _cut(picture, random), spec.size, spec.interpolation)
        yield square[:, ::-1].copy() if number % 2 else square


def _cut(picture: Picture, random: np.random.Generator) -> tuple[float, float, float, float]:
    width, height = picture.facts.width, picture.facts.height
    side = min(width, height) * random.uniform(SMALLEST, 1)
    left, top = random.uniform(0, width - side), random.uniform(0, height - side)
    return left, top, left + side, top + side
