"""A thin line of progress."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from petvision.app.theme import Theme

THIN_PX = 3
UNKNOWN_SHARE = 0.06


class ThinBar(QWidget):
    """A share of 1 as a line; takes its room also when there is nothing to show."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._share: float | None = None
        self.setFixedHeight(THIN_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_share(self, share: float | None) -> None:
        """Show a share; None shows nothing. Work of unknown length shows a small beginning."""
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove and what is done."""
        if self._share is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.style.raised))
        painter.drawRoundedRect(self.rect(), THIN_PX / 2, THIN_PX / 2)
        painter.setBrush(QColor(self._theme.style.accent))
        done = QRectF(0, 0, self.width() * max(UNKNOWN_SHARE, min(1.0, self._share)), THIN_PX)
        painter.drawRoundedRect(done, THIN_PX / 2, THIN_PX / 2)
        painter.end()
