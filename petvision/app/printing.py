"""Printing: a page for each panel of the photo in view, drawn in the pool."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QSizeF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QDialog, QMessageBox

from petvision.app import words
from petvision.app.saving import content
from petvision.errors import PetVisionError
from petvision.explain.results import Explained
from petvision.figures.style import PRINT
from petvision.images.types import Picture

if TYPE_CHECKING:
    from petvision.app.window import Window


class Printing(QObject):
    """Asks for a printer and prints what is done."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window

    def ask(self) -> None:
        """Ask for a printer, then print all panels of the photo in view."""
        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        dialog = QPrintDialog(printer, self._window)
        dialog.setWindowTitle(self.tr("Print the panels"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.print_on(printer))
        QDialog.open(dialog)  # QPrintDialog's own wants a receiver

    def print_on(self, printer: QPrinter) -> None:
        """Print all panels of the photo in view."""
        explained, display = self._window.saving.explained, self._window.session.display
        if explained is not None:
            work = partial(pages, explained, display.picture if display else None)
            self._window.session.in_background(work, partial(self._print, printer), self._failed)

    def _print(self, printer: QPrinter, pictures: list[bytes]) -> None:
        painter = QPainter(printer)
        page = QRectF(painter.viewport())
        for number, data in enumerate(pictures):
            if number:
                printer.newPage()
            image = QImage.fromData(data)
            size = QSizeF(image.size()).scaled(page.size(), Qt.AspectRatioMode.KeepAspectRatio)
            painter.drawImage(QRectF(page.topLeft(), size), image)
        painter.end()
        self._window.status.say(self.tr("Printed {count} panels.").format(count=len(pictures)))

    def _failed(self, error: PetVisionError) -> None:
        sentence = words.error_sentence(error)
        QMessageBox(
            QMessageBox.Icon.Warning,
            self.tr("Not printed"),
            sentence,
            QMessageBox.StandardButton.Ok,
            self._window,
        ).open()


def pages(explained: Explained, photo: Picture | None) -> list[bytes]:
    """A PNG for each panel; runs in the pool."""
    return [content("png", one, photo, PRINT) for one in explained.explanations]
