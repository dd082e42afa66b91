"""Two attribution maps beside each other: one scale, their difference, how alike they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from petvision.explain.likeness import at_pixels, rank_correlation
from petvision.explain.results import Attribution
from petvision.images.types import Floats

OWN_UNIT = "share of each map's own strongest value"
DIFFERENCE_UNIT = "first minus second"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What can be said of two maps.

    ``one`` and ``other`` are the maps as they are to be shown: as they were where one unit counts
    both (``shared``), else each divided by its own strongest value. ``values`` are all their
    numbers together (what a scale for both is made of) and ``signed`` whether any may be negative.
    ``difference`` is the first minus the second on one grid, None where the maps lie on different
    photos. ``correlation`` is Spearman's, over the places of what the network sees.
    """

    one: Attribution
    other: Attribution
    shared: bool
    signed: bool
    unit: str
    values: Floats
    difference: Attribution | None
    correlation: float

    @property
    def words(self) -> str:
        """How alike they are, in a sentence."""
        number = f"{self.correlation:+.2f}".replace("-", "−")
        size = abs(self.correlation)
        if size >= 0.9:
            told = "rank places almost alike"
        elif size >= 0.7:
            told = "rank places much alike"
        elif size >= 0.4:
            told = "agree in part"
        elif size >= 0.2:
            told = "agree little"
        else:
            told = "rank places independently of each other"
        if self.correlation <= -0.2:
            told = "rank places the other way round" + ("" if size >= 0.7 else ", in part")
        return f"The two maps {told} (rank correlation {number})."


def compare(one: Attribution, other: Attribution) -> Comparison:
    """Put two maps on one scale and compare them.

    They share an absolute scale where one unit counts both (two classes' logits do); where the
    units differ, no number of the one means anything on the other's scale, and each is shown as
    shares of its own strongest value.
    """
    shared = _measure(one) == _measure(other)
    signed = one.signed or other.signed
    if shared:
        unit = one.unit if one.unit == other.unit else _measure(one).replace("\0", "target's")
    else:
        one, other, unit = _own(one), _own(other), OWN_UNIT
    one, other = replace(one, signed=signed), replace(other, signed=signed)
    correlation = rank_correlation(*_one_grid(one, other))
    values = np.concatenate([one.heat.ravel(), other.heat.ravel()])[None]
    return Comparison(
        one, other, shared, signed, unit, values, _difference(one, other, unit), correlation
    )


def _measure(one: Attribution) -> str:
    """The unit without the class it speaks of."""
    return one.unit.replace(one.target, "\0") if one.target else one.unit


def _own(one: Attribution) -> Attribution:
    strongest = float(np.abs(one.heat).max(initial=0)) or 1.0
    return replace(one, heat=np.asarray(one.heat / np.float32(strongest)), unit=OWN_UNIT)


def _one_grid(one: Attribution, other: Attribution) -> tuple[Floats, Floats]:
    side = max(*one.heat.shape, *other.heat.shape)
    return at_pixels(one.heat, side), at_pixels(other.heat, side)


def _difference(one: Attribution, other: Attribution, unit: str) -> Attribution | None:
    """Place by place, where both maps lie on the same part of the same photo."""
    mine, theirs = one.geometry, other.geometry
    apart = np.abs(np.subtract(mine.box, theirs.box)).max()
    if (mine.width, mine.height) != (theirs.width, theirs.height) or apart > 1:
        return None
    first, second = _one_grid(one, other)
    heat = np.asarray(first - second, np.float32)
    return replace(
        one,
        heat=heat,
        signed=True,
        unit=f"{DIFFERENCE_UNIT}, {unit}",
        facts=(),
        remark="" if heat.any() else "the two maps are the same",
    )
