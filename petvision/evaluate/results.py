"""What an evaluation found: every answer with its truth, and the figures. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from petvision.evaluate.calibration import Bin, ece, mce, reliability
from petvision.evaluate.metrics import (
    Steps,
    accuracy,
    average_precision,
    bootstrap_accuracy,
    brier,
    confusion,
    log_loss,
    log_odds,
    macro,
    precision_recall_f1,
    ranked,
    roc_auc,
    steps,
    top_accuracy,
    wilson,
)
from petvision.evaluate.unknown import Separation
from petvision.models.results import ModelIdentity
from petvision.models.unknown import softmax

CERTAIN = 0.99
MOST = 0.95
FEW = 20
MANY = 10
"""Over 95 % of at least 20 answers above 0.99 is near-certainty throughout; more than ten classes
have their best five answers counted too."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A model's answers to N labelled photos.

    ``paths`` are fit to show, ``logits`` N×C, ``labels`` N class numbers, ``unknown_scores`` N
    (NaN where the model gives none), ``refused`` N: the unknown verdict. ``unread`` tells of
    photos without an answer: name and reason. ``files`` are the photos themselves (empty: not
    known). ``others`` are other scores of strangeness by name, N each. ``learned`` N: the model
    was trained or chosen on this very photo (empty: not known).
    """

    model: ModelIdentity
    engine: str
    data: str
    classes: tuple[str, ...]
    temperature: float
    paths: tuple[str, ...]
    logits: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    unknown_scores: npt.NDArray[np.float64]
    refused: npt.NDArray[np.bool_]
    unread: tuple[tuple[str, str], ...] = ()
    files: tuple[Path, ...] = ()
    others: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    learned: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """Temperature-scaled probabilities N×C."""
        return softmax(self.logits, self.temperature)

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """The best known class of each photo, N class numbers."""
        return np.asarray(self.logits.argmax(1), np.int64)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the best known class is the truth, N."""
        return np.asarray(self.answers == self.labels)

    def worst(self, count: int) -> list[int]:
        """The wrong answers, the one that gives the truth the smallest score first."""
        wrong = np.flatnonzero(~self.right)
        truth = self.scores[wrong, self.labels[wrong]]
        return [int(i) for i in wrong[np.argsort(truth, kind="stable")][:count]]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 of one class, and how many photos show it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of an evaluation; shares are 0 to 1, losses in nats.

    Accuracy is always of the best known class; ``refused`` (the share that came out unknown) is
    reported beside it. ``loss`` and what ends in ``before`` are at temperature 1, everything else
    at the model's temperature. ``macro`` figures are the plain mean over the classes, ``weighted``
    ones weigh each with its photos. ``accuracy_top5`` is None for few classes. ``certain`` is the
    share of answers with a score over 0.99. ``learned`` is how many of the photos the model was
    trained or chosen on, as far as is known, and ``accuracy_others`` the accuracy on the others
    (None where all or none of them were).
    """

    n: int
    accuracy: float
    accuracy_wilson: tuple[float, float]
    accuracy_bootstrap: tuple[float, float]
    accuracy_top5: float | None
    roc_auc: float
    average_precision: float
    loss: float
    log_loss: float
    brier: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    precision_weighted: float
    recall_weighted: float
    f1_weighted: float
    ece_before: float
    ece_after: float
    mce_before: float
    mce_after: float
    certain: float
    refused: float
    learned: int
    accuracy_others: float | None
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Bin, ...]
    reliability_before: tuple[Bin, ...]


def figures_of(evaluation: Evaluation) -> Figures:
    """Compute every figure of an evaluation of at least one photo."""
    logits, labels, scores = evaluation.logits, evaluation.labels, evaluation.scores
    share, n = accuracy(logits, labels), len(labels)
    table = confusion(logits, labels)
    support = table.sum(1)
    by_class = precision_recall_f1(table)
    mean, weighted = macro(table), support @ by_class / n
    before, after = reliability(softmax(logits), labels), reliability(scores, labels)
    at = evaluation.temperature
    learned, right = int(evaluation.learned.sum()), evaluation.right
    others = float(right[~evaluation.learned].mean()) if 0 < learned < n else None
    return Figures(
        n=n,
        accuracy=share,
        accuracy_wilson=wilson(share, n),
        accuracy_bootstrap=bootstrap_accuracy(logits, labels),
        accuracy_top5=top_accuracy(logits, labels, 5) if logits.shape[1] > MANY else None,
        roc_auc=roc_auc(logits, labels, at),
        average_precision=average_precision(logits, labels, at),
        loss=log_loss(logits, labels),
        log_loss=log_loss(logits, labels, at),
        brier=brier(scores, labels),
        precision_macro=float(mean[0]),
        recall_macro=float(mean[1]),
        f1_macro=float(mean[2]),
        precision_weighted=float(weighted[0]),
        recall_weighted=float(weighted[1]),
        f1_weighted=float(weighted[2]),
        ece_before=ece(before),
        ece_after=ece(after),
        mce_before=mce(before),
        mce_after=mce(after),
        certain=float((scores.max(1) > CERTAIN).mean()),
        learned=learned,
        accuracy_others=others,
        refused=float(evaluation.refused.mean()),
        classes=tuple(
            ClassFigures(name, float(row[0]), float(row[1]), float(row[2]), int(count))
            for name, row, count in zip(evaluation.classes, by_class, support, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in table),
        reliability=after,
        reliability_before=before,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How one class is ranked against the rest: its name and the ranking read downwards."""

    name: str
    steps: Steps


def rankings(evaluation: Evaluation) -> tuple[Ranking, ...]:
    """The ranking behind each class's ROC and precision-recall curve."""
    odds = log_odds(evaluation.logits, evaluation.temperature)
    labels = evaluation.labels
    return tuple(
        Ranking(evaluation.classes[c], steps(odds[:, c], labels == c))
        for c in ranked(evaluation.logits, labels)
    )


@dataclass(frozen=True, slots=True)
class ScoreFigures:
    """How well one score of strangeness tells the data from photos of something else."""

    auroc: float
    fpr95: float


@dataclass(frozen=True, slots=True, eq=False)
class Negatives:
    """A model's answers to M photos of none of its classes.

    ``answers`` are the best known classes, ``confidences`` their scores, ``unknown_scores`` the
    model's own (NaN where it gives none), ``others`` further scores by name; all M long.
    ``unread`` photos were left out.
    """

    files: tuple[Path, ...]
    answers: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]
    unknown_scores: npt.NDArray[np.float64]
    others: Mapping[str, npt.NDArray[np.float64]]
    unread: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Strange:
    """Photos of none of the classes, against the evaluated data.

    ``score`` names the score behind ``verdict`` (the model's own, or max-softmax where it has
    none); ``scores`` compares all that can be computed. ``refused`` M is the verdict on each.
    """

    score: str
    verdict: Separation
    scores: Mapping[str, ScoreFigures]
    negatives: Negatives
    refused: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Moment:
    """One epoch of a training; what was not measured is NaN. Losses in nats, shares 0 to 1."""

    epoch: float
    loss: float
    validation_loss: float
    accuracy: float
    f1: float


def near_certain(figures: Figures) -> bool:
    """Whether nearly every answer claims near-certainty: then such photos no longer teach much."""
    return figures.n >= FEW and figures.certain >= MOST
