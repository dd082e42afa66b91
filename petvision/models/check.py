"""Whether an engine agrees with the reference, on pictures that are always at hand."""

from __future__ import annotations

import numpy as np

from petvision.errors import InputError
from petvision.images.prepare import open_prepared
from petvision.images.samples import samples
from petvision.images.types import Floats, InputSpec
from petvision.models.boundary import lengths, margin_slope, margins, two_best, unknown_slope
from petvision.models.engines.base import Engine
from petvision.models.handle import ModelHandle

PATCHES = 7  # colours along each side of the made-up picture
ALL_ROUND = 5  # seen with bfloat16: three times what is seen along one direction


def check_pictures(spec: InputSpec) -> Floats:
    """What engines are compared on: the bundled sample photos and one made-up picture, N×3×S×S."""
    pictures = [_made_up(spec)]
    for source in samples():
        try:
            pictures.append(open_prepared(source, spec).pixels)
        except InputError:  # a sample that is not there only makes the check smaller
            continue
    return np.concatenate(pictures)


def _made_up(spec: InputSpec) -> Floats:
    colours = np.random.default_rng(0).normal(size=(1, 3, PATCHES, PATCHES)).astype(np.float32)
    times = -(-spec.size // PATCHES)
    spread = colours.repeat(times, axis=2).repeat(times, axis=3)
    return np.ascontiguousarray(spread[:, :, : spec.size, : spec.size])


def agrees(handle: ModelHandle, engine: Engine, distance: float, pictures: Floats) -> bool:
    """Whether ``engine`` keeps its stated distance from the handle's reference.

    Along the directions that verdicts turn on (see ``boundary``), and within ``ALL_ROUND`` times
    the distance over all directions of the features together.
    """
    heads = handle.heads
    exact = handle.reference.forward(pictures).features
    found = engine.forward(pictures).features
    right, seen = heads.verdicts(exact), heads.verdicts(found)
    off = [lengths(found - exact) / (ALL_ROUND * lengths(exact))]
    if right.logits.shape[1] > 1:
        best, second = two_best(right.logits)
        slope = margin_slope(heads, exact, best, second)
        off.append(
            (margins(seen.logits, best, second) - margins(right.logits, best, second)) / slope
        )
    if right.unknown is not None and seen.unknown is not None:
        off.append((seen.unknown - right.unknown) / unknown_slope(heads, exact, right))
    # Written so that a value that is not a number fails.
    return all(bool((np.abs(part) <= distance).all()) for part in off)
