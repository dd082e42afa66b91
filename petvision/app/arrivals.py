"""The doors by which photos come in: drop, paste, dialogs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog

from petvision.app import incoming
from petvision.app.widgets.drop import DropOverlay
from petvision.images.inputs import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from petvision.app.window import Window


class Arrivals(QObject):
    """Turns what a person brings into inputs for the session."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.overlay = DropOverlay(window.theme, window)

    def drag_entered(self, event: QDragEnterEvent) -> None:
        """Show where a drop will land, if there is anything to open in it."""
        mime = event.mimeData()
        if not incoming.acceptable(mime):
            return
        event.acceptProposedAction()
        count = len(mime.urls())
        text = self.tr("Drop to open {count} items") if count > 1 else self.tr("Drop to open")
        self.overlay.show_over(text.format(count=count), self._landing())

    def _landing(self) -> QRect:
        column = self._window.column
        if not column.isVisible():
            return QRect()
        return QRect(column.mapTo(self._window, column.rect().topLeft()), column.size())

    def dropped(self, event: QDropEvent) -> None:
        """Take everything out of the drop now: afterwards it is gone."""
        self.overlay.hide()
        event.acceptProposedAction()
        self._take(incoming.read(event.mimeData(), self.tr("Dropped picture")))

    def paste(self) -> None:
        """Open what the clipboard holds: a picture, files, addresses."""
        mime = QGuiApplication.clipboard().mimeData()
        self._take(incoming.read(mime, self.tr("Pasted picture")))

    def _take(self, arrived: incoming.Incoming) -> None:
        if arrived:
            self._window.open_arrived(arrived, self.tr("Pasted picture"))
            self._window.activateWindow()
        else:
            self._window.status.say(self.tr("There is no picture, file or address in that."))

    def ask_photos(self) -> None:
        """Ask for photos and open them."""
        suffixes = " ".join(f"*{suffix}" for suffix in sorted(PHOTO_SUFFIXES))
        kinds = self.tr("Photos ({suffixes});;All files (*)").format(suffixes=suffixes)
        title = self.tr("Open photos")
        paths, _ = QFileDialog.getOpenFileNames(self._window, title, self._folder(), kinds)
        self._open(paths)

    def ask_folder(self) -> None:
        """Ask for a folder and open its photos."""
        title = self.tr("Open folder")
        path = QFileDialog.getExistingDirectory(self._window, title, self._folder())
        self._open([path] if path else [])

    def ask_address(self) -> None:
        """Ask for the address of a picture and open it."""
        label = self.tr("Address of a picture (http or https):")
        address, given = QInputDialog.getText(self._window, self.tr("Open address"), label)
        if given and address.strip():
            self._session.open_inputs([address.strip()])

    def _folder(self) -> str:
        return self._session.settings.get("folder", "")

    def _open(self, paths: list[str]) -> None:
        if paths:
            first = Path(paths[0])
            folder = first if first.is_dir() else first.parent
            self._session.settings.put("folder", str(folder))
            self._session.open_inputs(paths)
