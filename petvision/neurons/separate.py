"""Which filters tell two folders apart. numpy and scipy only."""

from __future__ import annotations

import numpy as np
import scipy.stats

from petvision.images.types import Floats
from petvision.neurons.results import Doubles, Separation


def separate(first: Floats, second: Floats) -> tuple[Separation, ...]:
    """How well each filter separates two sets of photos, the best first.

    Args:
        first: float n×c, each photo's mean activation of each filter (``Extremes.mean``); rows
            with NaN (photos that could not be read) do not count.
        second: m×c, of the other set.

    Returns:
        Every filter, by the distance of its AUROC from a half; none when a set is empty.
    """
    one, other = (_read(values) for values in (first, second))
    if not len(one) or not len(other):
        return ()
    ranks = scipy.stats.rankdata(np.concatenate([one, other]), axis=0)[: len(one)].sum(0)
    auroc = (ranks - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))
    pooled = _pooled(one, other)
    difference = one.mean(0) - other.mean(0)
    effect = np.divide(difference, pooled, out=np.zeros_like(pooled), where=pooled > 0)
    order = np.argsort(-np.abs(auroc - 0.5), kind="stable")
    return tuple(Separation(int(i), float(effect[i]), float(auroc[i])) for i in order)


def _read(values: Floats) -> Doubles:
    return values[np.isfinite(values).all(1)].astype(np.float64)


def _pooled(one: Doubles, other: Doubles) -> Doubles:
    """The pooled standard deviation of two sets, per filter."""
    freedom = len(one) + len(other) - 2
    if freedom < 1:
        return np.zeros(one.shape[1])
    squares = sum(((v - v.mean(0)) ** 2).sum(0) for v in (one, other))
    return np.asarray(np.sqrt(squares / freedom))
