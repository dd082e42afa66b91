"""A heat map on the uncropped, upright photo."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from PIL import Image

from petvision.explain.results import Attribution
from petvision.figures import text
from petvision.figures.base import Panel, unseen
from petvision.figures.colours import overlay
from petvision.figures.parts import Area, blank_axes, put_axes
from petvision.figures.scale import scale_of
from petvision.figures.style import Style
from petvision.images.types import Geometry, Picture, Pixels


class AttributionPanel(Panel[Attribution]):
    """Heat in the place it belongs to; what the network did not see is hatched."""

    def _build(self) -> None:
        self._blend = 0.85
        self._reduced: tuple[Pixels, int] | None = None
        self._small: Pixels | None = None
        self._axes = blank_axes(self.figure)
        nothing = np.zeros((1, 1, 3), np.uint8)
        self._picture = self._axes.imshow(nothing, interpolation="bilinear", zorder=1)
        self._unseen = PathPatch(_ring(Geometry(1, 1, (0, 0, 1, 1), 1)), hatch="////", linewidth=0)
        self._unseen.set_zorder(2)
        self._axes.add_patch(self._unseen)
        self._heat = self._axes.imshow(np.zeros((1, 1)), interpolation="bilinear", zorder=3)
        self._axes.set_aspect("equal")
        self._remark = self._axes.text(
            0.5, 0.04, "", transform=self._axes.transAxes, ha="center", va="bottom",
            size=text.BODY, family=text.FAMILY, zorder=4, parse_math=False,
        )  # fmt: skip

    @property
    def blend(self) -> float:
        """How strongly the heat covers the photo, 0 (photo only) to 1."""
        return self._blend

    @blend.setter
    def blend(self, share: float) -> None:
        self._blend = share
        self._heat.set_alpha(share)
        if self._shown is not None:
            self._show_photo(self._shown[1], self._shown[0].geometry)

    def _colour(self, style: Style) -> None:
        self._unseen.set(facecolor=(*_rgb(style.veil), 0.72), edgecolor=(*_rgb(style.hatch), 0.55))
        self._remark.set_color(style.text)
        self._remark.set_bbox(
            {"facecolor": style.surface, "edgecolor": style.line, "boxstyle": "round,pad=0.4"}
        )

    def _update(self, explanation: Attribution, photo: Picture | None) -> None:
        geometry = explanation.geometry
        self._axes.set(xlim=(0, geometry.width), ylim=(geometry.height, 0))
        self._show_photo(photo, geometry)
        left, top, right, bottom = geometry.box
        self._unseen.set_path(_ring(geometry))
        self._unseen.set_visible(unseen(geometry))

        scale = scale_of(explanation.heat, explanation.signed, explanation.unit)
        self._heat.set_data(explanation.heat)
        self._heat.set_extent((left, right, bottom, top))
        self._heat.set_clim(scale.low, scale.high)
        self._heat.set_cmap(overlay(explanation.signed))
        self._heat.set_alpha(self._blend)
        self._scale.set(scale, overlay(explanation.signed))
        self._remark.set_text(explanation.remark)
        self._remark.set_visible(bool(explanation.remark))

    def _show_photo(self, photo: Picture | None, geometry: Geometry) -> None:
        """The photo at about the figure's resolution, the greyer the stronger the heat."""
        pixels = np.full((1, 1, 3), 128, np.uint8) if photo is None else photo.pixels
        sides = self.figure.bbox.size
        times = max(1, int(min(pixels.shape[1] / sides[0], pixels.shape[0] / sides[1])))
        made = self._reduced is not None and self._reduced[0] is pixels
        if not made or self._reduced is None or self._reduced[1] != times or self._small is None:
            self._reduced = (pixels, times)
            self._small = np.asarray(Image.fromarray(pixels).reduce(times))
        self._picture.set_data(_muted(self._small, 0.7 * self._blend))
        self._picture.set_extent((0, geometry.width, geometry.height, 0))

    def _height(self, width: float) -> float:
        assert self._shown is not None
        geometry = self._shown[0].geometry
        return width * geometry.height / geometry.width

    def _place(self, area: Area) -> None:
        put_axes(self._axes, area)


def _muted(pixels: Pixels, share: float) -> Pixels:
    """Colours drawn towards their own grey, so that the heat's colours are the only strong ones."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)[..., None]
    return np.asarray(pixels + share * (grey - pixels), np.uint8)


def _ring(geometry: Geometry) -> Path:
    """The original without what the network sees."""
    left, top, right, bottom = geometry.box
    wide, high = geometry.width, geometry.height
    outer = [(0, 0), (wide, 0), (wide, high), (0, high), (0, 0)]
    inner = [(left, top), (left, bottom), (right, bottom), (right, top), (left, top)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path([*outer, *inner], [*codes, *codes])


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
