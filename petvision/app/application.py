"""Starts the program: one application, one window, one running instance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QApplication

from petvision import logs
from petvision.app import instance
from petvision.app.crash import CrashReporter
from petvision.app.settings import Settings
from petvision.app.startmark import StartMark
from petvision.app.theme import CHOICES, Theme
from petvision.app.window import Window

SWITCH_SECONDS = 0.002


def run(arguments: Sequence[str]) -> int:
    """Show the window with the files, folders, globs and URLs given; returns the exit code.

    Where a window is open already, it gets them, and this returns at once.
    """
    inputs = [absolute(text) for text in arguments]
    # The compute thread runs short pieces of Python between long ones of torch: handing over
    # sooner keeps the window's thread prompt.
    sys.setswitchinterval(SWITCH_SECONDS)
    application = QApplication.instance() or QApplication(["petvision"])
    assert isinstance(application, QApplication)
    application.setApplicationName("petvision")
    application.setApplicationDisplayName("PetVision")
    application.setDesktopFileName("petvision")
    settings = Settings.load()
    name = instance.address(settings.path)
    if instance.hand_over(name, inputs):
        return 0
    logs.start("window")
    mark = StartMark()
    if mark.begin():
        settings = Settings.safe(settings.path)
    reporter = CrashReporter(application)
    server = instance.InstanceServer(name)
    choice = settings.get("theme", "system")
    theme = Theme(application, choice if choice in CHOICES else "system")
    window = Window(settings, theme)
    window.session.crashed.connect(reporter.show)

    def works() -> None:
        if not window.session.opening:
            mark.well()

    window.session.model_changed.connect(works)
    reporter.window = window
    server.started.connect(window.come_forward)
    window.show()
    window.session.open_inputs(inputs)
    try:
        return application.exec()
    finally:
        mark.well()
        logs.stop()
        server.close()
        reporter.close()
        window.deleteLater()


def absolute(text: str) -> str:
    """An input that means the same from any folder: paths absolute, the rest as it is."""
    if "://" in text:
        return text
    return str(Path(text).expanduser().absolute())
