"""Saving and copying panels: asked here, drawn and written in the pool."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl
from PySide6.QtGui import QDrag, QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QFileDialog, QMessageBox

from petvision.app import words
from petvision.app.explain.work import PanelState
from petvision.errors import Cancelled, PetVisionError
from petvision.explain.results import Explained, Explanation, Failure
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Encoded, InputSpec, Picture

if TYPE_CHECKING:
    from petvision.app.explain.panel import PanelWidget
    from petvision.app.window import Window

SHARP = 2
DRAG_PX = 160


class Saving(QObject):
    """Puts panels on disk or on the clipboard; says what was done in the status line."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._dragged: tempfile.TemporaryDirectory[str] | None = None

    def end(self) -> None:
        """Take away what was made for drags."""
        if self._dragged is not None:
            self._dragged.cleanup()
            self._dragged = None

    def file_of(self, panel: PanelWidget) -> Path | None:
        """A picture file of a panel as it is on the screen, at twice its size; None before it is.

        It lives as long as the window: who takes it may read it long after the drop.
        """
        photo = self._session.current
        if photo is None or panel.panel.status != "done":
            return None
        if self._dragged is None:
            self._dragged = tempfile.TemporaryDirectory(prefix="petvision-")
        picture = QPixmap(panel.size() * SHARP)
        picture.setDevicePixelRatio(SHARP)
        panel.render(picture)
        name = f"{_stem(photo.source.label)}-{panel.panel.method.id}.png"
        path = Path(self._dragged.name) / name
        picture.save(str(path))
        return path

    def drag(self, panel: PanelWidget) -> None:
        """Let a panel be dropped elsewhere as a file."""
        path = self.file_of(panel)
        if path is None:
            return
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        drag = QDrag(panel)
        drag.setMimeData(mime)
        drag.setPixmap(panel.grab().scaledToWidth(DRAG_PX))
        drag.exec(Qt.DropAction.CopyAction)

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
        """The panels of the photo in view that are done, once none is at work.

        Those that failed or were stopped are named among its failures.
        """
        photo, panels = self._session.current, self._session.explanations.panels.values()
        done = [p.explanation for p in panels if p.status == "done" and p.explanation is not None]
        at_rest = all(p.status in ("done", "failed", "stopped") for p in panels)
        if photo is None or photo.prediction is None or not done or not at_rest:
            return None
        failures = [
            Failure(p.method.id, p.error or Cancelled(p.method.card.title))
            for p in panels
            if p.status != "done"
        ]
        target = self._session.explanations.target
        return Explained(photo.prediction, target, tuple(done), tuple(failures))

    def save_all(self) -> None:
        """Ask for a folder and write the evidence pack of the photo in view into one of its name.

        All panels as pictures and numbers, the record, and the case file.
        """
        explained, photo = self.explained, self._session.current
        if explained is None or photo is None:
            return
        title = self.tr("Export the evidence pack into")
        chosen = QFileDialog.getExistingDirectory(self._window, title, self._folder)
        if chosen:
            self._session.settings.put("save_folder", chosen)
            handle, visit = self._session.handle, self._session.visit
            assert handle is not None
            assert visit is not None
            work = partial(save_pack, Path(chosen), visit.encoded, explained, handle.spec)
            saved = partial(self._saved, without=self._titles(explained.failures))
            self._session.in_background(work, saved, self._failed)

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

    def _titles(self, failures: Sequence[Failure]) -> str:
        panels = self._session.explanations.panels
        return ", ".join(words.tr(panels[one.method].method.card.title) for one in failures)

    def _saved(self, path: Path, without: str = "") -> None:
        shown = str(path).encode(errors="replace").decode()
        text = self.tr("Saved {path}")
        if without:
            text = self.tr("Saved {path} without what failed or was stopped: {without}")
        self._window.status.say(text.format(path=shown, without=without))

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


def _stem(label: str) -> str:
    """A photo's name fit for a file's."""
    return re.sub(r"[^\w .-]", "_", Path(label).stem)[:80] or "photo"


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


def save_pack(folder: Path, encoded: Encoded, explained: Explained, spec: InputSpec) -> Path:
    """Write the evidence pack of a photo into a folder named after it; runs in the pool.

    Raises:
        OutputError: ``exists``, ``no_space`` or ``read_only``.
    """
    from petvision.images.door import decode_for_display
    from petvision.reports.case import pack
    from petvision.reports.panels import stem_of, write

    place = folder / stem_of(encoded.source)
    photo = decode_for_display(encoded)
    more = pack(encoded, explained, photo, spec)
    write(place, encoded.source, explained, photo, more=more)
    return place
