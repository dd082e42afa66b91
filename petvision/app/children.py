"""The program's own verbs as child processes: serving, training, batch runs.

A child lives in a process of its own, so that the window stays quick and a child that dies takes
nothing along. It speaks as the command line does: JSON lines on standard output, words for people
on standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

PATIENCE_MS = 5_000
LAST_WORDS = 20
NICENESS = "10"
THREADS = "OMP_NUM_THREADS"
STOP = '{"do": "stop"}'


def command(words: Sequence[str], *, background: bool = False) -> tuple[str, list[str]]:
    """A program and its arguments that run ``petvision WORDS…``, from source and when packaged.

    Args:
        words: the verb and what follows it.
        background: give way to the window, where the system has ``nice``.
    """
    if getattr(sys, "frozen", False):
        # The executables stand beside each other; the window's own has no terminal on Windows.
        console = (
            Path(sys.executable).with_name("petvision").with_suffix(Path(sys.executable).suffix)
        )
        line = [os.fspath(console), *words]
    else:
        line = [sys.executable, "-m", "petvision", *words]
    nice = shutil.which("nice") if background else None
    if nice is not None:
        line = [nice, "-n", NICENESS, *line]
    return line[0], line[1:]


def leave_behind(words: Sequence[str]) -> bool:
    """Run ``petvision WORDS…`` by itself: it goes on when the window is gone."""
    process = QProcess()
    program, arguments = command(words, background=True)
    process.setProgram(program)
    process.setArguments(arguments)
    for channel in (process.setStandardOutputFile, process.setStandardErrorFile):
        channel(QProcess.nullDevice())
    started: object = process.startDetached()  # its stub promises a tuple; seen: the flag alone
    return bool(started[0] if isinstance(started, tuple) else started)


class Child(QObject):
    """One run of a verb.

    ``told`` carries each JSON line of standard output as it was parsed (with ``whole`` all of it,
    as one document, at the end), ``said`` each line of standard error; ``ended`` comes once, with
    the exit code (-1: it could not be started, or crashed), after the last of both. With
    ``orders`` the verb takes them from standard input, and is asked to stop by one: Windows has
    no signal that a program without a window would hear.
    """

    told = Signal(object)
    said = Signal(str)
    ended = Signal(int)

    def __init__(
        self, parent: QObject | None = None, *, whole: bool = False, orders: bool = False
    ) -> None:
        super().__init__(parent)
        self._whole = whole
        self._orders = orders
        self.last_words: list[str] = []
        self._over = False
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read_out)
        self._process.readyReadStandardError.connect(self._read_err)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._last_resort = QTimer(self)
        self._last_resort.setSingleShot(True)
        self._last_resort.timeout.connect(self._process.kill)

    @property
    def running(self) -> bool:
        """Whether the process starts or runs."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, words: Sequence[str], *, background: bool = False) -> None:
        """Run ``petvision WORDS…``; once in a child's life."""
        program, arguments = command(words, background=background)
        if background:  # a core is left to the window
            environment = QProcessEnvironment.systemEnvironment()
            if not environment.contains(THREADS):
                environment.insert(THREADS, str(max(1, (os.cpu_count() or 2) - 1)))
            self._process.setProcessEnvironment(environment)
        self._process.start(program, arguments)

    def write(self, line: str) -> None:
        """Send a line to its standard input."""
        self._process.write(f"{line}\n".encode("utf-8", "surrogateescape"))

    def stop(self) -> None:
        """Ask it to end (by an order, or standard input closes and a signal comes), or kill it."""
        if self.running:
            if self._orders:
                self.write(STOP)
            else:
                self._process.closeWriteChannel()
                self._process.terminate()
            self._last_resort.start(PATIENCE_MS)

    def end(self) -> None:
        """Stop it and wait: the window closes."""
        self.stop()
        if self.running and not self._process.waitForFinished(PATIENCE_MS):
            self._process.kill()
            self._process.waitForFinished(PATIENCE_MS)
        self._last_resort.stop()

    @property
    def complaint(self) -> str:
        """The last thing it told people, as a sentence to show."""
        return self.last_words[-1].removeprefix("petvision: ") if self.last_words else ""

    def _read_out(self) -> None:
        while not self._whole and self._process.canReadLine():
            self._tell(bytes(self._process.readLine().data()))

    def _tell(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):  # a library's own print is nobody's message
            message: Any = json.loads(line)
            self.told.emit(message)

    def _read_err(self) -> None:
        for line in bytes(self._process.readAllStandardError().data()).splitlines():
            words = line.decode("utf-8", "replace").strip()
            if words:
                self.last_words = [*self.last_words, words][-LAST_WORDS:]
                self.said.emit(words)

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read_out()
        if rest := bytes(self._process.readAllStandardOutput().data()):
            self._tell(rest)
        self._read_err()
        self._last_resort.stop()
        self._end(code if status is QProcess.ExitStatus.NormalExit else -1)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self.last_words = [self._process.errorString()]
            self._end(-1)

    def _end(self, code: int) -> None:
        if not self._over:
            self._over = True
            self.ended.emit(code)
