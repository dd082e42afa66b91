"""A bug's end: a dialog with a report to copy, never a trace in the face; the window goes on."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import petvision
from petvision.figures.style import GRID_PX

Fault = tuple[type[BaseException], BaseException, TracebackType | None]


class CrashReporter(QObject):
    """Catches what nothing else caught, in any thread, and tells it once at a time."""

    _reported = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.window: QWidget | None = None
        self.dialog: CrashDialog | None = None
        self._before = (sys.excepthook, threading.excepthook)
        self._reported.connect(self.show, Qt.ConnectionType.QueuedConnection)
        sys.excepthook = self._caught
        threading.excepthook = self._caught_in_thread

    def close(self) -> None:
        """Put the hooks back that were there before."""
        sys.excepthook, threading.excepthook = self._before

    def show(self, report: str) -> None:
        """Show a report; while one is shown, further ones are added to it."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.add(report)
            return
        self.dialog = CrashDialog(f"{diagnostics()}\n\n{report}", self.window)
        self.dialog.open()

    def _caught(
        self, kind: type[BaseException], fault: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, fault, trace)
            return
        report = "".join(traceback.format_exception(kind, fault, trace))
        logging.getLogger("petvision.window").error("a fault of our own\n%s", report)
        self._reported.emit(report)

    def _caught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._caught(args.exc_type, args.exc_value, args.exc_traceback)


class CrashDialog(QDialog):
    """Words first, the report below, a button that copies it."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        self.setWindowTitle(self.tr("Something went wrong"))
        words = QLabel(
            self.tr(
                "PetVision met a fault of its own. Your photos are untouched, and you can go on.\n"
                "This report helps to mend it; it holds no photo and leaves this computer only "
                "if you send it."
            )
        )
        words.setWordWrap(True)
        self._text = QPlainTextEdit(report)
        self._text.setReadOnly(True)
        self._text.setAccessibleName(self.tr("Report"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton(self.tr("Copy the report"))
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, 2 * GRID_PX)
        layout.setSpacing(2 * GRID_PX)
        for widget in (words, self._text, buttons):
            layout.addWidget(widget)
        self.resize(640, 400)

    @property
    def report(self) -> str:
        """All that is told."""
        return self._text.toPlainText()

    def add(self, report: str) -> None:
        """Add another report below."""
        self._text.appendPlainText(f"\n{report}")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report)


def diagnostics() -> str:
    """What a developer asks first: versions and the machine; nothing personal."""
    torch = sys.modules.get("torch")
    lines = [
        f"PetVision {petvision.__version__}",
        f"Python {platform.python_version()} on {platform.platform()}",
        f"Qt {qVersion()} ({QGuiApplication.platformName()})",
        f"torch {torch.__version__}" if torch else "torch not loaded",
    ]
    return "\n".join(lines)
