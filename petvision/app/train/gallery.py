"""Small pictures of photos with a line each; thumbnails are decoded in the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from petvision.app import tasks
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.figures.style import GRID_PX
from petvision.images.inputs import source_of

PICTURE_PX = 96
MOST = 200
WIDTH_PX = PICTURE_PX + 4 * GRID_PX


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo and the words below it; ``wrong`` ones are coloured."""

    path: Path
    words: str
    wrong: bool = False


class Gallery(QListWidget):
    """Shows up to 200 photos; ``opened`` carries the path of one that was double-clicked."""

    opened = Signal(str)

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self._turn = 0
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setIconSize(QSize(PICTURE_PX, PICTURE_PX))
        self.setUniformItemSizes(True)
        self.setWordWrap(True)
        self.setSpacing(GRID_PX // 2)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName(self.tr("Photos"))
        self.itemActivated.connect(
            lambda item: self.opened.emit(item.data(Qt.ItemDataRole.UserRole))
        )
        theme.changed.connect(self._colour)

    def show_photos(self, photos: Sequence[Shown]) -> None:
        """Show these, the first 200 of them."""
        self._turn += 1
        self.clear()
        lines = 2 + max((p.words.count("\n") for p in photos[:MOST]), default=0)
        high = PICTURE_PX + lines * self.fontMetrics().height() + GRID_PX
        for photo in photos[:MOST]:
            item = QListWidgetItem(photo.words)
            item.setData(Qt.ItemDataRole.UserRole, str(photo.path))
            item.setData(Qt.ItemDataRole.UserRole + 1, photo.wrong)
            item.setToolTip(str(photo.path).encode(errors="replace").decode())
            item.setSizeHint(QSize(WIDTH_PX, high))
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            item.setIcon(QIcon(_blank(self._theme.style.raised)))
            self.addItem(item)
            self._session.in_background(
                partial(tasks.look, source_of(str(photo.path)), None),
                partial(self._looked, self._turn, item),
                lambda _: None,  # its name is there; opening it tells why
            )
        self._colour()

    def _looked(self, turn: int, item: QListWidgetItem, look: tasks.Look) -> None:
        if turn == self._turn:
            item.setIcon(QIcon(QPixmap.fromImage(look.thumbnail)))

    def _colour(self) -> None:
        style = self._theme.style
        for row in range(self.count()):
            item = self.item(row)
            wrong = item.data(Qt.ItemDataRole.UserRole + 1)
            item.setForeground(QColor(style.bad if wrong else style.text))


def _blank(colour: str) -> QPixmap:
    pixmap = QPixmap(PICTURE_PX, PICTURE_PX)
    pixmap.fill(QColor(colour))
    return pixmap
