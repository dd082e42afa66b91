"""The left column: the list of open photos and its few commands."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.photos.delegate import PhotoDelegate
from petvision.app.photos.model import Photo, PhotoModel
from petvision.app.theme import LEFT_WIDTH, Theme
from petvision.figures.style import GRID_PX


class PhotoColumn(QFrame):
    """Shows the model's photos; ``chosen`` names the current one, None when the list is empty."""

    chosen = Signal(object)

    def __init__(self, model: PhotoModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("column", True)
        self.setMinimumWidth(LEFT_WIDTH * 3 // 4)
        self._model = model
        self._theme = theme
        self._removing = False
        self._count = QLabel()
        self._count.setProperty("quiet", True)
        self.view = self._make_view(theme)
        self._head = QHBoxLayout()
        self._head.setContentsMargins(2 * GRID_PX, GRID_PX // 2, GRID_PX, GRID_PX // 2)
        self._head.setSpacing(0)
        self._head.addWidget(self._count, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._head)
        layout.addWidget(self.view, 1)
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            signal.connect(self._count_photos)
        self._count_photos()

    def _make_view(self, theme: Theme) -> QListView:
        view = QListView()
        view.setModel(self._model)
        view.setItemDelegate(PhotoDelegate(theme, view))
        view.setUniformItemSizes(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setAccessibleName(self.tr("Open photos"))
        view.selectionModel().currentChanged.connect(self._current_changed)
        return view

    def add_command(self, icon: str, name: str, act: Callable[[], object]) -> None:
        """Put a button above the list."""
        button = QToolButton()
        self._theme.set_icon(button, icon)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: act())
        self._head.addWidget(button)

    @property
    def current(self) -> Photo | None:
        """The photo in view."""
        return self._model.photo(self.view.currentIndex().row())

    def choose(self, photo: Photo) -> None:
        """Make a photo the current and only selected one."""
        index = self._model.index(self._model.row_of(photo))
        if index.isValid():
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.view.selectionModel().setCurrentIndex(index, flags)
            self.view.scrollTo(index)

    def step(self, by: int) -> None:
        """Go to the next or previous photo; stays at the ends."""
        row = min(max(0, self.view.currentIndex().row() + by), self._model.rowCount() - 1)
        if (photo := self._model.photo(row)) is not None:
            self.choose(photo)

    def remove_selected(self) -> None:
        """Take the selected photos out of the list; the next one becomes the current."""
        rows = [index.row() for index in self.view.selectionModel().selectedIndexes()]
        if not rows:
            return
        after = min(rows)
        self._removing = True  # Qt makes a neighbour current at each step: none of them is meant
        self._model.remove(rows)
        self._removing = False
        if self._model.rowCount() == 0:
            self.chosen.emit(None)
        elif (photo := self._model.photo(min(after, self._model.rowCount() - 1))) is not None:
            self.choose(photo)
            self.chosen.emit(photo)

    def clear(self) -> None:
        """Take all photos out of the list."""
        self._model.clear()
        self.chosen.emit(None)

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        photo = self._model.photo(current.row())
        if photo is not None and not self._removing:
            self.chosen.emit(photo)

    def _count_photos(self) -> None:
        count = self._model.rowCount()
        self._count.setText(words.photos(count) if count else self.tr("Photos"))
