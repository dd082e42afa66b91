"""The smallest square whose covering changes the label: how little evidence it hangs on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import pictures_per_step
from petvision.explain.edits import Edited, Kind, Stroke, box_of, covered
from petvision.images.prepare import prepare
from petvision.images.types import Box, Floats, Prepared
from petvision.models.handle import ModelHandle
from petvision.models.heads import Verdicts
from petvision.models.predict import Unknown, predict
from petvision.models.results import Prediction

T = TypeVar("T")
Steps = Generator[Event["Flip"], None, T]
Strokes = tuple[Stroke, ...]
Places = NDArray[np.intp]

LARGEST = 0.6
SIZES = 9
TRIED_MOST = 120
"""Places a size: those where covering a middle-sized square lowered the label most."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A square that changes the answer when it is covered.

    ``box`` is the square in original pixels (None: none was found), ``share`` its part of what the
    network sees, ``before`` and ``after`` the labels, ``tried`` the squares that were covered.
    """

    box: Box | None
    share: float
    before: str
    after: str
    tried: int

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if self.box is None:
            return (
                f"No square up to {100 * LARGEST**2:.0f} % of what the network sees makes it say "
                f"anything but {self.before} ({self.tried} places tried)."
            )
        return (
            f"Covering {100 * self.share:.1f} % of what the network sees turns {self.before} "
            f"into {self.after} ({self.tried} places tried; a smaller one may exist)."
        )


def answer(
    handle: ModelHandle, edited: Edited, strokes: Strokes, unknown: Unknown = "auto"
) -> Prediction:
    """The verdict on a photo with strokes on it, as the brush shows it.

    Args:
        handle: the model.
        edited: the photo as the network's door decoded it; it is brought to the strokes.
        strokes: what is painted.
        unknown: as for :func:`petvision.models.predict.predict`.
    """
    return predict(handle, [_input(handle, edited, strokes)], unknown)[0]


def smallest_flip(
    handle: ModelHandle,
    edited: Edited,
    strokes: Strokes = (),
    kind: Kind = "erase",
    unknown: Unknown = "auto",
) -> Iterator[Event[Flip]]:
    """Look for the smallest square whose covering changes the label.

    A map of what middle-sized squares do says where to look; sizes are then halved between one
    that changes the label and one that does not. All that is laid over the network's input, on
    the handle's engine, which is quick and not quite what a stroke on the photo does: a square
    counts only once :func:`answer` has said another label with it painted on the photo.

    Args:
        handle: the model.
        edited: the photo, as for :func:`answer`.
        strokes: what is painted already.
        kind: what covers.
        unknown: as for :func:`answer`.

    Returns:
        Events: ``Partial`` with each smaller square, then the ``Result``.
    """
    yield from _Search(handle, edited, strokes, kind, unknown).run()


def _input(handle: ModelHandle, edited: Edited, strokes: Strokes) -> Prepared:
    edited.show(strokes)
    return prepare(edited.picture, handle.spec)


class _Search:
    def __init__(
        self,
        handle: ModelHandle,
        edited: Edited,
        strokes: Strokes,
        kind: Kind,
        unknown: Unknown,
    ) -> None:
        self._handle = handle
        self._edited = edited
        self._strokes = strokes
        self._kind = kind
        self._unknown = unknown
        everywhere = self._with((0, 0, edited.picture.facts.width, edited.picture.facts.height))
        self._cover = _input(handle, edited, everywhere).pixels
        self._prepared = _input(handle, edited, strokes)
        self._side = self._prepared.pixels.shape[-1]
        self._batch = pictures_per_step(handle.engine, handle.device)
        self._tried = 0
        self._first = predict(handle, [self._prepared], unknown)[0]
        self._best = Flip(None, 0.0, self._first.label, "", 0)

    def run(self) -> Iterator[Event[Flip]]:
        guide = yield from self._guide()
        sizes = np.unique(
            np.round(np.geomspace(max(2, self._side / 28), LARGEST * self._side, SIZES))
        ).astype(int)
        if self._best.box is not None:
            sizes = sizes[sizes < self._place[2]]
        low, high = 0, len(sizes)  # sizes[high] flips or is past the end; sizes[low - 1] does not
        while low < high:
            middle = (low + high) // 2
            found = yield from self._flips(int(sizes[middle]), guide)
            low, high = (low, middle) if found else (middle + 1, high)
        if self._best.box is not None:
            yield from self._shrink()
        yield Result(replace(self._best, tried=self._tried))

    def _leads(self, places: Places, side: int) -> Floats:
        """How firmly the label holds (below 0: another one leads), a square each."""
        batch = np.concatenate(
            [covered(self._prepared.pixels, self._cover, int(x), int(y), side) for x, y in places]
        )
        verdicts = self._handle.heads.verdicts(self._handle.engine.forward(batch).features)
        self._tried += len(places)
        return self._lead(verdicts)

    def _lead(self, verdicts: Verdicts) -> Floats:
        """How far the class leads and the photo is known; where it is unknown, how far it is."""
        first, logits = self._first, verdicts.logits
        strange = np.full(len(logits), -np.inf, np.float32)
        if first.unknown_threshold is not None and verdicts.unknown is not None:
            strange = (verdicts.unknown - first.unknown_threshold).astype(np.float32)
        if first.unknown:
            return strange
        others = logits.copy()
        index = self._handle.class_index(first.label)
        others[:, index] = np.finfo(np.float32).min  # finite: leads are compared, of one class too
        return np.asarray(np.minimum(logits[:, index] - others.max(1), -strange))

    def _grid(self, side: int, step: int) -> Places:
        starts = np.unique(np.append(np.arange(0, self._side - side + 1, step), self._side - side))
        across, down = np.meshgrid(starts, starts)
        return np.stack([across.ravel(), down.ravel()], 1)

    def _guide(self) -> Steps[NDArray[np.float64]]:
        """What covering each place costs the label, as a map of model pixels."""
        side = max(2, round(self._side / 5))
        places = self._grid(side, max(1, side // 2))
        sums = np.zeros((self._side, self._side))
        counts = np.zeros_like(sums)
        whole = float(self._leads(np.array([[0, 0]]), 0)[0])
        leads: list[float] = []
        for start in range(0, len(places), self._batch):
            part = places[start : start + self._batch]
            leads.extend(self._leads(part, side).tolist())
            yield Progress(start + len(part), len(places), "places")
        for (x, y), lead in zip(places, leads, strict=True):
            sums[y : y + side, x : x + side] += whole - lead
            counts[y : y + side, x : x + side] += 1
        yield from self._keep(places, np.array(leads, np.float32), side)
        return np.asarray(sums / counts)

    def _flips(self, side: int, guide: NDArray[np.float64]) -> Steps[bool]:
        """Whether a square of this size changes the label; the likeliest places are tried first."""
        places = self._grid(side, max(1, side // 4))
        total = np.pad(guide.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        x, y = places.T
        weights = total[y + side, x + side] - total[y, x + side] - total[y + side, x] + total[y, x]
        order = places[np.argsort(-weights, kind="stable")][:TRIED_MOST]
        found = yield from self._try(order, side)
        return found

    def _try(self, places: Places, side: int) -> Steps[bool]:
        for start in range(0, len(places), self._batch):
            part = places[start : start + self._batch]
            leads = self._leads(part, side)
            yield Progress(start + len(part), len(places), f"squares of {side} pixels")
            found = yield from self._keep(part, leads, side)
            if found:
                return True
        return False

    def _keep(self, places: Places, leads: Floats, side: int) -> Steps[bool]:
        """Keep the first of the squares that truly changes the label; the strongest come first."""
        order = np.argsort(leads, kind="stable")
        for x, y in places[order[leads[order] < 0]].tolist():
            box = box_of(self._prepared.geometry, x, y, side)
            after = answer(self._handle, self._edited, self._with(box), self._unknown).label
            if after != self._best.before:
                share = (side / self._side) ** 2
                self._best = Flip(box, share, self._best.before, after, self._tried)
                self._place = (x, y, side)
                yield Partial(self._best)
                return True
            yield Progress(0, 0, "squares on the photo")
        return False

    def _with(self, box: Box) -> Strokes:
        return (*self._strokes, Stroke(self._kind, box=box))

    def _shrink(self) -> Steps[None]:
        """Smaller squares inside and around the best one, until none of them does."""
        while True:
            x, y, side = self._place
            smaller = min(side - 1, round(side * 0.93))
            if smaller < 2:
                return
            reach, step = max(2, side // 6), max(1, side // 16)
            around = [
                (
                    min(max(x + (side - smaller) // 2 + dx, 0), self._side - smaller),
                    min(max(y + (side - smaller) // 2 + dy, 0), self._side - smaller),
                )
                for dx in range(-reach, reach + 1, step)
                for dy in range(-reach, reach + 1, step)
            ]
            near = sorted(set(around), key=lambda p: abs(p[0] - x) + abs(p[1] - y))
            found = yield from self._try(np.array(near[:TRIED_MOST]), smaller)
            if not found:
                return
