"""The photos of a run as a Qt model: it asks for what is seen and forgets what is not."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    QUrl,
    Signal,
)
from PySide6.QtGui import QColor, QImage

from petvision.app import words
from petvision.app.icons import tinted
from petvision.app.photos.delegate import mark_of
from petvision.app.theme import Theme
from petvision.batch.columns import Ints
from petvision.batch.rows import Row
from petvision.images.inputs import shown

ROWS_KEPT, THUMBNAILS_KEPT, AROUND = 4000, 600, 40
GATHER_MS = 16  # what arrives within a frame is painted together, in a turn of its own
PHOTO, VERDICT, CONFIDENCE, TRUTH, STRANGE, SIZE, FOLDER = range(7)

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_NONE = np.zeros(0, np.int64)


class RunModel(QAbstractTableModel):
    """Rows by their numbers; ``wanted`` asks for rows, ``pictured`` for a row's thumbnail."""

    wanted = Signal(object)
    pictured = Signal(object)

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.numbers: Ints = _NONE
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._thumbnails: OrderedDict[int, QImage | None] = OrderedDict()
        self._asked: set[int] = set()
        self._missing: set[int] = set()
        self._stale: set[int] = set()
        self._said: dict[int, str | None] = {}
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._ask)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(GATHER_MS)
        self._frame.timeout.connect(self.repaint)
        theme.changed.connect(self.repaint)

    # What it is told

    def show_numbers(self, numbers: Ints) -> None:
        """Show these items; what is only appended leaves the rest in place."""
        before = len(self.numbers)
        grown = len(numbers) > before and np.array_equal(numbers[:before], self.numbers)
        if grown and before:
            self.beginInsertRows(_ROOT, before, len(numbers) - 1)
            self.numbers = numbers
            self.endInsertRows()
        elif not np.array_equal(numbers, self.numbers):
            self.beginResetModel()
            self.numbers = numbers
            self.endResetModel()

    def clear(self) -> None:
        """Another run."""
        self.beginResetModel()
        self.numbers = _NONE
        for known in (self._rows, self._thumbnails, self._asked, self._missing, self._stale):
            known.clear()
        self._said.clear()
        self.endResetModel()

    def forget(self) -> None:
        """Something changed in the store: rows in view are read again, and stay until then."""
        self._stale = set(self._rows)
        self.repaint()

    def take_rows(self, rows: Iterable[Row]) -> None:
        """Keep rows that were asked for."""
        for row in rows:
            self._rows[row.number] = row
            self._rows.move_to_end(row.number)
            if self._said.get(row.number, row.truth) == row.truth:
                self._said.pop(row.number, None)
        while len(self._rows) > ROWS_KEPT:
            self._rows.popitem(last=False)
        self._repaint_soon()

    def take_thumbnail(self, number: int, image: QImage | None) -> None:
        """Keep a thumbnail (None: there is none to be had)."""
        self._thumbnails[number] = image
        while len(self._thumbnails) > THUMBNAILS_KEPT:
            gone, _ = self._thumbnails.popitem(last=False)
            self._asked.discard(gone)
        self._repaint_soon()

    def say_truth(self, numbers: Iterable[int], label: str | None) -> None:
        """Show a correction at once; the store follows."""
        self._said.update((int(number), label) for number in numbers)
        self.repaint()

    def repaint(self) -> None:
        """Paint everything in view again."""
        if len(self.numbers):
            last = self.index(len(self.numbers) - 1, FOLDER)
            self.dataChanged.emit(self.index(0, 0), last)

    def _repaint_soon(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    # What it tells

    def number_at(self, row: int) -> int:
        """The number of the item in a row."""
        return int(self.numbers[row])

    def row_of(self, number: int) -> int:
        """The row of an item, -1 where it is not shown."""
        found = np.flatnonzero(self.numbers == number)
        return int(found[0]) if len(found) else -1

    def known(self, number: int) -> Row | None:
        """An item's row, where it is at hand."""
        return self._rows.get(number)

    def truth_of(self, row: Row) -> str | None:
        """What is on a photo, a correction under way included."""
        return self._said.get(row.number, row.truth)

    def row_at(self, place: int) -> Row | None:
        """What a line of the list shows; what is not at hand is asked for."""
        number = self.number_at(place)
        row = self._rows.get(number)
        if row is None or number in self._stale:
            self._stale.discard(number)
            self._missing.add(number)
            if not self._later.isActive():
                self._later.start()
        return row

    def thumbnail_of(self, row: Row) -> QImage | None:
        """A row's thumbnail, asked for where it is not at hand."""
        image = self._thumbnails.get(row.number)
        if image is not None:
            self._thumbnails.move_to_end(row.number)
        elif row.number not in self._asked and row.failed is None and row.kind == "file":
            self._asked.add(row.number)
            self.pictured.emit(row)
        return image

    def rowCount(self, parent: Index = _ROOT) -> int:
        """The items shown."""
        return 0 if parent.isValid() else len(self.numbers)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """See ``headerData``."""
        return 0 if parent.isValid() else FOLDER + 1

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """The columns' titles."""
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Photo"),
            self.tr("Verdict"),
            self.tr("Confidence"),
            self.tr("Truth"),
            self.tr("Strangeness"),
            self.tr("Size"),
            self.tr("Folder"),
        )[section]

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be chosen and dragged out."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """A cell; what is not at hand is asked for."""
        row = self.row_at(index.row())
        if row is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(row, index.column())
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.failed.message if row.failed else row.place
        right = index.column() in (CONFIDENCE, STRANGE, SIZE)
        if role == Qt.ItemDataRole.TextAlignmentRole and right:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _text(self, row: Row, column: int) -> str:
        answer = row.answer
        if column == PHOTO:
            return shown(Path(row.location).name or row.place)
        if column == FOLDER:
            return shown(str(Path(row.location).parent)) if row.kind == "file" else row.place
        if column == TRUTH:
            return self.truth_words(row)
        if row.failed is not None:
            return self.tr("Not readable") if column == VERDICT else ""
        if answer is None:
            return ""
        return {
            VERDICT: words.named(answer.label),
            CONFIDENCE: words.short_percent(answer.confidence),
            STRANGE: "" if answer.unknown_score is None else f"{answer.unknown_score:.2f}",
            SIZE: f"{answer.width} × {answer.height}",
        }[column]

    def truth_words(self, row: Row) -> str:
        """The truth with its sign: right, wrong, or by hand."""
        truth = self.truth_of(row)
        if truth is None:
            return ""
        by_hand = row.truth_by == "person" or row.number in self._said
        hand = f" {self.tr('(by hand)')}" if by_hand else ""
        if row.answer is None or truth == "neither":
            return f"{words.named(truth)}{hand}"
        sign = "✓" if truth == row.answer.best else "✗"
        return f"{sign} {words.named(truth)}{hand}"

    def _picture(self, row: Row, column: int) -> Any:
        style = self._theme.style
        if column == VERDICT:
            if row.failed is not None:
                return tinted("triangle-alert", style.bad, style.muted)
            if row.answer is None:
                return None
            if row.answer.unknown:
                return tinted("circle-question-mark", style.unknown, style.muted)
            return tinted(mark_of(row.answer.label), style.muted, style.muted)
        if column != PHOTO:
            return None
        return self.thumbnail_of(row) or tinted(stand_in(row), style.muted, style.muted)

    def _colour(self, row: Row, column: int) -> QColor | None:
        style = self._theme.style
        if column == VERDICT and row.failed is not None:
            return QColor(style.bad)
        if column == VERDICT and row.answer is not None and row.answer.unknown:
            return QColor(style.unknown)
        truth = self.truth_of(row)
        if column == TRUTH and row.answer is not None and truth not in (None, "neither"):
            return QColor(style.good if truth == row.answer.best else style.bad)
        return QColor(style.muted) if column in (FOLDER, SIZE, STRANGE) else None

    def _ask(self) -> None:
        """Ask for what is missing, and for its neighbours: they are seen next."""
        missing, self._missing = self._missing, set()
        if not missing or not len(self.numbers):
            return
        seen = np.flatnonzero(np.isin(self.numbers, list(missing)))
        if len(seen) > ROWS_KEPT // 2:
            seen = seen[: ROWS_KEPT // 2]
        if len(seen):
            first, last = max(0, int(seen[0]) - AROUND), int(seen[-1]) + AROUND
            near = self.numbers[first : last + 1] if last - first < 1000 else self.numbers[seen]
            fresh = [int(n) for n in near if n in missing or int(n) not in self._rows]
            self.wanted.emit(fresh)

    # Dragging out

    def mimeTypes(self) -> list[str]:
        """Files."""
        return ["text/uri-list"]

    def supportedDragActions(self) -> Qt.DropAction:
        """Copies: a photo is never moved."""
        return Qt.DropAction.CopyAction

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The photos of the chosen rows as files."""
        numbers = dict.fromkeys(self.number_at(index.row()) for index in indexes)
        rows = [row for number in numbers if (row := self._rows.get(number)) is not None]
        data = QMimeData()
        data.setUrls([url_of(row) for row in rows])
        return data


def stand_in(row: Row) -> str:
    """The mark in a thumbnail's place."""
    return "triangle-alert" if row.failed else "image"


def url_of(row: Row) -> QUrl:
    """A photo's place as an address, whatever bytes its name has."""
    if row.kind != "file":
        return QUrl(row.location)
    return QUrl.fromEncoded(Path(row.location).as_uri().encode())


def text_of(row: Row) -> str:
    """A photo's place for the clipboard."""
    return os.fsencode(row.location).decode("utf-8", "replace")
