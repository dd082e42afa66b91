"""Where Integrated Gradients takes its gradients: finer where the score moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from petvision.images.types import Floats

Doubles = NDArray[np.float64]

LEAST = 0.2
"""Share of the steps that is spread evenly, so that no part of the path goes unseen."""


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Where gradients are taken: ``alphas`` in 0..1 from baseline to photo, and their weights."""

    alphas: Doubles
    weights: Doubles


def equal_steps(steps: int, rule: Literal["midpoint", "gausslegendre"]) -> Steps:
    """Evenly spread steps, the same as captum's ``riemann_middle`` and ``gausslegendre``."""
    if rule == "gausslegendre":
        places, weights = np.polynomial.legendre.leggauss(steps)
        return Steps((1 + places) / 2, weights / 2)
    return Steps((np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps))


def adaptive_edges(steps: int, profile: Doubles) -> Doubles:
    """The ends of parts over each of which the score changes as much as over the next.

    Args:
        steps: how many parts.
        profile: the score at evenly spaced places of the path, both ends included.

    Returns:
        ``steps`` + 1 numbers from 0 to 1.
    """
    places = np.linspace(0, 1, len(profile))
    change = np.abs(np.diff(profile))
    total = change.sum()
    if not np.isfinite(total) or total == 0:
        return np.linspace(0, 1, steps + 1)
    share = (1 - LEAST) * change / total + LEAST / len(change)
    travelled = np.concatenate([[0], np.cumsum(share)])
    return np.interp(np.linspace(0, travelled[-1], steps + 1), travelled, places)


def with_middles(edges: Doubles, places: Doubles) -> Doubles:
    """The same edges, one of them moved for each place so that it is the middle of a part.

    So a gradient that was taken there before serves that part. The places must be two parts or
    more apart.
    """
    moved = edges.copy()
    for place in places:
        after = int(np.searchsorted(moved, place))
        before = after - 1
        if 2 * place > moved[before] + moved[after]:
            moved[before] = 2 * place - moved[after]
        else:
            moved[after] = 2 * place - moved[before]
    return moved


def spread(count: int) -> NDArray[np.intp]:
    """0 … count-1 in an order whose every beginning is spread over the whole (bit reversal)."""
    bits = max(1, (count - 1).bit_length())
    order = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits)]
    return np.array([i for i in order if i < count], np.intp)


@dataclass(slots=True, eq=False)
class Part:
    """A part of the path from ``start`` to ``end``, with the gradient taken in its middle.

    ``heat`` is that gradient times the difference of photo and baseline, summed over the colours
    (float32 S×S); None where it was not taken yet.
    """

    start: float
    end: float
    heat: Floats | None = None
    total: float = 0.0

    @property
    def middle(self) -> float:
        """Where its gradient is taken."""
        return (self.start + self.end) / 2

    @property
    def share(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(slots=True, eq=False)
class Path:
    """The parts of a path, refined where the gradients miss the change of the score most.

    A part is cut in three: the gradient in its middle serves the middle third again, so that
    every refinement costs two gradients and none is thrown away.

    ``profile`` is the score at evenly spaced places, both ends included.
    """

    parts: list[Part]
    profile: Doubles
    summed: Doubles = field(default_factory=lambda: np.zeros(()))

    def nearest(self, place: float) -> Part:
        """The part whose middle is nearest to a place."""
        return min(self.parts, key=lambda part: abs(part.middle - place))

    def take(self, part: Part, heat: Floats) -> None:
        """Note the gradient in the middle of a part."""
        part.heat, part.total = heat, float(heat.sum(dtype=np.float64))
        self.summed = self.summed + part.share * heat

    def split(self) -> list[Part]:
        """Cut the part that misses most; returns the two thirds that want a gradient."""
        worst = max(range(len(self.parts)), key=lambda i: abs(self.miss(self.parts[i])))
        old = self.parts[worst]
        assert old.heat is not None
        third = old.share / 3
        middle = Part(old.start + third, old.end - third, old.heat, old.total)
        outer = [Part(old.start, middle.start), Part(middle.end, old.end)]
        self.parts[worst : worst + 1] = [outer[0], middle, outer[1]]
        self.summed = self.summed - (old.share - middle.share) * old.heat
        return outer

    def miss(self, part: Part) -> float:
        """How far a part's gradient is from the change of the score over it."""
        places = np.linspace(0, 1, len(self.profile))
        before, after = np.interp([part.start, part.end], places, self.profile)
        return part.share * part.total - float(after - before)

    @property
    def taken(self) -> int:
        """How many gradients were taken."""
        return sum(part.heat is not None for part in self.parts)

    def map(self) -> Doubles:
        """What is known of the attribution, as if the parts not seen yet were like the others."""
        covered = sum(part.share for part in self.parts if part.heat is not None)
        return self.summed / covered if covered else self.summed


def parted(edges: Doubles, profile: Doubles) -> Path:
    """A path in parts between ``edges``."""
    parts = [Part(float(a), float(b)) for a, b in pairwise(edges)]
    return Path(parts, profile)
