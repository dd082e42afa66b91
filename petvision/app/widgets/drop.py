"""What is seen while something is dragged over the window: where it will land."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from petvision.app.icons import picture
from petvision.app.theme import Theme, scaled_font
from petvision.figures.style import CORNER_PX, GRID_PX, HEADING_PX

ICON_PX = 48
VEIL = 225


class DropOverlay(QWidget):
    """Covers the window with words in the centre and a frame around the photo list."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._window = parent
        self._words = ""
        self._landing = QRect()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_over(self, words: str, landing: QRect) -> None:
        """Cover the parent; ``landing`` is the photo list's place in it (may be empty)."""
        self._words = words
        self._landing = landing
        self.setGeometry(self._window.rect())
        self.setAccessibleName(words)
        self.raise_()
        self.show()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint veil, frames, icon and words."""
        style = self._theme.style
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(style.background)
        veil.setAlpha(VEIL)
        painter.fillRect(self.rect(), veil)
        pen = QPen(QColor(style.accent), 2, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        around = self.rect().adjusted(GRID_PX, GRID_PX, -GRID_PX, -GRID_PX)
        painter.drawRoundedRect(QRectF(around), 2 * CORNER_PX, 2 * CORNER_PX)
        if not self._landing.isEmpty():
            landing = self._landing.adjusted(2 * GRID_PX, 2 * GRID_PX, -GRID_PX, -2 * GRID_PX)
            painter.setBrush(QColor(style.raised))
            painter.drawRoundedRect(QRectF(landing), CORNER_PX, CORNER_PX)
        self._paint_words(painter)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        style = self._theme.style
        middle = self.rect().center()
        icon = picture("images", style.accent, ICON_PX, self.devicePixelRatioF())
        painter.drawPixmap(middle.x() - ICON_PX // 2, middle.y() - ICON_PX, icon)
        painter.setFont(scaled_font(self.font(), HEADING_PX, bold=True))
        painter.setPen(QColor(style.text))
        box = QRect(0, middle.y() + GRID_PX, self.width(), painter.fontMetrics().height())
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._words)
