"""How alike two maps are, wherever their grids differ. numpy and scipy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import rankdata

from petvision.images.types import Floats


def at_pixels(heat: Floats, size: int) -> Floats:
    """A map h×w stretched evenly over size×size, bilinear, as it is drawn."""
    if heat.shape == (size, size):
        return heat
    small = Image.fromarray(np.ascontiguousarray(heat, np.float32))
    return np.array(small.resize((size, size), Image.Resampling.BILINEAR))


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation of two maps of one shape, −1 to 1; 0 where one is constant."""
    first, second = (_centred_ranks(values) for values in (one, other))
    length = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / length if length else 0.0


def _centred_ranks(values: Floats) -> NDArray[np.float64]:
    ranks = np.asarray(rankdata(values, axis=None), np.float64)
    return np.asarray(ranks - ranks.mean())
