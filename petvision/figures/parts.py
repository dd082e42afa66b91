"""What panels are made of: paragraphs that break their lines, and the scale under a picture.

A part is made once. ``fit`` says how high it will be at a width, ``put`` places it; all lengths
are in inches from the figure's lower left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from petvision.figures import text
from petvision.figures.scale import Scale
from petvision.figures.style import Style


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle: ``left`` and ``bottom`` corner, ``width`` and ``height``."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.bottom + self.height

    def without(self, *, above: float = 0.0, below: float = 0.0) -> Area:
        """What is left when strips are taken off."""
        height = max(self.height - above - below, 0.01)
        return Area(self.left, self.bottom + below, self.width, height)


def blank_axes(figure: Figure) -> Axes:
    """Axes that hold a picture: no frame, no ticks, square pixels, fixed limits."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    axes.set_aspect("equal", adjustable="box", anchor="C")
    return axes


def put_axes(axes: Axes, area: Area) -> None:
    """Move axes to ``area``."""
    wide, high = _size(axes.figure)
    axes.set_position((area.left / wide, area.bottom / high, area.width / wide, area.height / high))


def spot_in(axes: Axes, across: float, down: float) -> tuple[float, float] | None:
    """A place of the figure (shares from its upper left corner) in an axes' own coordinates.

    None beside the axes; from its upper left corner, as pictures count.
    """
    place = axes.get_position()
    x, y = (across - place.x0) / place.width, (place.y1 - (1 - down)) / place.height
    if not (0 <= x < 1 and 0 <= y < 1):
        return None
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return left + x * (right - left), top + y * (bottom - top)


class Paragraph:
    """Text that breaks its lines at the width it is given."""

    def __init__(self, figure: Figure, points: float, *, bold: bool = False, muted: bool = False):
        self.words = ""
        self._points, self._bold, self._muted = points, bold, muted
        self._artist = figure.text(
            0, 0, "", size=points, family=text.FAMILY, weight="bold" if bold else "normal",
            va="top", linespacing=text.LEADING, parse_math=False,
        )  # fmt: skip

    def colour(self, style: Style) -> None:
        """Take the style's ink."""
        self._artist.set_color(style.muted if self._muted else style.text)

    def fit(self, width: float) -> float:
        """Break the lines; returns the height (0 without words)."""
        if not self.words:
            self._artist.set_text("")
            return 0.0
        lines = text.wrap(self.words, width, self._points, self._bold)
        self._artist.set_text("\n".join(lines))
        return text.height(len(lines), self._points)

    def put(self, left: float, top: float) -> None:
        """Place the upper left corner."""
        wide, high = _size(self._artist.figure)
        self._artist.set_position((left / wide, top / high))


class ScaleBar:
    """A strip of colours with a number at each end and what they count between them.

    Where the words do not fit between the numbers, they go below them.
    """

    THICK = 0.09
    GAP = 0.05
    WIDEST = 3.2

    def __init__(self, figure: Figure):
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_autoscale_on(False)
        self._axes.set(xlim=(0, 1), ylim=(0, 1))
        ramp = np.linspace(0, 1, 256)[None]
        self._image = self._axes.imshow(ramp, extent=(0, 1, 0, 1), aspect="auto", vmin=0, vmax=1)
        (self._zero,) = self._axes.plot([0.5, 0.5], [0, 1], linewidth=1)
        options: dict[str, Any] = {
            "size": text.SMALL, "family": text.FAMILY, "va": "top", "parse_math": False,
        }  # fmt: skip
        self._low = figure.text(0, 0, "", ha="left", **options)
        self._high = figure.text(0, 0, "", ha="right", **options)
        self._words = figure.text(0, 0, "", ha="center", **options)
        self._below = False
        self._shown = True

    def colour(self, style: Style) -> None:
        """Take the style's inks."""
        self._zero.set_color(style.muted)
        for words in (self._low, self._high):
            words.set_color(style.text)
        self._words.set_color(style.muted)

    def hide(self) -> None:
        """Show no scale."""
        self._show(False)

    def set(self, scale: Scale, colours: Colormap) -> None:
        """Show another scale."""
        self._show(True)
        self._image.set_cmap(colours)
        self._zero.set_visible(scale.low < 0)
        self._low.set_text(scale.ends[0])
        self._high.set_text(scale.ends[1])
        self._words.set_text(scale.words)

    def _show(self, shown: bool) -> None:
        self._shown = shown
        for artist in (self._axes, self._low, self._high, self._words):
            artist.set_visible(shown)

    def fit(self, width: float) -> float:
        """How high it will be; 0 where there is none."""
        if not self._shown:
            return 0.0
        low, high, words = (
            text.width(artist.get_text(), text.SMALL)
            for artist in (self._low, self._high, self._words)
        )
        self._words.set_visible(words < width)
        self._below = words + 2 * max(low, high) + 0.2 > min(width, self.WIDEST)
        return 2 * self.GAP + self.THICK + text.height(1 + self._below, text.SMALL)

    def put(self, area: Area) -> None:
        """Centre it in ``area``, as wide as it may be."""
        width = min(area.width, self.WIDEST)
        left = area.left + (area.width - width) / 2
        bottom = area.top - self.GAP - self.THICK
        put_axes(self._axes, Area(left, bottom, width, self.THICK))
        wide, high = _size(self._axes.figure)
        line = bottom - self.GAP
        self._low.set_position((left / wide, line / high))
        self._high.set_position(((left + width) / wide, line / high))
        if self._below:
            line -= text.height(1, text.SMALL)
        self._words.set_position(((left + width / 2) / wide, line / high))


def _size(figure: Any) -> tuple[float, float]:
    wide, high = figure.get_size_inches()
    return float(wide), float(high)
