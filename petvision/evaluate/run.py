"""Ask a model about labelled photos, through the same door as every prediction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from petvision.errors import ConfigError
from petvision.evaluate.datasets import Labelled
from petvision.evaluate.results import Evaluation
from petvision.events import Progress, Result
from petvision.images.inputs import expand, source_of
from petvision.models.handle import ModelHandle
from petvision.models.results import Prediction
from petvision.models.stream import answers


def evaluate(
    handle: ModelHandle, photos: Sequence[Labelled], data: str
) -> Iterator[Progress | Result[Evaluation]]:
    """The model's answer to every photo.

    Args:
        handle: the model, with the engine to use.
        photos: with the model's classes as labels.
        data: the data's name for the report.

    Raises:
        ConfigError: when a label is not one of the model's classes, or no photo could be read.
    """
    strange = sorted({p.label for p in photos} - set(handle.card.classes))
    if strange:
        known = ", ".join(handle.card.classes[:10])
        remedy = f"{handle.card.name} knows {known}."
        raise ConfigError("key", data, key=f"class {strange[0]!r} in the model", remedy=remedy)
    kept: list[tuple[Labelled, Prediction]] = []
    unread: list[tuple[str, str]] = []
    sources = (source_of(str(p.path)) for p in photos)
    for number, (photo, answer) in enumerate(zip(photos, answers(handle, sources), strict=True)):
        if answer.prediction is None:
            unread.append((photo.path.name, str(answer.error)))
        else:
            kept.append((photo, answer.prediction))
        yield Progress(number + 1, len(photos), "photos")
    if not kept:
        raise ConfigError(
            "range", data, key="data", expected="photos that can be read", found="none"
        )
    yield Result(_evaluation(handle, data, kept, unread))


def _evaluation(
    handle: ModelHandle,
    data: str,
    kept: Sequence[tuple[Labelled, Prediction]],
    unread: Sequence[tuple[str, str]],
) -> Evaluation:
    card = handle.card
    scores = [p.unknown_score for _, p in kept]
    return Evaluation(
        model=handle.identity,
        engine=handle.engine.name,
        data=data,
        classes=card.classes,
        temperature=card.temperature,
        paths=tuple(f"{photo.path.parent.name}/{photo.path.name}" for photo, _ in kept),
        logits=np.array([p.logits for _, p in kept], np.float32),
        labels=np.array([card.classes.index(photo.label) for photo, _ in kept], np.int64),
        unknown_scores=np.array([math.nan if s is None else s for s in scores], np.float64),
        refused=np.array([p.unknown for _, p in kept], np.bool_),
        unread=tuple(unread),
    )


def strangeness(
    handle: ModelHandle, folder: str
) -> Iterator[Progress | Result[npt.NDArray[np.float64]]]:
    """The unknown score of every photo below a folder (those that cannot be read are left out).

    Raises:
        ConfigError: when the folder holds no photo that can be read.
    """
    values: list[float] = []
    for number, answer in enumerate(answers(handle, expand([folder], recursive=True))):
        if answer.prediction is not None and answer.prediction.unknown_score is not None:
            values.append(answer.prediction.unknown_score)
        yield Progress(number + 1, 0, folder)
    if not values:
        raise ConfigError(
            "range", "--unknown", key=folder, expected="a folder of photos", found="empty"
        )
    yield Result(np.array(values))
