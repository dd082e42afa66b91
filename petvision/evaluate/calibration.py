"""Whether a score of 0.9 is right nine times in ten, and the temperature that makes it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from petvision.evaluate.metrics import Array, Labels

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Photos of similar confidence: how many, their mean confidence, the share that is right."""

    count: int
    confidence: float
    accuracy: float


def fit_temperature(logits: Array, labels: Labels) -> float:
    """The temperature that minimises the log loss (Guo et al., ICML 2017), between 0.05 and 20.

    N photos cannot show that fewer than about one answer in N is wrong. So each label counts as
    certain only to (N+1)/(N+2), as in Platt's scaling (1999), the rest shared by the other classes:
    a dozen right answers do not make the next one sure.
    """
    count, classes = logits.shape
    wrong = 1 / (count + 2)
    targets = np.full(logits.shape, wrong / (classes - 1))
    targets[np.arange(count), labels] = 1 - wrong

    def loss(log_t: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_t), axis=1)).sum(1).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def reliability(scores: Array, labels: Labels, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal mass over the top label's score, least confident first."""
    confidence = scores.max(1)
    right = (scores.argmax(1) == labels).astype(np.float64)
    return tuple(
        Bin(len(p), float(confidence[p].mean()), float(right[p].mean()))
        for p in members(scores, bins)
    )


def members(scores: Array, bins: int = BINS) -> list[npt.NDArray[np.intp]]:
    """Which photos are in each bin of ``reliability``."""
    order = np.argsort(scores.max(1), kind="stable")
    return np.array_split(order, min(bins, len(order)))


def ece(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error: the bins' gaps between confidence and accuracy, weighted."""
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.confidence - b.accuracy) for b in bins) / total


def mce(bins: tuple[Bin, ...]) -> float:
    """Maximum calibration error: the largest gap of any bin."""
    return max(abs(b.confidence - b.accuracy) for b in bins)
