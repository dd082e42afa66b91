"""The scale under a map: a strip of colours, a number at each end, what they count between."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.figures.scale import Scale
from petvision.figures.style import GRID_PX
from petvision.images.types import Pixels

THICK_PX = 8
WIDEST_PX = 320


class ScaleStrip(QWidget):
    """Shows one :class:`Scale` in the colours of its map."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scale: Scale | None = None
        self._strip = QImage()
        self.setFont(scaled_font(self.font(), SMALL_PX))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_scale(self, scale: Scale | None, colours: Pixels | None = None) -> None:
        """Show a scale with its table of colours; None shows none and keeps the room."""
        self._scale = scale
        if colours is not None:
            row = np.ascontiguousarray(colours[None])
            wide = row.shape[1]
            image = QImage(row.data, wide, 1, 4 * wide, QImage.Format.Format_RGBA8888)
            self._strip = image.copy()
        if scale is not None:
            self.setAccessibleName(f"{scale.ends[0]} … {scale.ends[1]} {scale.words}")
        self.update()

    def sizeHint(self) -> QSize:
        """The strip and two lines."""
        return QSize(160, THICK_PX + 4 + 2 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """As high as the hint."""
        return QSize(80, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint strip, zero, numbers and words."""
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        style, metrics = self._theme.style, self.fontMetrics()
        wide = min(self.width() - GRID_PX, WIDEST_PX)
        left = (self.width() - wide) / 2
        painter.drawImage(QRectF(left, 0, wide, THICK_PX), self._strip)
        if self._scale.low < 0:
            painter.fillRect(QRectF(left + wide / 2 - 0.5, 0, 1, THICK_PX), QColor(style.muted))
        line = QRectF(left, THICK_PX + 2, wide, metrics.height())
        painter.setPen(QColor(style.text))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, self._scale.ends[0])
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, self._scale.ends[1])
        numbers = sum(metrics.horizontalAdvance(end) for end in self._scale.ends)
        below = metrics.horizontalAdvance(self._scale.words) + numbers + 3 * GRID_PX > wide
        whole = QRectF(0, line.top() + below * metrics.height(), self.width(), metrics.height())
        painter.setPen(QColor(style.muted))
        words = metrics.elidedText(
            self._scale.words, Qt.TextElideMode.ElideRight, int(whole.width())
        )
        painter.drawText(whole, Qt.AlignmentFlag.AlignHCenter, words)
        painter.end()
