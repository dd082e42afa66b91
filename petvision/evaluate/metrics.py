"""Figures of a classifier from its logits and the truth. numpy and scipy only.

Everywhere ``logits`` are N×C, ``labels`` N class numbers and ``scores`` N×C probabilities. With two
classes the ranking figures (ROC-AUC, average precision) speak of the second against the first;
with more they are the plain mean over the classes that are shown, each against the rest, and rank
the photos by that class's score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp
from scipy.stats import rankdata

Array = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]


def accuracy(logits: Array, labels: Labels) -> float:
    """Share of photos whose best known class is the truth."""
    return float((logits.argmax(1) == labels).mean())


def log_loss(logits: Array, labels: Labels, temperature: float = 1.0) -> float:
    """Mean negative log-probability (nats) of the truth at a temperature."""
    log_scores = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return float(-log_scores[np.arange(len(labels)), labels].mean())


def brier(scores: Array, labels: Labels) -> float:
    """Mean squared distance of the scores from the truth, summed over classes (0 to 2)."""
    truth = np.eye(scores.shape[1])[labels]
    return float(((scores - truth) ** 2).sum(1).mean())


def auroc(positives: Array, negatives: Array) -> float:
    """Chance that a positive's value is above a negative's, ties counting half (0 to 1)."""
    ranks = rankdata(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def roc_auc(logits: Array, labels: Labels, temperature: float = 1.0) -> float:
    """Area under the ROC curve; NaN when there is nothing to tell apart."""
    odds = log_odds(logits, temperature)
    areas = [auroc(odds[labels == c, c], odds[labels != c, c]) for c in ranked(logits, labels)]
    return float(np.mean(areas)) if areas else math.nan


def average_precision(logits: Array, labels: Labels, temperature: float = 1.0) -> float:
    """Area under the precision-recall curve, as the mean precision at each recalled photo."""
    odds = log_odds(logits, temperature)
    values = [_precision_area(odds[:, c], labels == c) for c in ranked(logits, labels)]
    return float(np.mean(values)) if values else math.nan


def log_odds(logits: Array, temperature: float = 1.0) -> Array:
    """log(score / (1 − score)) N×C: ranks as the scores do, and keeps apart what rounds to 1."""
    if logits.shape[1] == 2:  # no temperature changes this order: no rounding either
        margin = logits[:, 1] - logits[:, 0]
        return np.stack([-margin, margin], axis=1)
    logs = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    rows, best = np.arange(len(logs)), logs.argmax(1)
    others = logs.copy()
    others[rows, best] = -np.inf
    # Only the best class can be so near 1 that its complement must be summed from the others.
    rest = np.log1p(-np.exp(np.minimum(others, math.log(0.5))))
    rest[rows, best] = logsumexp(others, axis=1)
    return np.asarray(logs - rest)


def ranked(logits: Array, labels: Labels) -> list[int]:
    """The classes whose ranking means something: shown by some photos and not by all."""
    several = range(1, 2) if logits.shape[1] == 2 else range(logits.shape[1])
    return [c for c in several if (labels == c).any() and (labels != c).any()]


def top_accuracy(logits: Array, labels: Labels, best: int) -> float:
    """Share of photos whose truth is among the ``best`` largest logits."""
    truth = np.take_along_axis(logits, labels[:, None], axis=1)
    return float(((logits > truth).sum(1) < best).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A ranking read from the top, after each group of equal values: counts of both kinds.

    ``hits`` and ``misses`` start at 0 and end at all positives and all negatives.
    """

    hits: npt.NDArray[np.int64]
    misses: npt.NDArray[np.int64]

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """Share of the positives found so far."""
        return np.asarray(self.hits / max(1, int(self.hits[-1])))

    @property
    def false_alarms(self) -> npt.NDArray[np.float64]:
        """Share of the negatives taken for positives so far."""
        return np.asarray(self.misses / max(1, int(self.misses[-1])))

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Share of positives among what was taken so far; 1 before anything was."""
        taken = self.hits + self.misses
        return np.where(taken == 0, 1.0, self.hits / np.maximum(taken, 1))


def steps(values: Array, positive: npt.NDArray[np.bool_]) -> Steps:
    """Read a ranking from its largest value down; photos of equal value enter together."""
    order = np.argsort(-values, kind="stable")
    ordered, hits = values[order], np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    found = np.concatenate([[0], hits[last]])
    return Steps(found, np.concatenate([[0], last + 1]) - found)


def _precision_area(values: Array, positive: npt.NDArray[np.bool_]) -> float:
    read = steps(values, positive)
    return float((np.diff(read.recall) * read.precision[1:]).sum())


def confusion(logits: Array, labels: Labels) -> npt.NDArray[np.int64]:
    """Counts C×C: rows the truth, columns the best known class."""
    classes = logits.shape[1]
    cells = labels * classes + logits.argmax(1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def precision_recall_f1(table: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """C×3 of a confusion matrix: precision, recall and F1 by class (0 where undefined)."""
    hits = np.diag(table).astype(np.float64)
    precision = hits / np.maximum(table.sum(0), 1)
    recall = hits / np.maximum(table.sum(1), 1)
    f1 = 2 * hits / np.maximum(table.sum(0) + table.sum(1), 1)
    return np.stack([precision, recall, f1], axis=1)


def macro(table: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Precision, recall and F1 of a confusion matrix, each the plain mean over the classes.

    As in scikit-learn, a class counts where photos show it or answers name it.
    """
    there = table.sum(0) + table.sum(1) > 0
    return np.asarray(precision_recall_f1(table)[there].mean(0))


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share seen on ``n`` photos (Wilson, 1927)."""
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)


def bootstrap_accuracy(logits: Array, labels: Labels, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of the accuracy (2,000 resamples)."""
    right = (logits.argmax(1) == labels).astype(np.float64)
    draws = np.random.default_rng(seed).binomial(len(right), right.mean(), 2000) / len(right)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)
