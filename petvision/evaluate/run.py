"""Ask a model about labelled photos, through the same door as every prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from petvision.errors import ConfigError
from petvision.evaluate.datasets import Labelled
from petvision.evaluate.results import Evaluation, Negatives, ScoreFigures, Strange
from petvision.evaluate.suite import Suite, Tally
from petvision.evaluate.unknown import fpr95, separation
from petvision.events import Progress, Result
from petvision.images.inputs import expand, source_of
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown, threshold_of
from petvision.models.results import Prediction
from petvision.models.stream import answers

FALLBACK = "max_softmax"


def evaluate(
    handle: ModelHandle,
    photos: Sequence[Labelled],
    data: str,
    *,
    unknown: Unknown = "auto",
    suite: Suite | None = None,
) -> Iterator[Progress | Result[Evaluation]]:
    """The model's answer to every photo.

    Args:
        handle: the model, with the engine to use.
        photos: with the model's classes as labels.
        data: the data's name for the report.
        unknown: when to refuse a photo; see ``predict``.
        suite: other scores of strangeness to compute beside.

    Raises:
        ConfigError: when a label is not one of the model's classes, or no photo could be read.
        ModelError: when what the model remembers of its photos is damaged.
    """
    album = handle.album
    strange = sorted({p.label for p in photos} - set(handle.card.classes))
    if strange:
        known = ", ".join(handle.card.classes[:10])
        remedy = f"{handle.card.name} knows {known}."
        raise ConfigError("key", data, key=f"class {strange[0]!r} in the model", remedy=remedy)
    kept: list[tuple[Labelled, Prediction]] = []
    unread: list[tuple[str, str]] = []
    others = Tally(suite)
    answered = answers(handle, (source_of(str(p.path)) for p in photos), unknown=unknown)
    for number, (photo, answer) in enumerate(zip(photos, answered, strict=True)):
        if answer.prediction is None:
            unread.append((photo.path.name, str(answer.error)))
        else:
            kept.append((photo, answer.prediction))
            others.add(answer.features, answer.prediction.logits)
        yield Progress(number + 1, len(photos), "photos")
    if not kept:
        raise ConfigError(
            "range", data, key="data", expected="photos that can be read", found="none"
        )
    digests = album.learned if album else frozenset()
    yield Result(_evaluation(handle, data, kept, unread, others, digests))


def _evaluation(
    handle: ModelHandle,
    data: str,
    kept: Sequence[tuple[Labelled, Prediction]],
    unread: Sequence[tuple[str, str]],
    others: Tally,
    learned: frozenset[str],
) -> Evaluation:
    card = handle.card
    return Evaluation(
        model=handle.identity,
        engine=handle.engine.name,
        data=data,
        classes=card.classes,
        temperature=card.temperature,
        paths=tuple(f"{photo.path.parent.name}/{photo.path.name}" for photo, _ in kept),
        logits=np.array([p.logits for _, p in kept], np.float32),
        labels=np.array([card.classes.index(photo.label) for photo, _ in kept], np.int64),
        unknown_scores=_unknown_scores([p for _, p in kept]),
        refused=np.array([p.unknown for _, p in kept], np.bool_),
        unread=tuple(unread),
        files=tuple(photo.path.absolute() for photo, _ in kept),
        others=others.scores(),
        learned=np.array([p.image.sha256 in learned for _, p in kept], np.bool_),
    )


def strangeness(suite: Suite, folder: str) -> Iterator[Progress | Result[Negatives]]:
    """Every score of every photo below a folder (those that cannot be read are counted).

    Raises:
        ConfigError: when the folder holds no photo that can be read.
    """
    kept: list[tuple[str, Prediction]] = []
    others, unread = Tally(suite), 0
    stream = answers(suite.handle, expand([folder], recursive=True))
    for number, answer in enumerate(stream):
        if answer.prediction is None:
            unread += 1
        else:
            kept.append((answer.source.location, answer.prediction))
            others.add(answer.features, answer.prediction.logits)
        yield Progress(number + 1, 0, folder)
    if not kept:
        raise ConfigError(
            "range", "--unknown", key=folder, expected="a folder of photos", found="empty"
        )
    yield Result(
        Negatives(
            files=tuple(Path(place) for place, _ in kept),
            answers=np.array([np.argmax(p.logits) for _, p in kept], np.int64),
            confidences=np.array([p.confidence for _, p in kept], np.float64),
            unknown_scores=_unknown_scores([p for _, p in kept]),
            others=others.scores(),
            unread=unread,
        )
    )


def _unknown_scores(predictions: Sequence[Prediction]) -> npt.NDArray[np.float64]:
    scores = (p.unknown_score for p in predictions)
    return np.array([math.nan if s is None else s for s in scores], np.float64)


def against(
    handle: ModelHandle, evaluation: Evaluation, negatives: Negatives, unknown: Unknown = "auto"
) -> Strange:
    """How the evaluated data and photos of something else are told apart.

    ``unknown`` is the one of ``evaluate``. Both must have been computed with the same suite.
    """
    own, threshold = handle.heads.unknown, threshold_of(handle, unknown)
    if own is not None:
        name, known, strange = own.name, evaluation.unknown_scores, negatives.unknown_scores
    else:
        name = FALLBACK
        known, strange = evaluation.others[name], negatives.others[name]
    limit = math.inf if threshold is None else threshold
    verdict = separation(known, strange, limit)
    scores = {
        other: ScoreFigures(
            separation(ours, negatives.others[other], math.inf).auroc,
            fpr95(ours, negatives.others[other]),
        )
        for other, ours in evaluation.others.items()
    }
    return Strange(name, verdict, scores, negatives, strange > limit)
