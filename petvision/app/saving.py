"""Saving and copying panels: asked here, drawn and written in the pool."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMessageBox

from petvision.app import words
from petvision.app.explain.work import PanelState
from petvision.errors import PetVisionError
from petvision.explain.results import Explained, Explanation
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Picture, Source

if TYPE_CHECKING:
    from petvision.app.window import Window


class Saving(QObject):
    """Puts panels on disk or on the clipboard; says what was done in the status line."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session

    @property
    def panel(self) -> PanelState | None:
        """The chosen panel, where it is done."""
        panel = self._session.explanations.panels.get(self._window.view.grid.selected)
        return panel if panel is not None and panel.status == "done" else None

    def save_panel(self, kind: str) -> None:
        """Ask for a file and write the chosen panel as ``png``, ``svg`` or ``npy``."""
        panel, photo = self.panel, self._session.current
        if panel is None or photo is None or panel.explanation is None:
            return
        name = f"{Path(photo.source.label).stem}-{panel.method.id}.{kind}"
        start = Path(self._folder) / name
        title = self.tr("Save {panel}").format(panel=words.tr(panel.method.card.title))
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, title, str(start), f"{kind.upper()} (*.{kind})"
        )
        if chosen:
            path = Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.{kind}")
            self._session.settings.put("save_folder", str(path.parent))
            self.write(panel.explanation, kind, path)

    def write(self, explanation: Explanation, kind: str, path: Path) -> None:
        """Write an explanation to ``path`` in the pool."""
        work = partial(save, path, kind, explanation, self._picture)
        self._session.in_background(work, self._saved, self._failed)

    def copy_panel(self) -> None:
        """Put the chosen panel on the clipboard as a picture."""
        panel = self.panel
        if panel is not None and panel.explanation is not None:
            style = self._window.theme.style
            work = partial(content, "png", panel.explanation, self._picture, style)
            self._session.in_background(work, self._copied, self._failed)

    @property
    def explained(self) -> Explained | None:
        """All panels of the photo in view, where they are done."""
        photo, panels = self._session.current, self._session.explanations.panels.values()
        done = [p.explanation for p in panels if p.status == "done" and p.explanation is not None]
        if photo is None or photo.prediction is None or not done or len(done) < len(panels):
            return None
        target = self._session.explanations.target
        return Explained(photo.prediction, target, tuple(done))

    def save_all(self) -> None:
        """Ask for a folder and write all panels of the photo in view into one named after it."""
        explained, photo = self.explained, self._session.current
        if explained is None or photo is None:
            return
        title = self.tr("Save all panels in")
        chosen = QFileDialog.getExistingDirectory(self._window, title, self._folder)
        if chosen:
            self._session.settings.put("save_folder", chosen)
            work = partial(save_folder, Path(chosen), photo.source, explained, self._picture)
            self._session.in_background(work, self._saved, self._failed)

    @property
    def _folder(self) -> str:
        return self._session.settings.get("save_folder", str(Path.home()))

    @property
    def _picture(self) -> Picture | None:
        display = self._session.display
        return display.picture if display else None

    def _copied(self, png: bytes) -> None:
        QGuiApplication.clipboard().setImage(QImage.fromData(png))
        self._window.status.say(self.tr("The panel is on the clipboard."))

    def _saved(self, path: Path) -> None:
        shown = str(path).encode(errors="replace").decode()
        self._window.status.say(self.tr("Saved {path}").format(path=shown))

    def _failed(self, error: PetVisionError) -> None:
        title, sentence = self.tr("Not saved"), words.error_sentence(error)
        box = QMessageBox(
            QMessageBox.Icon.Warning,
            title,
            sentence,
            QMessageBox.StandardButton.Ok,
            self._window,
        )
        box.open()


def content(kind: str, explanation: Explanation, photo: Picture | None, style: Style) -> bytes:
    """A panel as the bytes of a ``png``, ``svg`` or ``npy`` file; runs in the pool."""
    from petvision.figures import render
    from petvision.reports.panels import npy

    if kind == "npy":
        return npy(explanation)
    drawn = render.png if kind == "png" else render.svg
    return drawn(explanation, photo, style)


def save(path: Path, kind: str, explanation: Explanation, photo: Picture | None) -> Path:
    """Write a panel to ``path``; runs in the pool.

    Raises:
        OutputError: ``no_space`` or ``read_only``.
    """
    from petvision.models.files import write_atomically

    write_atomically(path, content(kind, explanation, photo, LIGHT))
    return path


def save_folder(folder: Path, source: Source, explained: Explained, photo: Picture | None) -> Path:
    """Write all panels of a photo into a folder named after it; runs in the pool.

    Raises:
        OutputError: ``exists``, ``no_space`` or ``read_only``.
    """
    from petvision.reports.panels import stem_of, write

    place = folder / stem_of(source)
    write(place, source, explained, photo)
    return place
