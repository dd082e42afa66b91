"""How quickly the window answers: start, heartbeat while panels compute, Cancel, drops, brush.

    python -m tests.benchmarks.window [PHOTO] [--json]

Run it on a quiet machine. It opens the real window (offscreen unless QT_QPA_PLATFORM says
otherwise) with the model that the zoo finds and an empty cache, and prints milliseconds. Nothing
here passes or fails: targets.md has the lines to compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.window import Window
from petvision.places import bundled

BEAT_MS = 10
DROPS, DROP_SECONDS = 50, 5.0
DABS = 20

START = """
import sys, time
begin = float(sys.argv[1])
from petvision.app import application, window as windows
painted = windows.Window.paintEvent
def paint(self, event):
    painted(self, event)
    print(1000 * (time.time() - begin), "torch" in sys.modules, flush=True)
    self.close()
windows.Window.paintEvent = paint
application.run([])
"""


class Heart:
    """Beats every 10 ms in the window's thread; how late a beat is counts from the last one."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.late = []
        self._due = time.perf_counter() + BEAT_MS / 1000
        self._timer.start(BEAT_MS)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, 1000 * (now - self._due)))
        self._due = now + BEAT_MS / 1000

    def stop(self) -> dict[str, float]:
        self._timer.stop()
        late = sorted(self.late)
        return {
            "beats": len(late),
            "p50_ms": late[len(late) // 2],
            "p99_ms": late[int(len(late) * 0.99)],
            "worst_ms": late[-1],
        }


def until(condition: Callable[[], object], seconds: float = 300.0) -> float:
    """Let the window live until a condition holds; returns the milliseconds it took."""
    begin = time.perf_counter()
    loop = QEventLoop()
    watch = QTimer()
    watch.setTimerType(Qt.TimerType.PreciseTimer)
    watch.timeout.connect(
        lambda: (condition() or time.perf_counter() - begin > seconds) and loop.quit()
    )
    watch.start(2)
    loop.exec()
    watch.stop()
    return 1000 * (time.perf_counter() - begin)


def start_up() -> dict[str, object]:
    """A process of its own: from its beginning to the first painting."""
    environment = dict(os.environ, XDG_CONFIG_HOME=tempfile.mkdtemp())
    told = subprocess.run(
        [sys.executable, "-c", START, str(time.time())],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return {"first_paint_ms": float(told[0]), "torch_imported": told[1] == "True"}


def measure(window: Window, photo: Path, folder: Path) -> dict[str, object]:
    """The figures of one window, from the model's opening to fifty drops."""
    session = window.session
    report: dict[str, object] = {}
    heart = Heart()
    heart.start()
    report["model_open_ms"] = until(lambda: session.figures_ready)
    report["heartbeat_while_opening"] = heart.stop()
    until(lambda: session.handle is not None and session.handle.engine.name != "torch-fp32", 60)

    def judged() -> bool:
        return session.current is not None and session.current.prediction is not None

    def finished() -> bool:
        panels = window.view.grid.panels.values()
        done = all(one.panel.status == "done" and one.drawn for one in panels)
        return judged() and bool(panels) and done

    first: dict[str, float] = {}

    def finished_noting_first() -> bool:
        """Whether all is there; notes when each panel first shows something."""
        for name, one in window.view.grid.panels.items():
            if name not in first and one.panel.explanation is not None and one.drawn:
                first[name] = 1000 * (time.perf_counter() - dropped)
        return finished()

    heart.start()
    dropped = time.perf_counter()
    session.open_inputs([str(photo)])
    report["drop_to_label_ms"] = until(judged)
    until(finished_noting_first)
    report["drop_to_first_pictures_ms"] = first
    report["drop_to_last_panel_ms"] = 1000 * (time.perf_counter() - dropped)
    report["heartbeat_while_explaining"] = heart.stop()
    copies = [folder / f"{number}.jpg" for number in range(DROPS + 1)]
    for number, copy in enumerate(copies):
        copy.write_bytes(photo.read_bytes() + bytes([number]))
    session.open_inputs([str(copies[-1])])
    until(lambda: session.explanations.working)
    until(lambda: False, 1.0)
    begin = time.perf_counter()
    session.stop()
    answered = 1000 * (time.perf_counter() - begin)
    report["cancel_answers_ms"] = answered
    report["cancel_lane_idle_ms"] = answered + until(lambda: session.idle)
    heart.start()
    for copy in copies[:-1]:
        session.open_inputs([str(copy)])
        until(lambda: False, DROP_SECONDS / DROPS)
    last = copies[-2].name
    report["after_50_drops_ms"] = until(
        lambda: finished() and session.current and session.current.source.label == last
    )
    report["heartbeat_while_dropping"] = heart.stop()
    until(lambda: session.idle)
    heart.start()
    session.open_inputs([str(photo)])
    report["return_to_last_panel_ms"] = until(
        lambda: finished() and session.current and session.current.source.label == photo.name
    )
    report["heartbeat_while_returning"] = heart.stop()
    return report


def painting(window: Window) -> dict[str, object]:
    """Dabs of the brush, each answered before the next, and one stroke at a mouse's pace."""
    window.view.paint()
    brush = window.view.brush
    until(lambda: brush.ready)
    easel = brush.easel

    def at(share: float) -> QPoint:
        return easel.point_at(QPointF(0.1 + 0.8 * share, 0.5)).toPoint()

    answered = []
    for number in range(DABS):
        QTest.mouseClick(easel, Qt.MouseButton.LeftButton, pos=at(number / DABS))
        answered.append(until(lambda: brush.answered))
    easel.clear()
    until(lambda: brush.answered)
    heart = Heart()
    heart.start()
    QTest.mousePress(easel, Qt.MouseButton.LeftButton, pos=at(0))
    for step in range(120):
        QTest.mouseMove(easel, at(step / 120))
        until(lambda: False, 1 / 60)
    QTest.mouseRelease(easel, Qt.MouseButton.LeftButton, pos=at(1))
    last = until(lambda: brush.answered)
    return {
        "brush_dab_to_answer_ms": {"p50": median(answered), "worst": max(answered)},
        "brush_end_of_stroke_to_answer_ms": last,
        "heartbeat_while_painting": heart.stop(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how quickly the window answers.")
    cat = bundled("resources", "samples", "cat.jpg")
    parser.add_argument("photo", nargs="?", type=Path, default=cat)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    starts = [start_up() for _ in range(3)]
    report: dict[str, object] = {"starts": starts}
    application = QApplication([])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["PETVISION_CACHE"] = str(folder / "cache")  # panels are computed, not remembered
        window = Window(Settings.load(folder / "settings.toml"), Theme(application, "light"))
        window.session.crashed.connect(sys.exit)
        window.show()
        report |= measure(window, options.photo, folder)
        report |= painting(window)
        window.close()
    if options.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
