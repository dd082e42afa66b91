"""What a person does to the window, and what they wait for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from petvision.app.window import Window

WAIT_MS = 180_000


def files(*paths: Path) -> QMimeData:
    """What a file manager drags."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drop(window: Window, mime: QMimeData) -> None:
    """Drag over the window and drop, as Qt delivers it."""
    actions, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    place = QPointF(window.width() / 2, window.height() / 2)
    QApplication.sendEvent(window, QDragEnterEvent(place.toPoint(), actions, mime, left, none))
    QApplication.sendEvent(window, QDropEvent(place, actions, mime, left, none))


def judged(window: Window) -> bool:
    """Whether the photo in view has its verdict."""
    photo = window.session.current
    return photo is not None and photo.prediction is not None


def finished(window: Window) -> bool:
    """Whether verdict and all panels of the photo in view are there."""
    panels = window.session.explanations.panels.values()
    return judged(window) and bool(panels) and all(panel.status == "done" for panel in panels)
