"""The shortcut alarm: is the heat of one class in the same place of every photo?

A network that learned a stamp in the corner, a border or a caption instead of the animal looks at
the same region of every photo, whatever is on it. So the share of the heat in each region near a
photo's edge is compared with what it would be by chance: each photo's own heat, as concentrated as
it is, but shifted anywhere. numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from petvision.images.types import Floats

FEWEST = 12  # photos: with fewer, anything can happen
TIMES = 2.5  # of the region's area: the least share of the heat that rings
PHOTOS = 0.6  # the least share of the photos whose own heat is over twice the region's area there
CHANCE = 1e-4  # the most likely that it is chance, over all regions together
SHIFTS = 500

Boxes = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of every photo: a name, and left, top, right, bottom as shares of its sides."""

    name: str
    box: Boxes

    @property
    def area(self) -> float:
        """Its share of the photo."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


@dataclass(frozen=True, slots=True, eq=False)
class Shortcut:
    """Heat of one class that sits in one region far more than by chance.

    ``share`` of the heat (mean over ``photos``) lies in ``region``, where chance puts ``chance``
    with a standard deviation of ``spread``; ``times`` is the one over the other. ``often`` is the
    share of photos where it does so by itself. ``mean`` is the mean heat, each photo's sum being
    1, over the photo's whole frame.
    """

    target: str
    region: Region
    photos: int
    share: float
    chance: float
    spread: float
    often: float
    mean: Floats

    @property
    def times(self) -> float:
        """How many times what chance puts there."""
        return self.share / self.chance

    @property
    def sentence(self) -> str:
        """The alarm in words."""
        return (
            f"{self.share:.0%} of the heat for {self.target} lies in {self.region.name} "
            f"({self.region.area:.0%} of the photo), {self.times:.1f} times what chance would put "
            f"there, over {self.photos} photos: the model may look at something else than the "
            f"animal."
        )


def mean_heat(heats: Sequence[Floats]) -> Floats:
    """The mean of maps over photos' frames, each brought to the sum 1; what is against counts 0.

    Maps without any heat are left out; with none left the mean is zero everywhere.
    """
    shares = _shares(heats)
    if not len(shares):
        return np.zeros_like(np.asarray(heats[0], np.float32))
    return np.asarray(shares.mean(0), np.float32)


def shortcut(target: str, heats: Sequence[Floats], seed: int = 0) -> Shortcut | None:
    """The region that rings loudest for a class, or None.

    Args:
        target: the class that the heats are for.
        heats: one map a photo, n×n over its whole frame.
        seed: of the random shifts.
    """
    shares = _shares(heats)
    if len(shares) < FEWEST:
        return None
    cells = shares.shape[1]
    draw = np.random.default_rng(seed)
    # The sum over a region of a map shifted by (dy, dx) is its circular correlation with the
    # region at that place: all shifts of all maps at once.
    spectra = np.fft.rfft2(shares)
    shifts = draw.integers(0, cells, (2, SHIFTS, len(shares)))
    found: list[Shortcut] = []
    regions = list(_regions())
    for region in regions:
        mask = _mask(region, cells)
        here = (shares * mask).sum((1, 2))
        anywhere = np.fft.irfft2(spectra * np.conj(np.fft.rfft2(mask)), (cells, cells))
        by_chance = anywhere[np.arange(len(shares)), shifts[0], shifts[1]].mean(1)
        chance, spread = float(by_chance.mean()), float(by_chance.std()) + 1e-9
        often = float((here > 2 * region.area).mean())
        share = float(here.mean())
        unlikely = _tail((share - chance) / spread) * len(regions) < CHANCE
        if share > TIMES * region.area and often > PHOTOS and unlikely:
            mean = np.asarray(shares.mean(0), np.float32)
            found.append(Shortcut(target, region, len(shares), share, chance, spread, often, mean))
    return max(found, key=lambda one: one.times, default=None)


def _shares(heats: Sequence[Floats]) -> npt.NDArray[np.float64]:
    maps = np.maximum(np.asarray(heats, np.float64), 0.0)
    if maps.ndim != 3:
        return np.zeros((0, 1, 1))
    sums = maps.sum((1, 2))
    return np.asarray(maps[sums > 0] / sums[sums > 0, None, None])


def _regions() -> Iterator[Region]:
    """Margins, corners, and squares whose middle lies outside a photo's central part."""
    strip, corner = 1 / 8, 1 / 4
    yield Region("the left margin", (0, 0, strip, 1))
    yield Region("the right margin", (1 - strip, 0, 1, 1))
    yield Region("the top margin", (0, 0, 1, strip))
    yield Region("the bottom margin", (0, 1 - strip, 1, 1))
    for y, above in ((0.0, "top"), (1 - corner, "bottom")):
        for x, beside in ((0.0, "left"), (1 - corner, "right")):
            yield Region(f"the {above} {beside} corner", (x, y, x + corner, y + corner))
    side, step = 3 / 16, 1 / 16
    places = [k * step for k in range(int((1 - side) / step) + 1)]
    for y in places:
        for x in places:
            middle = max(abs(x + side / 2 - 0.5), abs(y + side / 2 - 0.5))
            if middle > 0.25:
                where = _place(x + side / 2, y + side / 2)
                yield Region(f"one spot {where}", (x, y, x + side, y + side))


def _place(x: float, y: float) -> str:
    above = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    beside = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    return f"at the {' '.join(filter(None, (above, beside)))}"


def _mask(region: Region, cells: int) -> npt.NDArray[np.float64]:
    left, top, right, bottom = region.box
    edges = np.arange(cells + 1) / cells

    def covered(low: float, high: float) -> npt.NDArray[np.float64]:
        inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        return np.asarray(np.clip(inside * cells, 0, 1))

    return np.asarray(np.outer(covered(top, bottom), covered(left, right)))


def _tail(z: float) -> float:
    """The chance of a standard normal beyond ``z``."""
    from math import erfc, sqrt

    return 0.5 * erfc(z / sqrt(2))
