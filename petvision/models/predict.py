"""Verdicts on prepared pictures."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from petvision.images.types import Prepared
from petvision.models.handle import ModelHandle
from petvision.models.heads import Verdicts
from petvision.models.results import Prediction

Unknown = Literal["auto", "off"] | float


def predict(
    handle: ModelHandle, prepared: Sequence[Prepared], unknown: Unknown = "auto"
) -> list[Prediction]:
    """One verdict a picture, in order.

    Args:
        handle: the model.
        prepared: pictures prepared by its ``spec``.
        unknown: ``auto`` takes the card's threshold, ``off`` never says unknown, a number is
            the threshold.
    """
    if not prepared:
        return []
    start = time.perf_counter()
    batch = np.concatenate([p.pixels for p in prepared])
    verdicts = handle.heads.verdicts(handle.engine.forward(batch).features)
    each = (time.perf_counter() - start) * 1000 / len(prepared)
    return [
        _prediction(handle, verdicts, i, p, threshold_of(handle, unknown), each)
        for i, p in enumerate(prepared)
    ]


def threshold_of(handle: ModelHandle, unknown: Unknown) -> float | None:
    """The threshold on the unknown score, None when it is off or the model has no score."""
    score = handle.heads.unknown
    if score is None or unknown == "off":
        return None
    return score.threshold if unknown == "auto" else float(unknown)


def _prediction(
    handle: ModelHandle,
    verdicts: Verdicts,
    index: int,
    prepared: Prepared,
    threshold: float | None,
    compute_ms: float,
) -> Prediction:
    values = [float(s) for s in verdicts.scores[index]]
    strangeness = None if verdicts.unknown is None else float(verdicts.unknown[index])
    unknown = threshold is not None and strangeness is not None and strangeness > threshold
    best = handle.card.classes[int(np.argmax(values))]
    return Prediction(
        label="unknown" if unknown else best,
        scores=dict(zip(handle.card.classes, values, strict=True)),
        logits=tuple(float(z) for z in verdicts.logits[index]),
        confidence=max(values),
        unknown=unknown,
        unknown_score=strangeness,
        unknown_threshold=threshold,
        model=handle.identity,
        image=prepared.facts,
        engine=handle.engine.name,
        ms=dataclasses.replace(prepared.ms, compute=compute_ms),
    )
