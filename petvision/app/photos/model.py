"""The open photos, as a Qt list model that asks for what is seen and forgets what is not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage

from petvision.app import words
from petvision.errors import PetVisionError
from petvision.images.types import Encoded, Source
from petvision.models.results import Prediction

THUMBNAILS_KEPT = 400
PhotoRole = int(Qt.ItemDataRole.UserRole) + 1

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclass(slots=True, eq=False)
class Photo:
    """One open photo and what is known of it; lives in the window's thread.

    ``place`` is the path or URL it was opened from; ``asked`` whether its row was seen and its
    thumbnail asked for.
    """

    number: int
    source: Source
    prediction: Prediction | None = None
    error: PetVisionError | None = None
    asked: bool = False
    place: str = ""

    def keep(self, encoded: Encoded) -> None:
        """Keep the bytes of what came over the network: it is fetched once."""
        if self.source.kind == "url":
            self.source = Source("bytes", "", self.source.label, encoded.data)

    @property
    def badge(self) -> str:
        """Its verdict in a word and a number."""
        if self.error is not None:
            return words.tr("Cannot be opened")
        if self.prediction is None:
            return ""
        if self.prediction.unknown:
            return words.tr("Unknown")
        share = words.short_percent(self.prediction.confidence)
        return f"{words.named(self.prediction.label)} {share}"


class PhotoModel(QAbstractListModel):
    """Rows of :class:`Photo`.

    ``wanted`` names a photo on the screen whose thumbnail or verdict is not known yet: each row is
    asked for once, when it is first painted, so a folder of 10,000 costs what is seen of it.
    """

    wanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._photos: list[Photo] = []
        self._rows: dict[int, int] = {}
        self._by_place: dict[str, Photo] = {}
        self._thumbnails: OrderedDict[int, QImage] = OrderedDict()
        self._next = 1

    def rowCount(self, parent: Index = _ROOT) -> int:
        """As Qt asks: a flat list."""
        return 0 if parent.isValid() else len(self._photos)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        """As Qt asks: the name, the thumbnail, the spoken text, or the photo itself."""
        photo = self.photo(index.row())
        if photo is None:
            return None
        if role == PhotoRole:
            return photo
        if role == Qt.ItemDataRole.DisplayRole:
            return photo.source.label
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnail(photo)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(photo)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{photo.source.label}, {photo.badge}" if photo.badge else photo.source.label
        return None

    def photo(self, row: int) -> Photo | None:
        """The photo of a row, or None where there is none."""
        return self._photos[row] if 0 <= row < len(self._photos) else None

    def row_of(self, photo: Photo) -> int:
        """The row of a photo, or -1 when it was removed."""
        return self._rows.get(photo.number, -1)

    def __contains__(self, photo: Photo) -> bool:
        return photo.number in self._rows

    def add(self, sources: Sequence[Source]) -> list[Photo]:
        """Append photos; returns one for each source, which is an older one where it is open."""
        known = [self._by_place.get(source.location) for source in sources]
        fresh = [s for s, photo in zip(sources, known, strict=True) if photo is None]
        added = iter(self._append(fresh))
        return [next(added) if photo is None else photo for photo in known]

    def _append(self, sources: Sequence[Source]) -> list[Photo]:
        if not sources:
            return []
        first = len(self._photos)
        self.beginInsertRows(_ROOT, first, first + len(sources) - 1)
        added = [
            Photo(self._next + step, source, place=source.location)
            for step, source in enumerate(sources)
        ]
        self._next += len(added)
        self._rows.update({photo.number: first + step for step, photo in enumerate(added)})
        self._by_place.update({photo.place: photo for photo in added if photo.place})
        self._photos += added
        self.endInsertRows()
        return added

    def remove(self, rows: Iterable[int]) -> None:
        """Take rows out of the list (never a file off the disk)."""
        for first, last in reversed(_runs(rows)):
            self.beginRemoveRows(_ROOT, first, last)
            gone = self._photos[first : last + 1]
            del self._photos[first : last + 1]
            for photo in gone:
                self._thumbnails.pop(photo.number, None)
                self._by_place.pop(photo.place, None)
            self._rows = {photo.number: row for row, photo in enumerate(self._photos)}
            self.endRemoveRows()

    def clear(self) -> None:
        """Take all rows out."""
        self.beginResetModel()
        self._photos.clear()
        self._rows.clear()
        self._by_place.clear()
        self._thumbnails.clear()
        self.endResetModel()

    def set_thumbnail(self, photo: Photo, image: QImage) -> None:
        """Keep a thumbnail; the ones seen longest ago are forgotten past a bound."""
        if photo not in self:
            return
        self._thumbnails[photo.number] = image
        self._thumbnails.move_to_end(photo.number)
        while len(self._thumbnails) > THUMBNAILS_KEPT:
            number, _ = self._thumbnails.popitem(last=False)
            self._photos[self._rows[number]].asked = False
        self.told(photo)

    def told(self, photo: Photo) -> None:
        """Repaint a row: something of it became known."""
        if (row := self.row_of(photo)) >= 0:
            index = self.index(row)
            self.dataChanged.emit(index, index)

    def forget_verdicts(self) -> None:
        """Another model: no verdict holds any more."""
        for photo in self._photos:
            photo.prediction = None
            photo.error = None
            photo.asked = False
        if self._photos:
            self.dataChanged.emit(self.index(0), self.index(len(self._photos) - 1))

    def _thumbnail(self, photo: Photo) -> QImage | None:
        image = self._thumbnails.get(photo.number)
        if image is not None:
            self._thumbnails.move_to_end(photo.number)
        if not photo.asked:
            photo.asked = True
            self.wanted.emit(photo)
        return image


def _runs(rows: Iterable[int]) -> list[tuple[int, int]]:
    """Rows as runs (first, last), ascending."""
    runs: list[tuple[int, int]] = []
    for row in sorted(set(rows)):
        if runs and runs[-1][1] == row - 1:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs


def _tooltip(photo: Photo) -> str:
    if photo.error is not None:
        return words.error_sentence(photo.error)
    return photo.place.encode(errors="replace").decode() or photo.source.label
