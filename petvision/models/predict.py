"""Verdicts on prepared pictures, the same whatever engine answers."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from petvision.images.types import Floats, Prepared
from petvision.models.boundary import near_boundary
from petvision.models.engines.base import Trunk
from petvision.models.handle import ModelHandle
from petvision.models.heads import Verdicts
from petvision.models.results import Prediction

Unknown = Literal["auto", "off"] | float


def predict(
    handle: ModelHandle, prepared: Sequence[Prepared], unknown: Unknown = "auto"
) -> list[Prediction]:
    """One verdict a picture, in order.

    A fast engine's verdict that lies within its stated distance of a boundary (the two best
    classes, the unknown threshold) is computed again on the reference engine.

    Args:
        handle: the model.
        prepared: pictures prepared by its ``spec``.
        unknown: ``auto`` takes the card's threshold, ``off`` never says unknown, a number is
            the threshold.
    """
    return judged(handle, prepared, unknown)[0]


def judged(
    handle: ModelHandle, prepared: Sequence[Prepared], unknown: Unknown = "auto"
) -> tuple[list[Prediction], Floats]:
    """The verdicts of :func:`predict`, and the features N×F they were made of."""
    if not prepared:
        return [], np.zeros((0, 0), np.float32)
    predictions, trunk = _judged(handle, prepared, unknown, maps=False)
    return predictions, trunk.features


def look(
    handle: ModelHandle, prepared: Prepared, unknown: Unknown = "auto"
) -> tuple[Prediction, Trunk]:
    """One verdict, and the features and last maps of the very forward pass that gave it."""
    (prediction,), trunk = _judged(handle, [prepared], unknown, maps=True)
    return prediction, trunk


def _judged(
    handle: ModelHandle, prepared: Sequence[Prepared], unknown: Unknown, maps: bool
) -> tuple[list[Prediction], Trunk]:
    start = time.perf_counter()
    batch = np.concatenate([p.pixels for p in prepared])
    threshold = threshold_of(handle, unknown)
    trunk = handle.engine.forward(batch, maps=maps)
    verdicts = handle.heads.verdicts(trunk.features)
    again = near_boundary(handle.heads, trunk.features, verdicts, threshold, handle.distance)
    if again.any():
        exact = _one_by_one(handle, batch[again], maps)
        trunk = Trunk(trunk.features.copy(), None if trunk.maps is None else trunk.maps.copy())
        trunk.features[again] = exact.features
        if trunk.maps is not None and exact.maps is not None:
            trunk.maps[again] = exact.maps
        verdicts = _replaced(verdicts, again, handle.heads.verdicts(exact.features))
    each = (time.perf_counter() - start) * 1000 / len(prepared)
    predictions = [
        _prediction(handle, verdicts, i, threshold, bool(again[i]), picture, each)
        for i, picture in enumerate(prepared)
    ]
    return predictions, trunk


def _one_by_one(handle: ModelHandle, batch: Floats, maps: bool) -> Trunk:
    """What the reference makes of a few pictures, each by itself.

    One picture at a time takes the fused kernels (``engines.fused``), and always meets torch with
    the same length of batch.
    """
    each = [handle.reference.forward(picture[None], maps=maps) for picture in batch]
    grids = [trunk.maps for trunk in each if trunk.maps is not None]
    features = np.concatenate([trunk.features for trunk in each])
    return Trunk(features, np.concatenate(grids) if grids else None)


def threshold_of(handle: ModelHandle, unknown: Unknown) -> float | None:
    """The threshold on the unknown score, None when it is off or the model has no score."""
    score = handle.heads.unknown
    if score is None or unknown == "off":
        return None
    return score.threshold if unknown == "auto" else float(unknown)


def _replaced(verdicts: Verdicts, where: npt.NDArray[np.bool_], exact: Verdicts) -> Verdicts:
    logits, scores = verdicts.logits.copy(), verdicts.scores.copy()
    logits[where], scores[where] = exact.logits, exact.scores
    unknown = None
    if verdicts.unknown is not None:
        unknown = verdicts.unknown.copy()
        unknown[where] = exact.unknown
    return Verdicts(logits, scores, unknown)


def _prediction(
    handle: ModelHandle,
    verdicts: Verdicts,
    index: int,
    threshold: float | None,
    rechecked: bool,
    prepared: Prepared,
    compute_ms: float,
) -> Prediction:
    classes = handle.card.classes
    values = [float(s) for s in verdicts.scores[index]]
    strangeness = None if verdicts.unknown is None else float(verdicts.unknown[index])
    unknown = threshold is not None and strangeness is not None and strangeness > threshold
    return Prediction(
        label="unknown" if unknown else classes[int(np.argmax(values))],
        scores=dict(zip(classes, values, strict=True)),
        logits=tuple(float(z) for z in verdicts.logits[index]),
        confidence=max(values),
        unknown=unknown,
        unknown_score=strangeness,
        unknown_threshold=threshold,
        model=handle.identity,
        image=prepared.facts,
        engine=handle.reference.name if rechecked else handle.engine.name,
        ms=dataclasses.replace(prepared.ms, compute=compute_ms),
        rechecked=rechecked,
    )
