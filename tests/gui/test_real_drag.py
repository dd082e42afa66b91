"""A real drag from another X client's window onto PetVision's, under Xvfb with xdotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MISSING = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {' and '.join(MISSING)} (apt-get install xvfb xdotool)"
)

# The file manager: a small window that starts a drag with the paths it is given.
SOURCE = """
import sys
from PySide6.QtCore import QMimeData, QUrl, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class Files(QLabel):
    def mouseMoveEvent(self, event):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(path) for path in sys.argv[1:]])
        drag = QDrag(self)
        drag.setMimeData(mime)
        drag.exec(Qt.DropAction.CopyAction)

application = QApplication([])
window = Files("drag me")
window.setWindowFlags(Qt.WindowType.FramelessWindowHint)
window.setGeometry(0, 0, 120, 120)
window.show()
print("shown", flush=True)
application.exec()
"""

# The program itself; it prints what it judged and ends.
TARGET = """
import sys
from PySide6.QtCore import QTimer
from petvision.app import application, window as windows

class Placed(windows.Window):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.setGeometry(200, 0, 900, 700)
        self.session.model_changed.connect(self.told)
        self.session.known.connect(self.look)

    def told(self):
        if self.session.handle is not None:
            print("ready", flush=True)

    def look(self):
        photos = self.session.photos
        names = [photos.photo(row).source.label for row in range(photos.rowCount())]
        if len(names) == 2 and self.session.current.prediction is not None:
            print("judged", *names, sep="|", flush=True)
            QTimer.singleShot(0, self.close)

application.Window = Placed
sys.exit(application.run([]))
"""


@pytest.fixture
def screen() -> Iterator[dict[str, str]]:
    """An X server of our own; the environment that reaches it."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    yield dict(os.environ, DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb")
    server.terminate()
    server.wait(10)


def start(script: str, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(child: subprocess.Popen[str], beginning: str) -> str:
    """The next line of its output that begins so."""
    assert child.stdout is not None
    for text in child.stdout:
        if text.startswith(beginning):
            return text.strip()
    assert child.stderr is not None
    raise AssertionError(child.stderr.read())


def xdotool(environment: dict[str, str], *words: str) -> None:
    subprocess.run(["xdotool", *words], env=environment, check=True, timeout=30)


@pytest.mark.usefixtures("bundled_model")
@pytest.mark.timeout(240)
def test_photos_dragged_from_another_program_are_judged(
    screen: dict[str, str], photo: Callable[..., Path], tmp_path: Path
):
    screen["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    first, second = photo("tom.jpg", seed=1), photo("with a space.jpg", seed=2)
    program = start(TARGET, screen)
    manager = start(SOURCE, screen, str(first), str(second))
    try:
        line(manager, "shown")
        line(program, "ready")
        xdotool(screen, "mousemove", "60", "60", "mousedown", "1")
        for step in range(1, 9):  # as a hand does it: X clients answer each move
            xdotool(screen, "mousemove", str(60 + 70 * step), str(60 + 30 * step))
            time.sleep(0.1)
        time.sleep(0.3)
        xdotool(screen, "mouseup", "1")
        assert line(program, "judged") == "judged|tom.jpg|with a space.jpg"
        assert program.wait(60) == 0
    finally:
        for child in (program, manager):
            if child.poll() is None:
                child.kill()
            child.communicate()
