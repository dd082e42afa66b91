"""Two attribution maps beside each other: one scale, their difference, how alike they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from petvision.explain.likeness import at_pixels, rank_correlation
from petvision.explain.results import Attribution, strongest
from petvision.images.types import Floats

SHARE = "share of each map's own scale"


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What can be said of two maps.

    ``one`` and ``other`` are the maps as they are to be shown, both signed where one of them is.
    ``shared`` says whether one measure counts both, so that one absolute scale fits them.
    ``difference`` is the first minus the second on one grid (where they are not ``shared``, of
    shares of their own scales), None where the maps lie on different photos. ``correlation`` is
    Spearman's, over the places of what the network sees.
    """

    one: Attribution
    other: Attribution
    shared: bool
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
    """Compare two maps.

    They share an absolute scale where one measure counts both (two classes' logits do); where the
    measures differ, no number of the one means anything on the other's scale.
    """
    signed = one.signed or other.signed
    one, other = replace(one, signed=signed), replace(other, signed=signed)
    shared = one.measure == other.measure
    correlation = rank_correlation(*_one_grid(one.heat, other.heat))
    return Comparison(one, other, shared, _difference(one, other, shared), correlation)


def _share(heat: Floats) -> Floats:
    return np.asarray(heat / np.float32(strongest(heat) or 1.0))


def _one_grid(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    side = max(*one.shape, *other.shape)
    return at_pixels(one, side), at_pixels(other, side)


def _difference(one: Attribution, other: Attribution, shared: bool) -> Attribution | None:
    """Place by place, where both maps lie on the same part of the same photo."""
    mine, theirs = one.geometry, other.geometry
    apart = np.abs(np.subtract(mine.box, theirs.box)).max()
    if (mine.width, mine.height) != (theirs.width, theirs.height) or apart > 1:
        return None
    heats = (one.heat, other.heat) if shared else (_share(one.heat), _share(other.heat))
    first, second = _one_grid(*heats)
    heat = np.asarray(first - second, np.float32)
    return replace(
        one,
        target=" − ".join(dict.fromkeys((one.target, other.target))),
        heat=heat,
        signed=True,
        measure=one.measure if shared else SHARE,
        facts=(),
        remark="" if heat.any() else "the two maps are the same",
        baseline=None,
        windows=None,
    )
