"""From features to verdicts, in numpy: the same arithmetic whatever engine made the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petvision.images.types import Floats
from petvision.models.unknown import Scores, UnknownScore, softmax


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A linear layer: ``weight`` out×in, ``bias`` out."""

    weight: Floats
    bias: Floats

    def __call__(self, features: Floats) -> Floats:
        """N×in to N×out."""
        return features @ self.weight.T + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What the heads say of a batch.

    ``logits`` and ``scores`` N×C, ``unknown`` N or None, ``gate`` (its logits) N×1000 or None.
    """

    logits: Floats
    scores: Scores
    unknown: Scores | None
    gate: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """A model's linear heads.

    ``classifier`` is None for networks whose features are their logits. ``pooled`` says that the
    features are the average of the last maps, so that logits are linear in those maps (what
    Grad-CAM's closed form needs). ``gate`` is a kept ImageNet head.
    """

    classifier: Linear | None
    pooled: bool = False
    gate: Linear | None = None
    temperature: float = 1.0
    unknown: UnknownScore | None = None

    def logits(self, features: Floats) -> Floats:
        """N×F to N×C."""
        return features if self.classifier is None else self.classifier(features)

    def gate_logits(self, features: Floats) -> Floats | None:
        """N×F to N×1000, None without a gate."""
        return None if self.gate is None else self.gate(features)

    def scores(self, logits: Floats) -> Scores:
        """Temperature-scaled probabilities N×C."""
        return softmax(logits, self.temperature)

    def verdicts(self, features: Floats) -> Verdicts:
        """Everything the heads say of a batch of features."""
        logits = self.logits(features)
        unknown = gate = None
        if self.unknown is not None:
            gate = self.gate_logits(features)
            unknown = self.unknown(features, logits, gate)
        return Verdicts(np.asarray(logits, np.float32), self.scores(logits), unknown, gate)
