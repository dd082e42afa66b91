"""The gallery: cells of one size in rows, of which only those in view exist.

Qt's own list view lays every item out before it shows one; with a hundred thousand photos that
takes seconds. Here a cell's place follows from its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

Index = QModelIndex | QPersistentModelIndex


class Tiles(Protocol):
    """How a gallery's cells look."""

    def size(self, metrics: QFontMetrics) -> QSize:
        """How large each is."""

    def begin(self, painter: QPainter) -> None:
        """Get ready to paint some."""

    def paint(
        self, painter: QPainter, cell: QRect, place: int, *, selected: bool, focused: bool
    ) -> None:
        """Paint the one of a row of the model."""


class Gallery(QAbstractItemView):
    """Shows a model's rows as equal cells."""

    def __init__(self, tiles: Tiles, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles = tiles
        self.setMouseTracking(True)

    @property
    def _count(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount()

    def cell(self) -> QSize:
        """How large a cell is."""
        return self._tiles.size(self.fontMetrics())

    def across(self) -> int:
        """How many cells stand beside each other."""
        return max(1, self.viewport().width() // max(1, self.cell().width()))

    def visualRect(self, index: Index) -> QRect:
        """Where an item is in the viewport."""
        if not index.isValid():
            return QRect()
        size = self.cell()
        line, place = divmod(index.row(), self.across())
        top = line * size.height() - self.verticalOffset()
        return QRect(place * size.width(), top, size.width(), size.height())

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The item at a place of the viewport."""
        size, across = self.cell(), self.across()
        place, line = point.x() // size.width(), (point.y() + self.verticalOffset())
        row = line // size.height() * across + place
        if place >= across or not 0 <= row < self._count:
            return QModelIndex()
        return self.model().index(row, 0)

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        """Bring an item into view."""
        box = self.visualRect(index)
        bar = self.verticalScrollBar()
        if box.top() < 0 or hint == QAbstractItemView.ScrollHint.PositionAtTop:
            bar.setValue(bar.value() + box.top())
        elif box.bottom() > self.viewport().height():
            bar.setValue(bar.value() + box.bottom() - self.viewport().height() + 1)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Where a key leads."""
        if not self._count:
            return QModelIndex()
        moves = QAbstractItemView.CursorAction
        row = max(0, self.currentIndex().row())
        page = self.across() * max(1, self.viewport().height() // self.cell().height())
        by = {
            moves.MoveLeft: -1,
            moves.MovePrevious: -1,
            moves.MoveRight: 1,
            moves.MoveNext: 1,
            moves.MoveUp: -self.across(),
            moves.MoveDown: self.across(),
            moves.MovePageUp: -page,
            moves.MovePageDown: page,
            moves.MoveHome: -row,
            moves.MoveEnd: self._count,
        }
        to = min(self._count - 1, max(0, row + by.get(action, 0)))
        return self.model().index(to, 0)

    def horizontalOffset(self) -> int:
        """It never scrolls sideways."""
        return 0

    def verticalOffset(self) -> int:
        """How far it is scrolled."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        """Only the first column is shown."""
        return index.column() > 0

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Choose what a drag over empty space, or a click with Shift, covers."""
        size, across, offset = self.cell(), self.across(), self.verticalOffset()
        box = rect.normalized()
        first_line = max(0, (box.top() + offset) // size.height())
        last_line = (box.bottom() + offset) // size.height()
        left, right = max(0, box.left() // size.width()), box.right() // size.width()
        selection = QItemSelection()
        for line in range(first_line, last_line + 1):
            first, last = line * across + left, line * across + min(right, across - 1)
            last = min(last, self._count - 1)
            if first <= last:
                model = self.model()
                selection.select(model.index(first, 0), model.index(last, 0))
        self.selectionModel().select(selection, command | QItemSelectionModel.SelectionFlag.Rows)

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Everything in view: a change of the selection repaints it at once."""
        return QRegion(self.viewport().rect())

    def updateGeometries(self) -> None:
        """How far it can be scrolled."""
        super().updateGeometries()
        size = self.cell()
        lines = -(-self._count // self.across())
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, lines * size.height() - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(size.height() // 3)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width, another number of cells in a row."""
        super().resizeEvent(event)
        self.updateGeometries()

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:
        """Something came: paint what is in view again."""
        self.viewport().update()

    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        """The run goes on."""
        super().rowsInserted(parent, start, end)
        self.updateGeometries()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cells in view."""
        size, across, offset = self.cell(), self.across(), self.verticalOffset()
        first = offset // size.height() * across
        lines = (offset + self.viewport().height()) // size.height() + 1
        last = min(self._count, lines * across)
        chosen, root = self.selectionModel(), QModelIndex()
        some = chosen.hasSelection()
        at = self.currentIndex().row() if self.hasFocus() else -1
        painter = QPainter(self.viewport())
        self._tiles.begin(painter)
        for row in range(first, last):
            line, place = divmod(row, across)
            top = line * size.height() - offset
            box = QRect(place * size.width(), top, size.width(), size.height())
            selected = some and chosen.rowIntersectsSelection(row, root)
            self._tiles.paint(painter, box, row, selected=selected, focused=row == at)
        painter.end()
