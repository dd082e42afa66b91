"""The squares that occlusion covers: where they lie, in which order, and what lies between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import distance_transform_edt

from petvision.images.types import Floats

Doubles = NDArray[np.float64]
Places = NDArray[np.intp]
Known = NDArray[np.bool_]

STEEPNESS = 3.0
"""What a change from one window to the next counts beside the change by the window itself."""

MOST_KNOWN = 600
"""Beyond as many known values the nearest stands for an unknown one: a surface would be slow."""


@dataclass(frozen=True, slots=True)
class Windows:
    """A square grid of windows over ``size``×``size`` pixels.

    The last ones in a row are cut at the border. This is captum's set of windows.
    """

    size: int
    window: int
    stride: int

    @property
    def across(self) -> int:
        """How many in a row."""
        return math.ceil((self.size - self.window) / self.stride) + 1

    def place(self, row: int, column: int) -> tuple[slice, slice]:
        """The pixels that a window covers."""
        y, x = row * self.stride, column * self.stride
        return slice(y, y + self.window), slice(x, x + self.window)

    def coarse_first(self) -> Places:
        """All (row, column), every fourth first, then every second, then the rest."""
        places = np.argwhere(np.ones((self.across, self.across), bool))
        level = np.where((places % 4 == 0).all(1), 0, np.where((places % 2 == 0).all(1), 1, 2))
        return np.asarray(places[np.argsort(level, kind="stable")], np.intp)

    def coarse(self) -> Places:
        """Those of every second row and column, both borders included, every fourth first.

        They are the first complete picture: no pixel's nearest known window is further away than
        one stride.
        """
        line = np.unique([*range(0, self.across, 2), self.across - 1])
        places = np.array([(row, column) for row in line for column in line], np.intp)
        late = ~((places % 4 == 0) | (places == self.across - 1)).all(1)
        return np.asarray(places[np.argsort(late, kind="stable")], np.intp)

    def average(self, values: Doubles, known: Known) -> Floats:
        """Each pixel's mean over the windows that cover it, float32 size×size.

        ``values`` holds one for each window; those not ``known`` yet are filled in.
        """
        values = filled_in(values, known)
        total, count = np.zeros((self.size, self.size)), np.zeros((self.size, self.size))
        for (row, column), value in np.ndenumerate(values):
            total[self.place(row, column)] += value
            count[self.place(row, column)] += 1
        return np.asarray(total / count, np.float32)


def filled_in(values: Doubles, known: Known) -> Doubles:
    """What windows not evaluated yet are taken to be: a smooth surface through the others.

    Both arguments hold one for each window; ``values`` may be anything where it is not known.
    """
    places = np.argwhere(known)
    if known.all() or not len(places):
        return values
    out = values.copy()
    if 4 <= len(places) <= MOST_KNOWN and np.isfinite(values[known]).all():
        surface = RBFInterpolator(places, values[known], kernel="linear", degree=0)
        out[~known] = surface(np.argwhere(~known))
        return out
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)], np.float64)


def most_promising(values: Doubles, known: Known, count: int) -> Places:
    """Which windows to evaluate next.

    A map is read by its peak: half of the windows are those that may hold it, by their guessed
    value and what it could gain on the way to the next window. The other half lie where changes of
    either sign are large and steep.

    Args:
        values: one for each window.
        known: which of them were evaluated.
        count: at most how many.

    Returns:
        (row, column) of windows not known yet.
    """
    guess = filled_in(values, known)
    rows, columns = np.gradient(guess) if min(guess.shape) > 1 else (guess * 0, guess * 0)
    steepness = np.hypot(rows, columns)
    free = np.flatnonzero(~known)
    promise = np.where(guess > 0, guess + steepness, guess)
    for_the_peak = count // 2 if np.any(values[known] > 0) else 0
    peaks = _first(promise, free, for_the_peak)
    rest = np.setdiff1d(free, peaks)
    others = _first(np.abs(guess) + STEEPNESS * steepness, rest, count - len(peaks))
    return np.stack(np.unravel_index(np.concatenate([peaks, others]), guess.shape), axis=1)


def _first(worth: Doubles, among: Places, count: int) -> Places:
    """The numbers of the windows worth most."""
    order = np.argsort(-np.nan_to_num(worth.ravel()[among]), kind="stable")
    return among[order[:count]]
