"""Which filters matter: figures of every map, and their order. numpy only, and quick."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from petvision.errors import ConfigError
from petvision.images.types import Floats
from petvision.neurons.results import (
    Choice,
    Criterion,
    Doubles,
    FilterStats,
    Level,
    Ranked,
)

QUIET = 0.1
"""A position at or under this share of its map's maximum counts as silent."""

LEAST = 0.10
"""A filter with less sparsity than this is never ranked by ``balanced`` or ``focus``."""

Mask = npt.NDArray[np.bool_]

CRITERIA: tuple[Criterion, ...] = ("balanced", "mean", "max", "std", "effect", "focus")


def stats_of(maps: Floats) -> FilterStats:
    """Mean, maximum, standard deviation and sparsity of each map c×h×w."""
    flat = maps.reshape(len(maps), -1)
    largest = flat.max(1)
    quiet = (flat <= np.float32(QUIET) * largest[:, None]).mean(1)
    return FilterStats(
        mean=flat.mean(1, dtype=np.float64),
        max=largest.astype(np.float64),
        std=flat.std(1, dtype=np.float64),
        sparsity=np.where(largest > 0, quiet, 1.0),
    )


def level_of(sparsity: float) -> Level:
    """How selective a filter of that sparsity is."""
    if sparsity > 0.7:
        return "very"
    if sparsity >= 0.3:
        return "moderate"
    return "weak" if sparsity >= LEAST else "none"


def rank(
    stats: FilterStats,
    choice: Choice,
    effects: Doubles | None = None,
    focus: Doubles | None = None,
) -> tuple[Ranked, ...]:
    """All filters that the criterion ranks, the first first; equals in the layer's order.

    ``balanced`` is weight · mean activation (divided by the layer's largest) + (1 − weight) ·
    sparsity, over filters whose sparsity is at least the minimum. ``focus`` is ``balanced`` times
    how much of the filter lies on the evidence for the target (``effect.focus``). ``effect``
    ranks by the size of the logit's change. A filter that is silent everywhere scores 0.

    Args:
        stats: of the layer.
        choice: criterion and sliders.
        effects: for ``effect``, float64 c.
        focus: for ``focus``, float64 c.

    Raises:
        ConfigError: ``range`` when the criterion needs what was not computed or is none.
    """
    sizes, kept = _scores(stats, choice, effects, focus)
    scores = np.where(stats.dead, 0.0, sizes)
    order = np.argsort(-np.abs(scores), kind="stable")
    chosen = [int(i) for i in order if kept[i]]
    return tuple(Ranked(n, i, float(scores[i])) for n, i in enumerate(chosen, 1))


def _scores(
    stats: FilterStats, choice: Choice, effects: Doubles | None, focus: Doubles | None
) -> tuple[Doubles, Mask]:
    everyone = np.ones(len(stats.mean), bool)
    plain = {"mean": stats.mean, "max": stats.max, "std": stats.std, "effect": effects}
    if choice.criterion in plain:
        scores = plain[choice.criterion]
        if scores is None:
            raise ConfigError(
                "range", "neurons", key="criterion", expected="computed first", found="effect"
            )
        return scores, everyone
    if choice.criterion not in CRITERIA:
        known = f"one of {', '.join(CRITERIA)}"
        raise ConfigError(
            "range", "neurons", key="criterion", expected=known, found=choice.criterion
        )
    largest = float(stats.mean.max(initial=0.0)) or 1.0
    balanced = choice.weight * stats.mean / largest + (1 - choice.weight) * stats.sparsity
    kept = stats.sparsity >= max(choice.minimum, LEAST)
    if choice.criterion == "focus":
        if focus is None:
            raise ConfigError(
                "range", "neurons", key="criterion", expected="computed first", found="focus"
            )
        balanced = balanced * focus
    return balanced, kept
