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
    return _log_sum(gate) - _log_sum(gate[:, PETS])


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
        if self.name != "combined":
            return self._part(self.name, features, logits, gate)
        total = np.zeros(len(logits))
        for part in parts_of(self.statistics):
            weight, mean, std = (self.statistics[f"{part}.{s}"] for s in ("weight", "mean", "std"))
            total += weight * (self._part(part, features, logits, gate) - mean) / std
        return total

    def _part(self, name: str, features: Floats, logits: Floats, gate: Floats | None) -> Scores:
        match name:
            case "pet_mass":
                assert gate is not None  # a file without it was refused when it was opened
                return pet_mass(gate)
            case "knn":
                assert self.bank is not None  # likewise
                return knn(features, self.bank, int(self.statistics.get("k", NEIGHBOURS)))
            case "max_softmax":
                return max_softmax(logits, self.temperature)
            case "energy":
                return energy(logits, self.temperature)
        raise ValueError(f"there is no unknown score {name}")
