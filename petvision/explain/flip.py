"""The smallest square whose covering changes the label: how little evidence it hangs on."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from petvision.events import Event, Partial, Progress, Result
from petvision.explain.base import pictures_per_step
from petvision.explain.edits import Kind, box_of, covered
from petvision.explain.fills import fill
from petvision.images.types import Box, Floats, Prepared
from petvision.models.handle import ModelHandle

T = TypeVar("T")
Steps = Generator[Event["Flip"], None, T]

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


def smallest_flip(
    handle: ModelHandle, prepared: Prepared, kind: Kind = "erase", other: Prepared | None = None
) -> Iterator[Event[Flip]]:
    """Look for the smallest square whose covering changes the likeliest class.

    A map of what middle-sized squares do says where to look; sizes are then halved between one
    that changes the label and one that does not. All on the handle's engine.

    Args:
        handle: the model.
        prepared: the photo.
        kind: what covers: the mean colour, the photo blurred, or ``other``.
        other: another photo, for ``paste``.

    Returns:
        Events: ``Partial`` with each smaller square, then the ``Result``.
    """
    yield from _Search(handle, prepared, _cover(handle, prepared, kind, other)).run()


def _cover(handle: ModelHandle, prepared: Prepared, kind: Kind, other: Prepared | None) -> Floats:
    if kind == "paste" and other is not None:
        return other.pixels
    return fill(prepared.pixels, handle.spec, "blur" if kind == "blur" else "mean")


class _Search:
    def __init__(self, handle: ModelHandle, prepared: Prepared, cover: Floats) -> None:
        self._handle = handle
        self._prepared = prepared
        self._cover = cover
        self._side = prepared.pixels.shape[-1]
        self._batch = pictures_per_step(handle.engine, handle.device)
        self._tried = 0
        logits = handle.logits(prepared.pixels)[0]
        self._label = int(np.argmax(logits))
        self._best: Flip = Flip(None, 0.0, handle.card.classes[self._label], "", 0)

    def run(self) -> Iterator[Event[Flip]]:
        guide = yield from self._guide()
        sizes = np.unique(
            np.round(np.geomspace(max(2, self._side / 28), LARGEST * self._side, SIZES))
        ).astype(int)
        low, high = 0, len(sizes)  # sizes[high] flips or is past the end; sizes[low - 1] does not
        while low < high:
            middle = (low + high) // 2
            found = yield from self._flips(int(sizes[middle]), guide)
            low, high = (low, middle) if found else (middle + 1, high)
        if self._best.box is not None:
            yield from self._shrink()
        yield Result(self._told())

    def _told(self) -> Flip:
        best = self._best
        return Flip(best.box, best.share, best.before, best.after, self._tried)

    def _margins(self, places: NDArray[np.intp], side: int) -> tuple[Floats, NDArray[np.intp]]:
        """By how much the label leads (below 0: it does not) and who leads, a square each."""
        batch = np.concatenate(
            [covered(self._prepared.pixels, self._cover, int(x), int(y), side) for x, y in places]
        )
        logits = self._handle.logits(batch)
        self._tried += len(places)
        others = logits.copy()
        others[:, self._label] = -np.inf
        return logits[:, self._label] - others.max(1), others.argmax(1)

    def _grid(self, side: int, step: int) -> NDArray[np.intp]:
        starts = np.unique(np.append(np.arange(0, self._side - side + 1, step), self._side - side))
        across, down = np.meshgrid(starts, starts)
        return np.stack([across.ravel(), down.ravel()], 1)

    def _guide(self) -> Steps[NDArray[np.float64]]:
        """What covering each place costs the label, as a map of model pixels."""
        side = max(2, round(self._side / 5))
        places = self._grid(side, max(1, side // 2))
        sums = np.zeros((self._side, self._side))
        counts = np.zeros_like(sums)
        lead = float(self._margins(np.array([[0, 0]]), 0)[0][0])
        for start in range(0, len(places), self._batch):
            part = places[start : start + self._batch]
            margins, leaders = self._margins(part, side)
            for (x, y), margin in zip(part, margins, strict=True):
                sums[y : y + side, x : x + side] += lead - margin
                counts[y : y + side, x : x + side] += 1
            yield from self._keep(part, margins, leaders, side)
            yield Progress(start + len(part), len(places), "places")
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

    def _try(self, places: NDArray[np.intp], side: int) -> Steps[bool]:
        for start in range(0, len(places), self._batch):
            part = places[start : start + self._batch]
            margins, leaders = self._margins(part, side)
            yield Progress(start + len(part), len(places), f"squares of {side} pixels")
            if (margins < 0).any():
                yield from self._keep(part, margins, leaders, side)
                return True
        return False

    def _keep(
        self, places: NDArray[np.intp], margins: Floats, leaders: NDArray[np.intp], side: int
    ) -> Iterator[Event[Flip]]:
        """Take the strongest of the squares that change the label, where it is the smallest."""
        at = int(np.argmin(margins))
        share = (side / self._side) ** 2
        if margins[at] < 0 and (self._best.box is None or share < self._best.share):
            x, y = (int(v) for v in places[at])
            box = box_of(self._prepared.geometry, x, y, side)
            after = self._handle.card.classes[int(leaders[at])]
            self._best = Flip(box, share, self._best.before, after, self._tried)
            self._place = (x, y, side)
            yield Partial(self._told())

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
