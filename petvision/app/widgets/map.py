"""A heat map on its photo, painted at screen rate. Importing this module imports matplotlib."""

from __future__ import annotations

from typing import cast

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from petvision.app import words
from petvision.app.theme import Theme
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import Look
from petvision.app.widgets.plate import Plate
from petvision.explain.results import Attribution
from petvision.figures.colours import Colours
from petvision.figures.raster import coloured, stretched, table, value_at
from petvision.figures.scale import Scale, scale_of
from petvision.figures.style import CORNER_PX, GRID_PX
from petvision.images.types import Pixels

MUTING = 0.7
"""How grey the photo is under full heat, so that the heat's colours are the only strong ones."""


class HeatMap(Plate):
    """An attribution on the photo; changing it costs one small image, whatever the photo's size."""

    def __init__(self, theme: Theme, link: Link, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(theme, link, parent)
        self.attribution: Attribution | None = None
        self.scale: Scale | None = None
        self._look = look
        self._heat = QImage()
        self._coloured_in = ""
        self._kept: Pixels | None = None
        look.changed.connect(self._take_look)
        self._take_look()

    def show_heat(
        self, attribution: Attribution, photo: QImage | None, scale: Scale | None = None
    ) -> None:
        """Show a map on its photo; on its own scale unless one is given (to share it)."""
        fresh = attribution is not self.attribution or scale not in (None, self.scale)
        self.attribution = attribution
        if fresh:
            self.scale = scale or scale_of(attribution.heat, attribution.signed, attribution.unit)
            self._colour()
        self.show_photo(photo, attribution.geometry)

    def _take_look(self) -> None:
        self.muting = MUTING * self._look.blend
        if self._coloured_in != self._look.palette:
            self._colour()
        self.update()

    @property
    def colours(self) -> Pixels:
        """The colours of the scale as they are on the photo: RGBA uint8 n×4."""
        signed = self.attribution is not None and self.attribution.signed
        return table(signed, cast(Colours, self._look.palette))

    def _colour(self) -> None:
        self._coloured_in = self._look.palette
        if self.attribution is None or self.scale is None:
            return
        drawn = coloured(stretched(self.attribution.heat), self.scale, self.colours)
        self._kept = np.ascontiguousarray(drawn)
        high, wide = drawn.shape[:2]
        straight = QImage(self._kept.data, wide, high, 4 * wide, QImage.Format.Format_RGBA8888)
        ready = QImage.Format.Format_ARGB32_Premultiplied  # what painting is quickest with
        self._heat = straight.convertToFormat(ready)

    def lay_on(self, painter: QPainter) -> None:
        """Paint the heat where the network looked, and its remark."""
        if self.attribution is None:
            return
        painter.setOpacity(self._look.blend)
        painter.drawImage(self.box(), self._heat)
        painter.setOpacity(1.0)
        if self.attribution.remark:
            self._paint_remark(painter, self.attribution.remark)
        if (window := self._window()) is not None:
            self._paint_window(painter, *window)

    def _paint_window(self, painter: QPainter, row: int, column: int) -> None:
        """Outline the square that was covered."""
        assert self.attribution is not None
        windows = self.attribution.windows
        assert windows is not None
        box = self.box()
        scale = box.width() / windows.size
        square = QRectF(
            box.left() + column * windows.stride * scale,
            box.top() + row * windows.stride * scale,
            windows.window * scale,
            windows.window * scale,
        ).intersected(box)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, thick in ((QColor(0, 0, 0, 170), 3.0), (QColor("#ffffff"), 1.4)):
            painter.setPen(QPen(colour, thick))
            painter.drawRect(square)

    def _paint_remark(self, painter: QPainter, remark: str) -> None:
        style, shown = self.theme.style, self.frame.intersected(self.room)
        most = shown.adjusted(GRID_PX, GRID_PX, -GRID_PX, -GRID_PX)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        text = QRectF(self.fontMetrics().boundingRect(most.toRect(), int(flags), remark))
        text.moveBottom(most.bottom())
        painter.setPen(QColor(style.line))
        painter.setBrush(QColor(style.surface))
        around = text.adjusted(-GRID_PX / 2, -2, GRID_PX / 2, 2)
        painter.drawRoundedRect(around, CORNER_PX / 2, CORNER_PX / 2)
        painter.setPen(QColor(style.text))
        painter.drawText(text, int(flags), remark)

    def _on_model(self, spot: QPointF) -> tuple[float, float] | None:
        """A place of the photo in model pixels, None where the network did not look."""
        if self.attribution is None:
            return None
        geometry = self.attribution.geometry
        x, y = geometry.to_model(spot.x() * geometry.width, spot.y() * geometry.height)
        return (x, y) if 0 <= x <= geometry.size and 0 <= y <= geometry.size else None

    def value(self, spot: QPointF) -> float | None:
        """The map's value at a place of the photo, None where the network did not look."""
        if self.attribution is None or (place := self._on_model(spot)) is None:
            return None
        size = self.attribution.geometry.size
        return value_at(self.attribution.heat, place[0] / size, place[1] / size)

    def told(self, spot: QPointF) -> str:
        """The value and what covering the place did, or that the network did not look there."""
        value = self.value(spot)
        if value is None:
            return words.tr("not seen") if self.attribution is not None else ""
        assert self.attribution is not None
        figure = words.figure(value, signed=self.attribution.signed)
        window = self._window()
        return figure if window is None else f"{figure}\n{self._told_covered(*window)}"

    def _window(self) -> tuple[int, int] | None:
        """The covered square (row, column) nearest to the spot, of an occlusion."""
        spot = self.link.spot
        if self.attribution is None or self.attribution.windows is None or spot is None:
            return None
        place = self._on_model(spot)
        return None if place is None else self.attribution.windows.at(*place)

    def _told_covered(self, row: int, column: int) -> str:
        """The target's score with and without a window, as a probability and as a logit."""
        assert self.attribution is not None
        windows = self.attribution.windows
        assert windows is not None
        scores = words.tr("{target} {before} → {after} when covered").format(
            target=self.attribution.target.replace("_", " "),
            before=words.short_percent(windows.probability),
            after=words.short_percent(float(windows.probabilities[row, column])),
        )
        logits = words.tr("logit {before} → {after}").format(
            before=words.figure(windows.logit, signed=True),
            after=words.figure(float(windows.logits[row, column]), signed=True),
        )
        return f"{scores}\n{logits}"
