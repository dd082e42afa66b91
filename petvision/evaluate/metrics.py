"""Figures of a classifier from its logits and the truth. numpy and scipy only.

Everywhere ``logits`` are N×C, ``labels`` N class numbers and ``scores`` N×C probabilities. With two
classes the ranking figures (ROC-AUC, average precision) speak of the second against the first;
with more they are the plain mean over the classes, each against the rest.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
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


def roc_auc(logits: Array, labels: Labels) -> float:
    """Area under the ROC curve; NaN when a class is missing from the truth."""
    margins = _margins(logits)
    areas = [
        auroc(margins[labels == c, c], margins[labels != c, c])
        if (labels == c).any() and (labels != c).any()
        else math.nan
        for c in _ranked_classes(logits)
    ]
    return float(np.mean(areas))


def average_precision(logits: Array, labels: Labels) -> float:
    """Area under the precision-recall curve, as the mean precision at each recalled photo."""
    margins = _margins(logits)
    values = [_precision_area(margins[:, c], labels == c) for c in _ranked_classes(logits)]
    return float(np.mean(values))


def _precision_area(values: Array, positive: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(-values, kind="stable")
    ordered, hits = values[order], np.cumsum(positive[order])
    # Photos of equal value enter together.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / max(1, int(positive.sum()))
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _margins(logits: Array) -> Array:
    """How far each class is ahead of the best other one: a ranking that no temperature changes."""
    best_two = np.sort(logits, axis=1)[:, -2:]
    best_other = np.where(logits == best_two[:, 1:], best_two[:, :1], best_two[:, 1:])
    return logits - best_other


def _ranked_classes(logits: Array) -> range:
    return range(1, 2) if logits.shape[1] == 2 else range(logits.shape[1])


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
