"""Feature maps: one row a layer, one image for all."""

from __future__ import annotations

import numpy as np
from matplotlib.text import Text

from petvision.explain.results import ChannelMaps
from petvision.figures import text
from petvision.figures.base import Panel
from petvision.figures.colours import solid
from petvision.figures.mosaic import GAP, TILE, feature_mosaic
from petvision.figures.parts import Area, blank_axes, put_axes, spot_in
from petvision.figures.scale import Scale
from petvision.figures.style import Style
from petvision.images.types import Picture


class ChannelMapsPanel(Panel[ChannelMaps]):
    """The strongest channels at each depth."""

    def _build(self) -> None:
        self._axes = blank_axes(self.figure)
        self._image = self._axes.imshow(np.zeros((1, 1, 4)), interpolation="antialiased")
        self._names: list[Text] = []
        self._words: list[tuple[str, str]] = []
        self._rows = self._columns = 1

    def _colour(self, style: Style) -> None:
        for name in self._names:
            name.set_color(style.text)

    def _update(self, explanation: ChannelMaps, photo: Picture | None) -> None:
        layers = explanation.layers
        self._rows = len(layers)
        self._columns = max((len(layer.maps) for layer in layers), default=1)
        image = feature_mosaic([layer.maps for layer in layers], self._columns)
        high, wide = image.shape[:2]
        self._image.set_data(image)
        self._image.set_extent((0, wide, high, 0))
        self._axes.set(xlim=(0, wide), ylim=(high, 0))
        while len(self._names) < len(layers):
            self._names.append(
                self.figure.text(
                    0, 0, "", ha="right", va="center", size=text.SMALL, family=text.FAMILY,
                    color=self.style.text, parse_math=False,
                )
            )  # fmt: skip
        for i, name in enumerate(self._names):
            name.set_visible(i < len(layers))
        self._words = [
            (layer.label, f"{layer.maps.shape[2]}×{layer.maps.shape[1]}") for layer in layers
        ]
        words = "activation, each layer on its own scale"
        self._scale.set(Scale(0, 1, words, ("0", "strongest")), solid())

    def filter_at(self, across: float, down: float) -> tuple[str, int] | None:
        """The convolution and filter of the map at a place."""
        spot = spot_in(self._axes, across, down)
        if spot is None or self._shown is None:
            return None
        column, row = (int(value // (TILE + GAP)) for value in spot)
        layer = self._shown[0].layers[row]
        there = bool(layer.filters) and column < len(layer.channels)
        return (layer.filters, layer.channels[column]) if there else None

    def _height(self, width: float) -> float:
        return width * self._rows / (self._columns + 1)  # the names take about a tile's width

    def _place(self, area: Area) -> None:
        """Names to the left of the mosaic, both centred together."""
        names = 0.12 + max(
            (text.width(line, text.SMALL) for both in self._words for line in both), default=0.0
        )
        step = (TILE + GAP) / (self._columns * (TILE + GAP) - GAP)
        wide = min(
            area.width - names,
            area.height * (self._columns * (TILE + GAP) - GAP) / (self._rows * (TILE + GAP) - GAP),
        )
        wide = max(wide, 0.01)
        high = wide * step * self._rows
        left = area.left + (area.width - names - wide) / 2 + names
        top = area.top - (area.height - high) / 2
        put_axes(self._axes, Area(left, top - high, wide, high))
        width, height = self.figure.get_size_inches()
        lines = 2 if wide * step > text.height(2, text.SMALL) else 1
        for i, (words, name) in enumerate(zip(self._words, self._names, strict=False)):
            name.set_text("\n".join(words[:lines]))
            middle = top - wide * step * (i + 0.5 * TILE / (TILE + GAP))
            name.set_position(((left - 0.08) / width, middle / height))
