"""Many small pictures with captions; only what is in view is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from petvision.app.theme import Theme
from petvision.figures.style import GRID_PX

if TYPE_CHECKING:
    from petvision.figures.neurons import Tile
    from petvision.images.types import Pixels

SMOOTH_FROM = 0.98


def image_of(pixels: Pixels) -> QImage:
    """Pixels h×w×3 as an image of its own."""
    high, wide, _ = pixels.shape
    flat = pixels if pixels.flags.c_contiguous else pixels.copy()
    return QImage(flat.data, wide, high, 3 * wide, QImage.Format.Format_RGB888).copy()


class TileView(QWidget):
    """Tiles in columns. ``chosen`` (filter): clicked or reached by key; ``opened``: double click.

    Args:
        theme: colours.
        columns: of tiles.
        most: a tile's largest width in pixels.
    """

    chosen = Signal(int)
    opened = Signal(int)

    def __init__(
        self, theme: Theme, columns: int, most: int = 480, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._columns, self._most = columns, most
        self.tiles: Sequence[Tile] = ()
        self._images: dict[int, QImage] = {}
        self._selected = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        theme.changed.connect(self.update)

    def show_tiles(self, tiles: Sequence[Tile], columns: int = 0) -> None:
        """Show other tiles, in as many columns as before or in others."""
        self.tiles = tiles
        self._columns = columns or self._columns
        self._images.clear()
        self.setAccessibleDescription(", ".join(tile.caption for tile in tiles))
        self._fit()
        self.update()

    def select(self, index: int) -> None:
        """Frame the tiles of a filter."""
        if index != self._selected:
            self._selected = index
            self.update()

    def place(self, number: int) -> QRect:
        """Where a tile's picture lies."""
        wide, high = self._cell()
        x = (number % self._columns) * (wide + 2 * GRID_PX) + GRID_PX
        y = (number // self._columns) * (high + self._line()) + GRID_PX
        return QRect(x, y, wide, high)

    def sizeHint(self) -> QSize:
        """As high as all rows."""
        rows = -(-len(self.tiles) // self._columns)
        return QSize(240, rows * (self._cell()[1] + self._line()) + GRID_PX)

    def _cell(self) -> tuple[int, int]:
        """Width and height of a tile at the widget's width."""
        room = max(self.width(), 120) // self._columns - 2 * GRID_PX
        wide = max(24, min(room, self._most))
        shapes = [tile.pixels.shape for tile in self.tiles[:24]]
        aspect = max((h / w for h, w, _ in shapes), default=1.0)
        return wide, round(wide * aspect)

    def _line(self) -> int:
        return self.fontMetrics().height() + 2 * GRID_PX

    def _fit(self) -> None:
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()

    def resizeEvent(self, event: object) -> None:
        """Rows grow with the width."""
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the tiles that can be seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        style = self._theme.style
        for number, tile in enumerate(self.tiles):
            cell = self.place(number)
            whole = cell.adjusted(-4, -4, 4, self._line())
            if not whole.intersects(event.rect()):
                continue
            image = self._images.get(number)
            if image is None:
                image = self._images[number] = image_of(tile.pixels)
            target = QRect(QPoint(0, 0), image.size().scaled(cell.size(), _KEEP))
            target.moveTopLeft(cell.topLeft())
            painter.drawImage(target, image)
            if tile.index >= 0 and tile.index == self._selected:
                painter.setPen(QPen(QColor(style.accent), 3))
                painter.drawRect(target.adjusted(-2, -2, 1, 1))
            painter.setPen(QColor(style.text if tile.index == self._selected else style.muted))
            words = self.fontMetrics().elidedText(tile.caption, _RIGHT, cell.width())
            baseline = cell.y() + target.height() + self.fontMetrics().ascent() + 5
            painter.drawText(cell.x(), baseline, words)
        if self.hasFocus() and not self.tiles:
            painter.setPen(QColor(style.accent))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def at(self, point: QPoint) -> int:
        """The filter under a point, −1 where there is none."""
        for number, tile in enumerate(self.tiles):
            if self.place(number).adjusted(0, 0, 0, self._line() // 2).contains(point):
                return tile.index
        return -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click chooses the filter."""
        self.setFocus()
        if (index := self.at(event.position().toPoint())) >= 0:
            self.chosen.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click shows it large."""
        if (index := self.at(event.position().toPoint())) >= 0:
            self.opened.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose the next filter, Enter shows it large."""
        steps = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: self._columns,
            Qt.Key.Key_Up: -self._columns,
        }
        key = Qt.Key(event.key())
        if key in steps and self.tiles:
            indexes = [tile.index for tile in self.tiles]
            now = indexes.index(self._selected) if self._selected in indexes else 0
            number = now + steps[key]
            if 0 <= number < len(indexes) and indexes[number] >= 0:
                self.chosen.emit(indexes[number])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected >= 0:
            self.opened.emit(self._selected)
        else:
            super().keyPressEvent(event)


_KEEP = Qt.AspectRatioMode.KeepAspectRatio
_RIGHT = Qt.TextElideMode.ElideRight


def scrolled(widget: QWidget) -> QScrollArea:
    """A widget that scrolls up and down only."""
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.viewport().setAutoFillBackground(False)
    return area
