"""A row of a bar chart: name, bar, number."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from petvision.app import words
from petvision.app.theme import Theme
from petvision.figures.style import GRID_PX

BAR_PX = 8


class ScoreBars(QWidget):
    """Names with shares of 1, one under the other, as bars with numbers."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[tuple[str, float]] = []
        self._quiet = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_rows(self, rows: list[tuple[str, float]], *, quiet: bool = False) -> None:
        """Show names and shares; ``quiet`` bars do not claim anything (an unknown photo)."""
        self._rows = rows
        self._quiet = quiet
        self.setAccessibleName(
            ", ".join(f"{words.named(name)} {words.percent(share)}" for name, share in rows)
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """One line a row."""
        return QSize(240, self._line() * max(1, len(self._rows)))

    def minimumSizeHint(self) -> QSize:
        """As high as the hint, as narrow as the layout wants."""
        return QSize(120, self.sizeHint().height())

    def _line(self) -> int:
        return self.fontMetrics().height() + GRID_PX

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows: names left, bars between, numbers right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style = self._theme.style
        metrics = self.fontMetrics()
        names = [words.named(name) for name, _ in self._rows]
        longest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        left = min(longest + 2, self.width() // 3)
        right = metrics.horizontalAdvance("> 99.9 %") + GRID_PX
        for row, (name, (_, share)) in enumerate(zip(names, self._rows, strict=True)):
            top, line = row * self._line(), self._line()
            baseline = top + (line + metrics.ascent() - metrics.descent()) // 2
            painter.setPen(QColor(style.text))
            elided = metrics.elidedText(name, Qt.TextElideMode.ElideRight, left)
            painter.drawText(0, baseline, elided)
            number = words.short_percent(share)
            painter.drawText(self.width() - metrics.horizontalAdvance(number), baseline, number)
            full = QRectF(left + 2 * GRID_PX, top + (line - BAR_PX) / 2, 0, BAR_PX)
            full.setRight(self.width() - right - GRID_PX)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(style.raised))
            painter.drawRoundedRect(full, BAR_PX / 2, BAR_PX / 2)
            shown = QRectF(full)
            shown.setWidth(max(BAR_PX, full.width() * min(1.0, share)))
            strongest = row == 0 and not self._quiet
            painter.setBrush(QColor(style.accent if strongest else style.muted))
            painter.drawRoundedRect(shown, BAR_PX / 2, BAR_PX / 2)
        painter.end()
