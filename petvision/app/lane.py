"""The compute lane: one thread that owns torch and steps the most urgent job.

A job is a generator of events (see ``petvision.events``). Between two steps the lane may turn to a
more urgent job and park this one; a newer job of the same kind replaces an older one; to cancel is
to close the generator. Nothing else runs torch while the window lives.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from petvision.errors import PetVisionError
from petvision.events import Progress, Result
from petvision.memory import give_back


@dataclass(frozen=True, slots=True)
class Job:
    """Work for the lane: ``make`` builds the generator, in the lane's own thread.

    ``kind`` names what it is for: the newest job of a kind wins. ``urgency``: smaller is sooner;
    jobs of equal urgency take turns, so that each has something to show early and the cheapest
    ends first.
    """

    kind: str
    urgency: int
    make: Callable[[], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Failed:
    """The event after which nothing follows: the world's fault, told in a sentence."""

    error: PetVisionError


@dataclass(frozen=True, slots=True)
class Crashed:
    """The event after which nothing follows: our fault, with its report."""

    report: str


class _Running:
    """A job in the lane; ``generator`` is touched by the lane's thread only."""

    def __init__(self, ticket: int, job: Job) -> None:
        self.ticket = ticket
        self.job = job
        self.urgency = job.urgency
        self.steps = 0
        self.generator: Iterator[Any] | None = None
        self.stale = False

    def place(self) -> tuple[int, int, int]:
        """Its place in the queue: the smallest is stepped next."""
        return self.urgency, self.steps, self.ticket


class ComputeLane(QObject):
    """A thread that runs jobs one step at a time.

    ``happened`` (ticket, event) is delivered in the receiver's thread; the events of a cancelled
    job may still be on their way, so a receiver looks at the ticket.

    Args:
        parent: owner.
        daemon: the thread may hang in a read; it then ends with the process.
    """

    happened = Signal(int, object)

    def __init__(self, parent: QObject | None = None, *, daemon: bool = False) -> None:
        super().__init__(parent)
        self._thread = threading.Thread(target=self._run, name="compute lane", daemon=daemon)
        self._changed = threading.Condition()
        self._jobs: list[_Running] = []
        self._closing = False
        self._ticket = 0

    def start(self) -> None:
        """Begin with what is queued."""
        self._thread.start()

    def wait(self, most_ms: int | None = None) -> bool:
        """Join the thread after ``close``; False when it is still in a step after ``most_ms``."""
        if self._thread.is_alive():
            self._thread.join(None if most_ms is None else most_ms / 1000)
        return not self._thread.is_alive()

    def submit(self, job: Job) -> int:
        """Queue a job and return its ticket; older jobs of its kind become stale."""
        with self._changed:
            self._ticket += 1
            for running in self._jobs:
                running.stale |= running.job.kind == job.kind
            self._jobs.append(_Running(self._ticket, job))
            self._changed.notify()
            return self._ticket

    def cancel(self, ticket: int) -> None:
        """Close the job's generator at its next step; an unknown ticket is no error."""
        with self._changed:
            for running in self._jobs:
                running.stale |= running.ticket == ticket
            self._changed.notify()

    @property
    def idle(self) -> bool:
        """Whether no job is left, not even one in its last step."""
        with self._changed:
            return not self._jobs

    def urge(self, ticket: int, urgency: int) -> None:
        """Give a job another urgency from its next step on."""
        with self._changed:
            for running in self._jobs:
                if running.ticket == ticket:
                    running.urgency = urgency

    def close(self) -> None:
        """Stop all jobs; the thread ends after the step it is in (then ``wait`` returns)."""
        with self._changed:
            self._closing = True
            for running in self._jobs:
                running.stale = True
            self._changed.notify()

    def _run(self) -> None:
        """The thread: the most urgent job gets one step, until closed."""
        while (running := self._next()) is not None:
            self._step(running)

    def _next(self) -> _Running | None:
        """The job to step now, after the stale ones are closed; None at the end."""
        while True:
            with self._changed:
                stale = [running for running in self._jobs if running.stale]
                self._jobs = [running for running in self._jobs if not running.stale]
                if not stale:
                    if self._closing:
                        return None
                    if self._jobs:
                        return min(self._jobs, key=_Running.place)
                    self._changed.wait()
            for running in stale:
                self._shut(running)

    def _step(self, running: _Running) -> None:
        """Advance one job by one event and send it."""
        running.steps += 1
        event = self._guarded(running, lambda: self._advance(running))
        over = isinstance(event, (Result, Failed, Crashed))
        if over:
            self._shut(running)
        with self._changed:
            stale = running.stale
            if over and running in self._jobs:
                self._jobs.remove(running)
        if not stale and event is not None:
            self.happened.emit(running.ticket, event)
        if over:
            give_back()  # after the answer is on its way

    @staticmethod
    def _advance(running: _Running) -> object:
        if running.generator is None:
            running.generator = running.job.make()
            return Progress(0, 0)
        event = next(running.generator, None)
        if event is None:
            raise RuntimeError(f"the job {running.job.kind} ended without a result")
        return event

    def _shut(self, running: _Running) -> None:
        """Close the generator: what it holds is let go in the lane's thread."""
        generator, running.generator = running.generator, None
        if isinstance(generator, Generator):
            event = self._guarded(running, generator.close)
            if isinstance(event, Crashed):
                self.happened.emit(running.ticket, event)

    @staticmethod
    def _guarded(running: _Running, action: Callable[[], object]) -> object:
        try:
            return action()
        except PetVisionError as error:
            return Failed(error)
        except Exception:  # noqa: BLE001 - anything else is a bug: it goes to the crash report
            return Crashed(f"job {running.job.kind}\n{traceback.format_exc()}")
