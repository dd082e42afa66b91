"""How far an exported file is from the model it was made of, measured on pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from petvision.export.formats import Answers, Compute, Format
from petvision.images.prepare import normalise
from petvision.images.types import Pixels
from petvision.models.handle import ModelHandle

BATCH = 8
TIE = 1e-5
"""Two scores, or the unknown score and its threshold, so near that rounding decides: no flip."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest absolute differences seen, and how many labels are others."""

    logits: float
    scores: float
    unknown_score: float
    flips: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Labelled photos: how many there were, and how many each got right (best known class)."""

    data: str
    n: int
    right_before: int
    right_after: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was compared, and what came out; stored beside the exported file.

    ``pictures`` says which pictures; ``seconds`` a picture are the runtime's, one by one.
    """

    file: str
    file_sha256: str
    bytes: int
    format: str
    model: str
    model_sha256: str
    pictures: str
    n: int
    difference: Difference
    accuracy: Accuracy | None
    versions: dict[str, str]
    made: str

    def as_json(self) -> dict[str, Any]:
        """The certificate as plain values."""
        return asdict(self)

    @property
    def words(self) -> str:
        """What a person should know, in a sentence or two."""
        d = self.difference
        labels = "every label is the same" if not d.flips else f"{d.flips} labels differ"
        told = (
            f"{self.file} was opened again and compared on {self.n} pictures ({self.pictures}): "
            f"{labels}; scores differ by at most {d.scores:.1e}."
        )
        if self.accuracy is not None:
            a = self.accuracy
            told += (
                f" On {a.n} photos of {a.data}, {a.right_before} were right before "
                f"({a.right_before / a.n:.4f}) and {a.right_after} after "
                f"({a.right_after / a.n:.4f})."
            )
        return told


@dataclass(slots=True)
class Comparison:
    """Counts differences batch by batch."""

    handle: ModelHandle
    compute: Compute
    n: int = 0
    difference: Difference = Difference(0.0, 0.0, 0.0, 0)

    def add(self, pixels: Pixels) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Compare on N×S×S×3; the best classes before and after."""
        before = reference_answers(self.handle, pixels)
        after = self.compute(pixels)
        d = self.difference
        self.difference = Difference(
            logits=max(d.logits, _largest(before[0], after[0])),
            scores=max(d.scores, _largest(before[1], after[1])),
            unknown_score=max(d.unknown_score, _largest(before[2], after[2])),
            flips=d.flips + int((self._flipped(before, after)).sum()),
        )
        self.n += len(pixels)
        return before[1].argmax(1), after[1].argmax(1)

    def agrees(self, kind: Format) -> bool:
        """Whether a file of this kind may be kept; a value that is no number never agrees."""
        d = self.difference
        close = max(d.scores, d.unknown_score if kind.most < 1 else 0.0) <= kind.most
        return bool(close and d.flips <= kind.flips * self.n)

    def _flipped(self, before: Answers, after: Answers) -> npt.NDArray[np.bool_]:
        best = np.sort(before[1], axis=1)
        tied = np.zeros(len(best), bool)
        if best.shape[1] > 1:
            tied = best[:, -1] - best[:, -2] <= TIE
        if self.handle.card.unknown is not None:
            tied |= np.abs(before[2] - self.handle.card.unknown.threshold) <= TIE
        return np.asarray((self._labels(before) != self._labels(after)) & ~tied)

    def _labels(self, answers: Answers) -> npt.NDArray[np.intp]:
        labels = answers[1].argmax(1)
        unknown = self.handle.card.unknown
        if unknown is not None:
            labels = np.where(answers[2] > unknown.threshold, -1, labels)
        return np.asarray(labels)


def reference_answers(handle: ModelHandle, pixels: Pixels) -> Answers:
    """What the program itself says on its reference engine."""
    batch = np.concatenate([normalise(picture, handle.spec) for picture in pixels])
    said = handle.heads.verdicts(handle.reference.forward(batch).features)
    unknown = np.zeros(len(batch)) if said.unknown is None else said.unknown
    return said.logits, said.scores.astype(np.float32), unknown.astype(np.float32)


def _largest(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    most = float(np.abs(one.astype(np.float64) - other).max())
    return most if np.isfinite(most) else np.inf  # which max() and the limits understand
