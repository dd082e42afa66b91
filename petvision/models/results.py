"""What a model answers. numpy-free and torch-free, so that figures can read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from petvision.images.types import ImageFacts, Milliseconds


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights: the card's name and the sha256 of the model file."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The verdict on one picture.

    ``scores`` are temperature-scaled probabilities by class, in the card's order; ``logits`` the
    raw outputs in the same order. ``confidence`` is the largest score, even when ``unknown``;
    ``unknown_score`` grows with strangeness and is compared with ``unknown_threshold`` (None:
    the verdict was switched off or the model has no score). ``label`` is ``"unknown"`` when
    ``unknown``. ``rechecked`` says that a fast engine's verdict lay near a boundary and was
    computed again on the reference engine, which ``engine`` then names.
    """

    label: str
    scores: Mapping[str, float]
    logits: tuple[float, ...]
    confidence: float
    unknown: bool
    unknown_score: float | None
    unknown_threshold: float | None
    model: ModelIdentity
    image: ImageFacts
    engine: str
    ms: Milliseconds
    rechecked: bool = False

    @property
    def best_class(self) -> str:
        """The known class with the largest score, whatever the verdict."""
        return max(self.scores, key=lambda name: self.scores[name])
