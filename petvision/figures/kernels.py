"""Filters: of a first layer as pictures, of a deeper one their norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from petvision.explain.results import KernelSet
from petvision.figures import text
from petvision.figures.base import Panel
from petvision.figures.colours import greys
from petvision.figures.mosaic import filter_grid, filter_pictures, grid_columns, scaled
from petvision.figures.parts import Area, blank_axes, put_axes, spot_in
from petvision.figures.scale import Scale
from petvision.figures.style import Style
from petvision.images.types import Floats, Picture

CHANNELS = ("red", "green", "blue")
ZOOM = 9


class KernelsPanel(Panel[KernelSet]):
    """A large grid of RGB filters, and beside it the same filters channel by channel."""

    def _build(self) -> None:
        self._axes = blank_axes(self.figure)
        self._image = self._axes.imshow(np.zeros((1, 1, 4)), interpolation="antialiased")
        options: dict[str, Any] = {
            "size": text.SMALL, "family": text.FAMILY, "ha": "center", "va": "top",
        }  # fmt: skip
        self._names = [self._axes.text(0, 0, word, **options) for word in ("RGB", *CHANNELS)]
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
        self._axes.set_visible(pictures)
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
        """RGB three times as large as the single channels, which stand in a column beside it."""
        large = filter_grid(pictures, ZOOM)
        small = [
            filter_grid(pictures[..., [channel] * 3], ZOOM) for channel in range(len(CHANNELS))
        ]
        high, wide = large.shape[:2]
        label = high // 13
        step = (high + label) / 3
        column = round(step - label)
        gap = wide // 16
        canvas = np.zeros((high + label, wide + gap + column, 4), np.float32)
        canvas[:high, :wide] = large
        self._names[0].set_position((wide / 2, high + label * 0.15))
        for i, grid in enumerate(small):
            grid = scaled(grid, column)
            y = round(i * step)
            x = wide + gap + (column - grid.shape[1]) // 2
            canvas[y : y + grid.shape[0], x : x + grid.shape[1]] = grid
            self._names[i + 1].set_position((wide + gap + column / 2, y + column + label * 0.15))
        self._image.set_data(canvas)
        self._image.set_extent((0, canvas.shape[1], canvas.shape[0], 0))
        self._axes.set(xlim=(0, canvas.shape[1]), ylim=(canvas.shape[0], 0))

    def _show_norms(self, norms: Floats) -> None:
        self._bars.set_data(norms, np.arange(len(norms) + 1))
        self._bars_axes.set(xlim=(0, len(norms)), ylim=(0, 1.05 * float(norms.max()) or 1))

    def filter_at(self, across: float, down: float) -> tuple[str, int] | None:
        """The filter at a place of the RGB grid, which leaves a little room below for its name."""
        spot = spot_in(self._axes, across, down)
        if spot is None or self._shown is None or not self._axes.get_visible():
            return None
        kernels = self._shown[0]
        step = kernels.weights.shape[-1] * ZOOM + max(1, ZOOM)
        columns = grid_columns(len(kernels.channels))
        column, row = (int(value // step) for value in spot)
        number = row * columns + column
        if column >= columns or number >= len(kernels.channels):
            return None
        return kernels.layer, kernels.channels[number]

    def _aspect(self) -> float:
        if self._bars_axes.get_visible():
            return 0.5
        (left, right), (bottom, top) = self._axes.get_xlim(), self._axes.get_ylim()
        return abs(top - bottom) / (right - left)

    def _place(self, area: Area) -> None:
        put_axes(self._axes, area)
        left, below = 0.6, 0.5  # room for the numbers and the names of the axes
        width, height = max(area.width - left - 0.1, 0.01), max(area.height - below - 0.1, 0.01)
        put_axes(self._bars_axes, Area(area.left + left, area.bottom + below, width, height))
