"""A table of filters: a row each, chosen by a click, opened by a double click, copied as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSignalBlocker,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

Place = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows


class _Model(QAbstractTableModel):
    """Rows as words; a view asks for those in sight only, however many there are."""

    def __init__(self, head: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.head = tuple(head)
        self.rows: Sequence[tuple[int, Sequence[str]]] = ()

    def show_rows(self, rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Place = NOWHERE) -> int:
        """How many filters."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Place = NOWHERE) -> int:
        """How many columns."""
        return 0 if parent.isValid() else len(self.head)

    def data(self, index: Place, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell's words; figures stand to the right."""
        words = self.rows[index.row()][1][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.TextAlignmentRole and words[-1:].isdigit():
            return _RIGHT
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """A column's name."""
        across = orientation == Qt.Orientation.Horizontal
        return self.head[section] if across and role == Qt.ItemDataRole.DisplayRole else None


class FilterRows(QTableView):
    """``chosen`` and ``opened`` carry the filter of a row."""

    chosen = Signal(int)
    opened = Signal(int)

    def __init__(self, head: Sequence[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(head, self)
        self.setModel(self._model)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.selectionModel().selectionChanged.connect(self._selection)
        self.doubleClicked.connect(lambda at: self.opened.emit(self._model.rows[at.row()][0]))
        copying = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copying.setContext(Qt.ShortcutContext.WidgetShortcut)
        copying.activated.connect(self.copy_rows)

    def fill(self, rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Show other rows: a filter and its cells each."""
        self._model.show_rows(rows)

    @property
    def filters(self) -> list[int]:
        """The filters, row by row."""
        return [index for index, _ in self._model.rows]

    @property
    def chosen_rows(self) -> list[int]:
        """The rows that are marked."""
        return sorted(place.row() for place in self.selectionModel().selectedRows())

    def select(self, index: int) -> None:
        """Mark a filter's row."""
        filters = self.filters
        row = filters.index(index) if index in filters else -1
        if row >= 0 and row not in self.chosen_rows:
            with QSignalBlocker(self):
                place = self._model.index(row, 0)
                self.selectionModel().setCurrentIndex(place, _SELECT)

    def lines(self, rows: Iterable[int]) -> list[list[str]]:
        """The head and these rows as words."""
        return [list(self._model.head), *(list(self._model.rows[row][1]) for row in rows)]

    def copy_rows(self) -> None:
        """Put the chosen rows on the clipboard, columns parted by tabs."""
        if rows := self.chosen_rows:
            QGuiApplication.clipboard().setText("\n".join(map("\t".join, self.lines(rows))))

    def _selection(self) -> None:
        if rows := self.chosen_rows:
            self.chosen.emit(self._model.rows[rows[0]][0])

    def _menu(self, point: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy row"), self.copy_rows)
        menu.popup(self.viewport().mapToGlobal(point))
