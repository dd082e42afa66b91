"""What the tab works on: a run's folder, its columns, and the child process that fills it.

It holds no widgets. The store is read, and written to, in a pool of its own; a run, explanations
and outputs are child processes, so that their speed does not depend on what is looked at.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from petvision.app.batch import tasks
from petvision.app.children import Child, leave_behind
from petvision.app.pool import Pool
from petvision.batch.columns import Columns, Ints, Wanted
from petvision.batch.file import FILE
from petvision.batch.rows import Row
from petvision.errors import PetVisionError

REFRESH_MS = 1000
SHARE = 0.1  # of the time that reading the store may take while a run is at work
ROWS, PICTURES, COLUMNS = 0, 2, 1


class Work(QObject):
    """A run in the window.

    ``elsewhere`` says that a run without this window is at work in the folder: it is followed.

    ``opened``: another run. ``changed``: its columns are newer. ``listed``: the wanted items in
    their order. ``rows``, ``thumbnail``: what was asked for. ``told``: the child has news.
    ``done``: a child ended, with a sentence. ``failed``: something could not be done.
    """

    opened = Signal()
    changed = Signal()
    listed = Signal(object)
    rows = Signal(object)
    thumbnail = Signal(int, object)
    told = Signal()
    done = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pool = Pool(self)
        self.folder: Path | None = None
        self.inputs: tuple[str, ...] = ()
        self.columns: Columns | None = None
        self.wanted = Wanted()
        self.status: dict[str, Any] = {}
        self.kind = ""
        self.elsewhere = False
        self._words: list[str] = []
        self._child: Child | None = None
        self._loading = self._again = self._choosing = False
        self._rechoose = self._stopping = False
        self._writes: deque[Callable[[], object]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    # Runs

    @property
    def running(self) -> bool:
        """Whether a child is at work."""
        return self._child is not None

    @property
    def paused(self) -> bool:
        """Whether the run waits for its person."""
        return self.running and self.status.get("phase") == "paused"

    def open(self, folder: Path) -> None:
        """Show a run that was made before."""
        self.folder, self.columns, self.inputs = folder, None, ()
        self.status, self.wanted, self.elsewhere = {}, Wanted(), False
        self.opened.emit()
        self.refresh()

    def start(self, inputs: Sequence[str], folder: Path, model: str, *options: str) -> None:
        """Run over inputs into a folder, going on where an earlier run stopped."""
        if self.running:
            return
        if folder != self.folder:
            self.open(folder)
        self.inputs = tuple(inputs)
        self._words = ["batch", *inputs, "--out", str(folder), "--model", model, *options]
        self._begin("run", [*self._words[1:], "--orders"])

    def side_job(self, kind: str, *options: str) -> None:
        """Make something from the run: explanations, files, sorted folders."""
        if not self.running and self.folder is not None:
            self._begin(kind, ["--out", str(self.folder), *options])

    def undo(self, file: Path) -> None:
        """Take back what sorting did."""
        if not self.running:
            self._begin("undo", ["--undo", str(file)])

    def order(self, what: str, **more: object) -> None:
        """Tell the run at work what is wanted: pause, go, stop, truth."""
        if self._child is not None:
            self._child.write(json.dumps({"do": what, **more}))

    def stop(self) -> None:
        """Stop the child after the batch in hand; what was done stays."""
        if self._child is None:
            return
        self._stopping = True
        if self.kind == "run":  # by an order alone: a signal could meet it as it ends
            self.order("stop")
        else:
            self._child.stop()

    def leave_behind(self) -> None:
        """Let the run at work go on without the window."""
        self._end_child()
        leave_behind(self._words)

    def end(self) -> None:
        """The window closes."""
        self._timer.stop()
        self._end_child()
        self.pool.close()
        for work in self._writes:  # a correction is never lost; the one in hand changes nothing
            with contextlib.suppress(PetVisionError):
                work()
        self._writes.clear()

    def _end_child(self) -> None:
        if self._child is not None:
            self.order("stop")
            child, self._child = self._child, None
            child.end()

    def _begin(self, kind: str, words: Sequence[str]) -> None:
        self.kind, self.status, self._stopping = kind, {"event": "start"}, False
        child = self._child = Child(self)
        child.told.connect(self._heard)
        child.ended.connect(partial(self._ended, child))
        child.start(["batch", *words, "--json"], background=True)
        self._timer.start()
        self.told.emit()

    def _heard(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        before = self.status.get("fresh")
        self.status = {**self.status, **message}
        if before is None and message.get("fresh"):
            self.refresh()  # the first rows at once
        self.told.emit()

    def _ended(self, child: Child, code: int) -> None:
        if child is not self._child:
            return
        self._child = None
        self._timer.stop()
        self.refresh()
        child.deleteLater()
        self.told.emit()
        if code in (0, 1, 130) or self._stopping:
            self.done.emit(self.kind)
        else:
            said = child.last_words[-1] if child.last_words else ""
            self.failed.emit(said.removeprefix("petvision: ") or self.tr("The run broke off."))

    # The store

    def refresh(self) -> None:
        """Read what changed in the store; what comes while reading is read after it."""
        if self.folder is None or not (self.folder / FILE).exists():
            return
        if self._loading:
            self._again = True
            return
        self._loading, self._again = True, False
        start = time.monotonic()
        folder = self.folder
        self.pool.submit(
            partial(tasks.load, folder, self.columns),
            lambda loaded: self._loaded(folder, loaded, time.monotonic() - start),
            self._not_loaded,
            COLUMNS,
        )

    def _loaded(self, folder: Path, loaded: tasks.Loaded, took: float) -> None:
        self._loading = False
        self._timer.setInterval(max(REFRESH_MS, round(1000 * took / SHARE)))
        if folder != self.folder:
            self.refresh()
            return
        if not self.running:
            self._follow(loaded.running and not self._writes)  # else it is our own writing
        first = self.columns is None
        if first or loaded.columns is not self.columns:
            self.columns, self.inputs = loaded.columns, loaded.inputs
            self.changed.emit()
            self.choose(self.wanted)
        if self._again:
            self.refresh()

    def _follow(self, at_work: bool) -> None:
        """Look again and again while a run without this window is at work."""
        if at_work:
            self._timer.start()
        else:
            self._timer.stop()
        if at_work != self.elsewhere:
            self.elsewhere = at_work
            self.told.emit()

    def _not_loaded(self, error: PetVisionError) -> None:
        self._loading = False
        self.failed.emit(str(error))

    def choose(self, wanted: Wanted) -> None:
        """List the wanted items; the newest wish wins."""
        self.wanted = wanted
        if self.columns is None or self.folder is None:
            return
        if self._choosing:
            self._rechoose = True
            return
        self._choosing, self._rechoose = True, False
        self.pool.submit(
            partial(tasks.choose, self.folder, self.columns, wanted),
            self._chosen,
            self._not_chosen,
            ROWS,
        )

    def _chosen(self, numbers: Ints) -> None:
        self._choosing = False
        if self._rechoose:
            self.choose(self.wanted)
        else:
            self.listed.emit(numbers)

    def _not_chosen(self, error: PetVisionError) -> None:
        self._choosing = False
        self.failed.emit(str(error))

    def fetch(self, numbers: Sequence[int]) -> None:
        """Read some rows."""
        if self.folder is not None and len(numbers):
            work = partial(tasks.rows, self.folder, list(numbers))
            self.pool.submit(work, self.rows.emit, self._complain, ROWS)

    def picture(self, row: Row) -> None:
        """Make a row's thumbnail."""
        self.pool.submit(
            partial(tasks.thumbnail, row.location),
            lambda image: self.thumbnail.emit(row.number, image),
            lambda _: self.thumbnail.emit(row.number, None),  # gone since: its row stays
            PICTURES,
        )

    def in_pool(
        self, work: Callable[[], Any], then: Callable[[Any], None], urgency: int = COLUMNS
    ) -> int:
        """Do something in the tab's threads; what goes wrong is told."""
        return self.pool.submit(work, then, self._complain, urgency)

    def say_truth(self, numbers: Sequence[int], label: str | None) -> None:
        """Keep a correction: through the run at work, else in a thread."""
        if self.folder is None or not len(numbers):
            return
        items = [int(number) for number in numbers]
        if self.running and self.kind == "run":
            self.order("truth", items=items, label=label)
        elif not self.running:
            self._write_later(partial(tasks.correct, self.folder, items, label))
        else:
            self.failed.emit(self.tr("Corrections wait until the explanations are done."))

    def tell_truths(self, table: Path | None) -> None:
        """Set truths from a table, or from the folders' names."""
        if self.folder is not None and not self.running:
            self._write_later(partial(tasks.tell_truths, self.folder, table))

    def _write_later(self, work: Callable[[], object]) -> None:
        """Write to the store, one thing after the other: a store has one writer."""
        self._writes.append(work)
        if len(self._writes) == 1:
            self._write_next()

    def _write_next(self) -> None:
        self.pool.submit(self._writes[0], self._written, self._not_written, ROWS)

    def _written(self, _: object) -> None:
        self._writes.popleft()
        if self._writes:
            self._write_next()
        else:
            self.refresh()

    def _not_written(self, error: PetVisionError) -> None:
        self._complain(error)
        self._written(None)

    def _complain(self, error: PetVisionError) -> None:
        self.failed.emit(str(error))


def run_folder_for(folder: Path) -> Path:
    """Where the run of a folder of photos goes: beside it, or where the person may write."""
    beside = folder.parent / f"{folder.name} - PetVision"
    if beside.exists() or os.access(folder.parent, os.W_OK):
        return beside
    return Path.home() / "PetVision" / f"{folder.name} - PetVision"
