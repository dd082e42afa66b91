"""Filters: of a first layer as pictures, of a deeper one their norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from petvision.explain.results import KernelSet
from petvision.figures import text
from petvision.figures.base import Panel
from petvision.figures.colours import greys
from petvision.figures.mosaic import filter_grid, filter_pictures, grid_columns
from petvision.figures.parts import Area, blank_axes, put_axes, spot_in
from petvision.figures.scale import Scale
from petvision.figures.style import Style
from petvision.images.types import Floats, Picture

GRIDS = ("RGB", "red", "green", "blue")
ZOOM = 9
BETWEEN = 1 / 16  # the RGB grid and the single channels, of the RGB grid's width
NAME = text.height(1, text.SMALL)
"""Inches below each grid."""


class KernelsPanel(Panel[KernelSet]):
    """A large grid of RGB filters, and beside it the same filters channel by channel."""

    def _build(self) -> None:
        self._grids = [blank_axes(self.figure) for _ in GRIDS]
        self._images = [
            axes.imshow(np.zeros((1, 1, 4)), interpolation="antialiased") for axes in self._grids
        ]
        options: dict[str, Any] = {
            "size": text.SMALL, "family": text.FAMILY, "ha": "left", "va": "top",
        }  # fmt: skip
        self._names = [self.figure.text(0, 0, word, **options) for word in GRIDS]
        self._bars_axes = self.figure.add_axes((0, 0, 1, 1))
        self._bars_axes.set_autoscale_on(False)
        self._bars_axes.spines[["top", "right"]].set_visible(False)
        self._bars_axes.set_ylabel("norm", size=text.SMALL)
        self._bars_axes.tick_params(labelsize=text.SMALL)
        self._bars = self._bars_axes.stairs([0.0], [0.0, 1.0], fill=True)

    def _colour(self, style: Style) -> None:
        for name in self._names:
            name.set_color(style.muted)
        axes = self._bars_axes
        axes.set_facecolor(style.surface)
        axes.tick_params(colors=style.muted)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(style.muted)
        for spine in axes.spines.values():
            spine.set_color(style.line)
        self._bars.set_facecolor(style.accent)

    def _update(self, explanation: KernelSet, photo: Picture | None) -> None:
        pictures = explanation.weights.shape[1] == 3
        for artist in (*self._grids, *self._names):
            artist.set_visible(pictures)
        self._bars_axes.set_visible(not pictures)
        if pictures:
            self._show_pictures(filter_pictures(explanation.weights))
            words = "weight, each filter on its own scale"
            self._scale.set(Scale(-1, 1, words, ("−", "+")), greys())
        else:
            self._show_norms(explanation.norms)
            self._bars_axes.set_xlabel(f"filters of {explanation.layer}", size=text.SMALL)
            self._scale.hide()

    def _show_pictures(self, pictures: Floats) -> None:
        singles = (pictures[..., [channel] * 3] for channel in range(3))
        shown = zip(self._grids, self._images, (pictures, *singles), strict=True)
        for axes, image, filters in shown:
            grid = filter_grid(filters, ZOOM)
            high, wide = grid.shape[:2]
            image.set_data(grid)
            image.set_extent((0, wide, high, 0))
            axes.set(xlim=(0, wide), ylim=(high, 0))

    def _show_norms(self, norms: Floats) -> None:
        self._bars.set_data(norms, np.arange(len(norms) + 1))
        self._bars_axes.set(xlim=(0, len(norms)), ylim=(0, 1.05 * float(norms.max()) or 1))

    def filter_at(self, across: float, down: float) -> tuple[str, int] | None:
        """The filter at a place of the RGB grid."""
        axes = self._grids[0]
        spot = spot_in(axes, across, down)
        if spot is None or self._shown is None or not axes.get_visible():
            return None
        kernels = self._shown[0]
        step = kernels.weights.shape[-1] * ZOOM + max(1, ZOOM)
        columns = grid_columns(len(kernels.channels))
        column, row = (int(value // step) for value in spot)
        number = row * columns + column
        if column >= columns or number >= len(kernels.channels):
            return None
        return kernels.layer, kernels.channels[number]

    def _height(self, width: float) -> float:
        if self._bars_axes.get_visible():
            return 0.5 * width
        return self._large(width) * self._ratio + NAME

    @property
    def _ratio(self) -> float:
        """Height of a grid by its width."""
        (left, right), (bottom, top) = self._grids[0].get_xlim(), self._grids[0].get_ylim()
        return abs(top - bottom) / (right - left)

    def _large(self, width: float) -> float:
        """How wide the RGB grid is where all of them, as high as it and its name, fill a width."""
        names = 2 * NAME / self._ratio / 3  # two more names in the column take from its width
        return (width + names) / (1 + BETWEEN + 1 / 3)

    def _small(self, large: float) -> float:
        """How wide each grid in the column is."""
        return (large - 2 * NAME / self._ratio) / 3

    def _place(self, area: Area) -> None:
        self._place_grids(area)
        left, below = 0.6, 0.5  # room for the numbers and the names of the axes
        width, height = max(area.width - left - 0.1, 0.01), max(area.height - below - 0.1, 0.01)
        put_axes(self._bars_axes, Area(area.left + left, area.bottom + below, width, height))

    def _place_grids(self, area: Area) -> None:
        """The RGB grid, and in a column beside it the single channels, centred together."""
        large = max(min(self._large(area.width), (area.height - NAME) / self._ratio), 0.01)
        small = max(self._small(large), 0.01)
        wide, high = large * (1 + BETWEEN) + small, large * self._ratio + NAME
        left, top = area.left + (area.width - wide) / 2, area.top - (area.height - high) / 2
        self._place_grid(0, left, top, large)
        for number in range(1, len(GRIDS)):
            self._place_grid(number, left + large * (1 + BETWEEN), top, small)
            top -= small * self._ratio + NAME

    def _place_grid(self, number: int, left: float, top: float, width: float) -> None:
        """A grid by its upper left corner, its name below it.

        From the left, as a name may be wider than a grid in a low panel.
        """
        height = width * self._ratio
        put_axes(self._grids[number], Area(left, top - height, width, height))
        wide, high = self.figure.get_size_inches()
        name = self._names[number]
        name.set_position((left / wide, (top - height - NAME / 8) / high))
