"""How strange a photo is to a model: scores that grow with strangeness. numpy only.

Every score turns a batch's features (N×F), logits (N×C) and ImageNet gate logits (N×1000) into one
number a photo, float64. Which of them a model uses, with its threshold, is in its card.

- ``pet_mass``: −log of the probability a kept ImageNet head gives to its 118 dog and 5 cat classes.
- ``knn``: 1 − the mean cosine similarity to the ``k`` nearest of a core set of training features
  (Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022).
- ``max_softmax``: 1 − the largest probability (Hendrycks and Gimpel, ICLR 2017).
- ``energy``: −T·log Σ exp(logit / T) (Liu et al., NeurIPS 2020).
- ``combined``: a weighted sum of some of these, each standardised.

``statistics`` in the card: ``k`` for ``knn``; for ``combined`` ``NAME.weight``, ``NAME.mean`` and
``NAME.std`` of each part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from petvision.images.types import Floats

Scores = npt.NDArray[np.float64]

DOGS = range(151, 269)  # ImageNet's dog breeds; wolves, foxes and dingo come after
CATS = range(281, 286)  # its domestic cats; cougar, lynx and big cats come after
PETS = np.array([*DOGS, *CATS])
PARTS = ("pet_mass", "knn", "max_softmax", "energy")
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Needs:
    """What a score cannot do without: the ImageNet gate, the feature bank."""

    gate: bool
    bank: bool


def needs(score: str, statistics: Mapping[str, float] | None = None) -> Needs:
    """What ``score`` needs; for ``combined`` what its weighted parts need."""
    parts = parts_of(statistics or {}) if score == "combined" else (score,)
    return Needs(gate="pet_mass" in parts, bank="knn" in parts)


def parts_of(statistics: Mapping[str, float]) -> tuple[str, ...]:
    """The parts a combined score's statistics give a weight."""
    return tuple(part for part in PARTS if statistics.get(f"{part}.weight", 0.0) != 0.0)


def pet_mass(gate: Floats) -> Scores:
    """−log of the gate's probability of a pet: 0 for a certain pet, 4.6 for a chance of 1 %."""
    return np.maximum(_log_sum(gate) - _log_sum(gate[:, PETS]), 0.0)


def knn(features: Floats, bank: Floats, k: int = NEIGHBOURS) -> Scores:
    """1 − mean cosine to the ``k`` nearest rows of ``bank`` (M×F, each of length 1)."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    cosines = (features / np.maximum(lengths, 1e-12)) @ bank.T
    k = min(k, len(bank))
    nearest = np.partition(cosines, len(bank) - k, axis=1)[:, len(bank) - k :]
    return np.asarray(1 - nearest.mean(axis=1), np.float64)


def max_softmax(logits: Floats, temperature: float) -> Scores:
    """1 − the largest of the temperature-scaled probabilities."""
    return np.asarray(1 - softmax(logits, temperature).max(axis=1))


def energy(logits: Floats, temperature: float) -> Scores:
    """−T·log Σ exp(logit / T)."""
    return -temperature * _log_sum(logits / temperature)


def softmax(logits: Floats, temperature: float = 1.0) -> Scores:
    """Probabilities N×C, in float64."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _log_sum(logits: Floats) -> Scores:
    wide = logits.astype(np.float64)
    most = wide.max(axis=1)
    return np.asarray(most + np.log(np.exp(wide - most[:, None]).sum(axis=1)))


def unit_rows(bank: Floats) -> Floats:
    """The rows scaled to length 1."""
    lengths = np.linalg.norm(bank, axis=1, keepdims=True)
    return np.asarray(bank / np.maximum(lengths, 1e-12), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """The gradient of a score by what it is made of: N×F, N×C and N×1000 (None without a gate)."""

    by_features: Scores
    by_logits: Scores
    by_gate: Scores | None


@dataclass(frozen=True, slots=True, eq=False)
class UnknownScore:
    """One model's score: ``name``, its ``threshold``, and what it needs.

    ``bank`` holds rows of length 1; ``temperature`` is the model's.
    """

    name: str
    threshold: float
    temperature: float = 1.0
    statistics: Mapping[str, float] = field(default_factory=dict)
    bank: Floats | None = None

    def __call__(self, features: Floats, logits: Floats, gate: Floats | None) -> Scores:
        """The strangeness of each photo of a batch."""
        total = np.zeros(len(logits))
        for part, weight, mean in self._parts():
            total += weight * (self._score(part, features, logits, gate) - mean)
        return total

    def slopes(self, features: Floats, logits: Floats, gate: Floats | None) -> Slopes:
        """The gradient of each photo's score."""
        by_features, by_logits = np.zeros(features.shape), np.zeros(logits.shape)
        by_gate = None if gate is None else np.zeros(gate.shape)
        for part, weight, _ in self._parts():
            match part:
                case "pet_mass" if gate is not None and by_gate is not None:
                    by_gate += weight * _pet_mass_slope(gate)
                case "knn" if self.bank is not None:
                    by_features += weight * _knn_slope(features, self.bank, self._neighbours)
                case "max_softmax":
                    by_logits += weight * _max_softmax_slope(logits, self.temperature)
                case "energy":
                    by_logits -= weight * softmax(logits, self.temperature)
        return Slopes(by_features, by_logits, by_gate)

    @property
    def _neighbours(self) -> int:
        return int(self.statistics.get("k", NEIGHBOURS))

    def _parts(self) -> list[tuple[str, float, float]]:
        """Name, weight and mean of each part; a plain score is its own one part."""
        if self.name != "combined":
            return [(self.name, 1.0, 0.0)]
        s = self.statistics
        return [
            (part, s[f"{part}.weight"] / s[f"{part}.std"], s[f"{part}.mean"])
            for part in parts_of(s)
        ]

    def _score(self, part: str, features: Floats, logits: Floats, gate: Floats | None) -> Scores:
        match part:
            case "pet_mass" if gate is not None:
                return pet_mass(gate)
            case "knn" if self.bank is not None:
                return knn(features, self.bank, self._neighbours)
            case "max_softmax":
                return max_softmax(logits, self.temperature)
            case "energy":
                return energy(logits, self.temperature)
        raise ValueError(f"there is nothing to make an unknown score {part} of")


def _pet_mass_slope(gate: Floats) -> Scores:
    slope = softmax(gate)
    slope[:, PETS] -= softmax(gate[:, PETS])
    return slope


def _knn_slope(features: Floats, bank: Floats, k: int) -> Scores:
    lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    units = (features / lengths).astype(np.float64)
    cosines = units @ bank.T
    nearest = np.argpartition(-cosines, min(k, len(bank)) - 1, axis=1)[:, :k]
    middle = bank[nearest].mean(axis=1, dtype=np.float64)
    along = (middle * units).sum(axis=1, keepdims=True)
    return np.asarray((along * units - middle) / lengths)


def _max_softmax_slope(logits: Floats, temperature: float) -> Scores:
    chances = softmax(logits, temperature)
    rows, best = np.arange(len(logits)), chances.argmax(axis=1)
    top = chances[rows, best]
    slope = top[:, None] * chances
    slope[rows, best] -= top
    return np.asarray(slope / temperature)
