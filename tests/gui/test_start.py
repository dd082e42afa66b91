"""Starting, a second start, ending: in processes of their own, as a person does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from petvision.app import instance
from petvision.app.application import absolute
from petvision.app.instance import InstanceServer, hand_over

CHILD = """
import json, sys, threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from petvision.app import application, window as windows

told = {}
shown = windows.Window.paintEvent

def first_paint(self, event):
    shown(self, event)
    if not told:
        heavy = ("torch", "matplotlib", "openvino", "pydantic")
        told["heavy"] = [name for name in heavy if name in sys.modules]
        told["visible"] = self.isVisible()
        watch(self)

def watch(window):
    def look():
        photo = window.session.current
        panels = window.session.explanations.panels.values()
        busy = any(panel.status == "working" for panel in panels)
        done = photo is not None and photo.prediction is not None and panels
        if (busy if sys.argv[1] == "mid-run" else done and not busy):
            told["label"] = photo.prediction.label
            window.close()
        else:
            QTimer.singleShot(20, look)
    look()

windows.Window.paintEvent = first_paint
code = application.run(sys.argv[2:])
told["threads"] = [t.name for t in threading.enumerate() if t is not threading.main_thread()
                   and not isinstance(t, threading._DummyThread)]
print(json.dumps(told))
sys.exit(code)
"""

MakePhoto = Callable[..., Path]


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, XDG_CONFIG_HOME=str(tmp_path / "config"))
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.usefixtures("bundled_model")
@pytest.mark.parametrize("when", ["done", "mid-run"])
def test_torch_comes_after_the_window_and_nothing_is_left_at_the_end(
    tmp_path: Path, photo: MakePhoto, when: str
):
    ended = run(tmp_path, when, str(photo("tom.jpg")))
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["visible"]
    assert told["heavy"] == []
    assert told["label"] in ("cat", "dog")
    assert told["threads"] == []
    assert "Traceback" not in ended.stderr


def test_a_second_start_hands_its_photos_to_the_running_window(qtbot: Any, tmp_path: Path):
    name = instance.address(tmp_path / "settings.toml")
    server = InstanceServer(name)
    script = "import sys; from petvision.app.instance import hand_over; "
    script += "sys.exit(0 if hand_over(sys.argv[1], sys.argv[2:]) else 3)"
    inputs = ["/photos/tom.jpg", "/photos/ni\udcf1o.jpg", "https://x.org/a.jpg"]
    with qtbot.waitSignal(server.started, timeout=30_000) as started:
        child = subprocess.Popen([sys.executable, "-c", script, name, *inputs])
    assert started.args[0] == inputs
    assert child.wait(30) == 0
    server.close()


def test_without_a_running_window_nothing_is_handed_over(tmp_path: Path):
    assert not hand_over(instance.address(tmp_path / "settings.toml"), ["a.jpg"])


def test_what_a_crashed_program_left_behind_does_not_stop_the_next(qtbot: Any, tmp_path: Path):
    name = instance.address(tmp_path / "settings.toml")
    script = "import os, sys; from PySide6.QtCore import QCoreApplication; "
    script += "from petvision.app.instance import InstanceServer; "
    script += "a = QCoreApplication([]); s = InstanceServer(sys.argv[1]); os._exit(1)"
    subprocess.run([sys.executable, "-c", script, name], timeout=60, check=False)
    server = InstanceServer(name)
    with qtbot.waitSignal(server.started, timeout=30_000):
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"from petvision.app.instance import hand_over; hand_over({name!r}, [])",
            ]
        ).wait(30)
    server.close()


def test_inputs_are_made_to_mean_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert absolute("tom.jpg") == str(tmp_path / "tom.jpg")
    assert absolute("https://x.org/a.jpg") == "https://x.org/a.jpg"
    assert absolute("file:///a.jpg") == "file:///a.jpg"
