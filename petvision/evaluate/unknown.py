"""How well a strangeness score tells the known from everything else. Larger means stranger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petvision.evaluate.metrics import Array, auroc


@dataclass(frozen=True, slots=True)
class Separation:
    """Known against strange: AUROC, false alarms when 95 % of the strange are found, refusals."""

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
    """Share of the known at or above the value that 95 % of the strange reach."""
    ordered = np.sort(strange)[::-1]
    value = ordered[int(np.ceil(0.95 * len(ordered))) - 1]
    return float((known >= value).mean())


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
