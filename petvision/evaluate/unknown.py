"""How well a strangeness score tells the known from everything else. Larger means stranger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petvision.evaluate.metrics import Array, auroc


@dataclass(frozen=True, slots=True)
class Separation:
    """Known against strange: AUROC, strange ones passing when 95 % of the known do, refusals."""

    known: int
    strange: int
    auroc: float
    fpr95: float
    known_refused: float
    strange_refused: float


def threshold_at(known: Array, false_reject_rate: float) -> float:
    """The smallest threshold above which at most that share of the known scores lie."""
    ordered = np.sort(known)
    kept = int(np.ceil((1 - false_reject_rate) * len(ordered)))
    return float(ordered[min(max(kept, 1), len(ordered)) - 1])


def fpr95(known: Array, strange: Array) -> float:
    """Share of the strange at or below the value under which 95 % of the known lie.

    The known are the positives: how many strange photos pass when 95 % of the known do.
    """
    ordered = np.sort(known)
    value = ordered[int(np.ceil(0.95 * len(ordered))) - 1]
    return float((strange <= value).mean())


def separation(known: Array, strange: Array, threshold: float) -> Separation:
    """All figures of a score at a threshold; a score above it is refused."""
    return Separation(
        len(known),
        len(strange),
        auroc(strange, known),
        fpr95(known, strange),
        float((known > threshold).mean()),
        float((strange > threshold).mean()),
    )
