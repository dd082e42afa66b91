"""Every score of strangeness that can be computed for a model, to compare them.

Max-softmax and energy need the logits only; the gate's pet mass a kept ImageNet head; k-NN a bank
of known features and relative Mahalanobis labelled ones: from the model file or a reference set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from petvision.errors import ConfigError
from petvision.evaluate.datasets import Labelled
from petvision.events import Progress, Result
from petvision.images.inputs import source_of
from petvision.images.types import Floats
from petvision.models import mahalanobis
from petvision.models.handle import ModelHandle
from petvision.models.mahalanobis import RelativeMahalanobis
from petvision.models.stream import answers
from petvision.models.unknown import (
    Scores,
    energy,
    knn,
    max_softmax,
    pet_mass,
    unit_rows,
)

REFERENCE_MOST = 3000
CHUNK = 256
IMAGENET = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """The scores of one model; ``bank`` (M×F, rows of length 1) and ``distances`` where known."""

    handle: ModelHandle
    bank: Floats | None = None
    distances: RelativeMahalanobis | None = None

    def __call__(self, features: Floats, logits: Floats) -> dict[str, Scores]:
        """The scores N of photos by their features N×F and logits N×C, by name."""
        heads = self.handle.heads
        found = {
            "max_softmax": max_softmax(logits, heads.temperature),
            "energy": energy(logits, heads.temperature),
        }
        gate = heads.gate_logits(features)
        if gate is not None and gate.shape[1] == IMAGENET:
            found["pet_mass"] = pet_mass(gate)
        if self.bank is not None:
            found["knn"] = knn(features, self.bank)
        if self.distances is not None:
            found["relative_mahalanobis"] = self.distances(features)
        return found


class Tally:
    """Takes photos one by one and computes a suite's scores some hundred at a time."""

    def __init__(self, suite: Suite | None) -> None:
        self._suite = suite
        self._waiting: list[tuple[Floats, Sequence[float]]] = []
        self._done: list[dict[str, Scores]] = []

    def add(self, features: Floats | None, logits: Sequence[float]) -> None:
        """Take one photo's features F and logits C."""
        if self._suite is not None and features is not None:
            self._waiting.append((features, logits))
            if len(self._waiting) >= CHUNK:
                self._count()

    def scores(self) -> dict[str, Scores]:
        """The scores of all photos taken, by name; empty without a suite."""
        if self._waiting:
            self._count()
        names = self._done[0] if self._done else ()
        return {name: np.concatenate([part[name] for part in self._done]) for name in names}

    def _count(self) -> None:
        assert self._suite is not None  # add() keeps nothing without one
        features = np.stack([x for x, _ in self._waiting])
        logits = np.array([z for _, z in self._waiting], np.float32)
        self._done.append(self._suite(features, logits))
        self._waiting.clear()


def suite_of(
    handle: ModelHandle, reference: Sequence[Labelled] = ()
) -> Iterator[Progress | Result[Suite]]:
    """Gather what the scores need.

    Args:
        handle: the model.
        reference: photos of the classes it knows, best those it was trained on; at most 3,000
            spread over the whole list are used. Without them k-NN takes the model's own bank.

    Raises:
        ConfigError: when none of the reference photos can be used.
    """
    own = handle.heads.unknown
    if not reference:
        yield Result(Suite(handle, own.bank if own else None))
        return
    step = -(-len(reference) // REFERENCE_MOST)
    chosen = [p for p in reference[::step] if p.label in handle.card.classes]
    rows: list[Floats] = []
    labels: list[int] = []
    sources = (source_of(str(p.path)) for p in chosen)
    for number, (photo, answer) in enumerate(zip(chosen, answers(handle, sources), strict=True)):
        if answer.features is not None:
            rows.append(answer.features)
            labels.append(handle.card.classes.index(photo.label))
        yield Progress(number + 1, len(chosen), "reference photos")
    if not rows:
        raise ConfigError(
            "range", "--reference", key="it", expected="photos of the model's classes", found="none"
        )
    features = np.stack(rows)
    numbers: npt.NDArray[np.int64] = np.array(labels)
    yield Progress(len(rows), len(rows), "fitting the distances")
    yield Result(Suite(handle, unit_rows(features), mahalanobis.fit(features, numbers)))
