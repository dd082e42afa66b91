"""What an evaluation found: every answer with its truth, and the figures. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from petvision.evaluate.calibration import Bin, ece, mce, reliability, scores_at
from petvision.evaluate.metrics import (
    accuracy,
    average_precision,
    bootstrap_accuracy,
    brier,
    confusion,
    log_loss,
    precision_recall_f1,
    roc_auc,
    wilson,
)
from petvision.models.results import ModelIdentity


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A model's answers to N labelled photos.

    ``paths`` are fit to show, ``logits`` N×C, ``labels`` N class numbers, ``unknown_scores`` N
    (NaN where the model gives none), ``refused`` N: the unknown verdict. ``unread`` tells of
    photos without an answer: name and reason.
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

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """Temperature-scaled probabilities N×C."""
        return np.asarray(scores_at(self.logits, self.temperature), np.float64)


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
    reported beside it. ``loss`` and ``ece_before`` are at temperature 1, ``log_loss`` and
    ``ece_after`` at the model's temperature.
    """

    n: int
    accuracy: float
    accuracy_wilson: tuple[float, float]
    accuracy_bootstrap: tuple[float, float]
    roc_auc: float
    average_precision: float
    loss: float
    log_loss: float
    brier: float
    f1_macro: float
    f1_weighted: float
    ece_before: float
    ece_after: float
    mce_before: float
    mce_after: float
    refused: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Bin, ...]


def figures_of(evaluation: Evaluation) -> Figures:
    """Compute every figure of an evaluation of at least one photo."""
    logits, labels, scores = evaluation.logits, evaluation.labels, evaluation.scores
    share, n = accuracy(logits, labels), len(labels)
    table = confusion(logits, labels)
    support = table.sum(1)
    by_class = precision_recall_f1(table)
    before, after = reliability(scores_at(logits, 1.0), labels), reliability(scores, labels)
    return Figures(
        n=n,
        accuracy=share,
        accuracy_wilson=wilson(share, n),
        accuracy_bootstrap=bootstrap_accuracy(logits, labels),
        roc_auc=roc_auc(logits, labels),
        average_precision=average_precision(logits, labels),
        loss=log_loss(logits, labels),
        log_loss=log_loss(logits, labels, evaluation.temperature),
        brier=brier(scores, labels),
        f1_macro=float(by_class[:, 2].mean()),
        f1_weighted=float((by_class[:, 2] * support).sum() / n),
        ece_before=ece(before),
        ece_after=ece(after),
        mce_before=mce(before),
        mce_after=mce(after),
        refused=float(evaluation.refused.mean()),
        classes=tuple(
            ClassFigures(name, float(row[0]), float(row[1]), float(row[2]), int(count))
            for name, row, count in zip(evaluation.classes, by_class, support, strict=True)
        ),
        confusion=tuple(tuple(map(int, row)) for row in table),
        reliability=after,
    )
