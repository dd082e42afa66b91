"""The picture of nothing that a map compares the photo with: small, beside the scale."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.explain.results import Attribution

SIDE_PX = 26


class Baseline(QWidget):
    """Shows an attribution's baseline; hidden where it has none."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image = QImage()
        self._caption = ""
        self.setFont(scaled_font(self.font(), SMALL_PX))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.hide()

    def show_of(self, attribution: Attribution) -> None:
        """Show what this map starts from, or what it covers places with."""
        pixels = attribution.baseline
        self.setVisible(pixels is not None)
        if pixels is None:
            return
        high, wide = pixels.shape[:2]
        kept = np.ascontiguousarray(pixels)
        image = QImage(kept.data, wide, high, 3 * wide, QImage.Format.Format_RGB888)
        side = round(SIDE_PX * self.devicePixelRatioF())
        smooth = Qt.TransformationMode.SmoothTransformation
        self._image = image.scaled(side, side, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        if attribution.windows is not None:
            self._caption = self.tr("cover")
            told = self.tr("What is put over each place")
        else:
            self._caption = self.tr("baseline")
            told = self.tr("The picture of nothing that the photo is compared with")
        self.setToolTip(told)
        self.setAccessibleName(told)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """The picture over its caption."""
        metrics = self.fontMetrics()
        wide = max(SIDE_PX, metrics.horizontalAdvance(self._caption))
        return QSize(wide + 2, SIDE_PX + 2 + metrics.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint picture, frame and caption."""
        painter = QPainter(self)
        left = (self.width() - SIDE_PX) / 2
        square = QRectF(left, 0.5, SIDE_PX, SIDE_PX)
        painter.drawImage(square, self._image)
        painter.setPen(QColor(self._theme.style.line))
        painter.drawRect(square)
        painter.setPen(QColor(self._theme.style.muted))
        below = QRectF(0, SIDE_PX + 2, self.width(), self.height() - SIDE_PX - 2)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._caption)
        painter.end()
