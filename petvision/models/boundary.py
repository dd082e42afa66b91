"""How near a boundary a verdict lies, beside what an engine's rounding can do to it.

A fast engine's features are off by a little in all directions. What matters to a verdict is how
far they are off along one: the gradient (by the features) of the margin between two classes, or of
the unknown score. An engine's stated distance is the most that was seen along such a direction, as
a share of the features' length; times that length and the gradient's, it is how far the margin or
the score may be off. One number serves every head, whatever its scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from petvision.images.types import Floats
from petvision.models.heads import Heads, Verdicts
from petvision.models.unknown import Scores

Indices = npt.NDArray[np.intp]


def near_boundary(
    heads: Heads, features: Floats, verdicts: Verdicts, threshold: float | None, distance: float
) -> npt.NDArray[np.bool_]:
    """Which verdicts (N) the reference might see otherwise.

    Args:
        heads: the model's.
        features: N×F, from the engine that answered.
        verdicts: what the heads made of them.
        threshold: on the unknown score; None where it is off.
        distance: the engine's, 0 for the reference.
    """
    near = np.zeros(len(features), bool)
    if distance == 0:
        return near
    if verdicts.logits.shape[1] > 1:
        best, second = two_best(verdicts.logits)
        slope = margin_slope(heads, features, best, second)
        near = margins(verdicts.logits, best, second) <= distance * slope
    if threshold is not None and verdicts.unknown is not None:
        slope = unknown_slope(heads, features, verdicts)
        near |= np.abs(verdicts.unknown - threshold) <= distance * slope
    return near


def two_best(logits: Floats) -> tuple[Indices, Indices]:
    """The classes (N and N) with the largest and the second largest of N×C logits."""
    order = np.argsort(logits, axis=1)
    return order[:, -1], order[:, -2]


def margins(logits: Floats, best: Indices, second: Indices) -> Scores:
    """How much larger the logit of class ``best`` is than that of ``second``, N."""
    rows = np.arange(len(logits))
    return (logits[rows, best] - logits[rows, second]).astype(np.float64)


def margin_slope(heads: Heads, features: Floats, best: Indices, second: Indices) -> Scores:
    """Change of the margin between two classes per share of the features' length, N."""
    if heads.classifier is None:  # the features are the logits
        return np.asarray(np.sqrt(2) * lengths(features))
    weight = heads.classifier.weight
    return lengths(features) * lengths(weight[best] - weight[second])


def unknown_slope(heads: Heads, features: Floats, verdicts: Verdicts) -> Scores:
    """Change of the unknown score per share of the features' length, N.

    The heads must have an unknown score.
    """
    assert heads.unknown is not None
    slopes = heads.unknown.slopes(features, verdicts.logits, verdicts.gate)
    gradient = slopes.by_features
    if heads.classifier is None:
        gradient = gradient + slopes.by_logits
    else:
        gradient = gradient + slopes.by_logits @ heads.classifier.weight
    if heads.gate is not None and slopes.by_gate is not None:
        # In the weight's own float32: to widen a 1000-class head costs more than to apply it.
        gradient = gradient + slopes.by_gate.astype(np.float32) @ heads.gate.weight
    return lengths(features) * lengths(gradient)


def lengths(rows: npt.NDArray[np.floating]) -> Scores:
    """The Euclidean length of each row."""
    return np.asarray(np.linalg.norm(rows.astype(np.float64), axis=1))
