"""The one thread that computes, and the short queue before it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from petvision.events import Events, Result
from petvision.server.failures import Busy, Stopping

T = TypeVar("T")


class Ticket(Generic[T]):
    """A job that waits or runs; ``future`` holds what becomes of it."""

    def __init__(self, work: Callable[[], Events[T]]) -> None:
        self.work = work
        self.future: Future[T] = Future()
        self.unwanted = False


class Lane:
    """Drives jobs (generators of events) one after another, in the order they came.

    A job that nobody wants any more is closed at its next step; one that has not begun never
    begins.
    """

    def __init__(self, waiting: int) -> None:
        self._most = waiting
        self._queue: deque[Ticket[Any]] = deque()
        self._change = threading.Condition()
        self._running: Ticket[Any] | None = None
        self._closed = False
        self._seconds = 1.0  # a job's, on the average of late
        self._thread = threading.Thread(target=self._run, name="petvision-server-lane")
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait or run."""
        with self._change:
            return len(self._queue) + (self._running is not None)

    def submit(self, work: Callable[[], Events[T]]) -> Ticket[T]:
        """Queue a job.

        Raises:
            Busy: when too many wait; says when to try again.
            Stopping: when the lane is closed.
        """
        ticket: Ticket[T] = Ticket(work)
        with self._change:
            if self._closed:
                raise Stopping
            if len(self._queue) >= self._most:
                raise Busy((len(self._queue) + 1) * self._seconds)
            self._queue.append(ticket)
            self._change.notify()
        return ticket

    def drop(self, ticket: Ticket[Any]) -> None:
        """Say that nobody waits for a job any more."""
        with self._change:
            ticket.unwanted = True
            if ticket in self._queue:
                self._queue.remove(ticket)
                ticket.future.cancel()

    def refuse(self) -> None:
        """Take nothing more and refuse what waits; what runs goes on."""
        with self._change:
            self._closed = True
            waiting, self._queue = self._queue, deque()
            self._change.notify()
        for ticket in waiting:
            ticket.future.set_exception(Stopping())

    def close(self) -> None:
        """Refuse everything, stop what runs at its next step, and end the thread."""
        self.refuse()
        with self._change:
            if self._running is not None:
                self._running.unwanted = True
        self._thread.join()

    def _run(self) -> None:
        while (ticket := self._next()) is not None:
            started = time.monotonic()
            if ticket.future.set_running_or_notify_cancel():  # somebody waits for it still
                self._answer(ticket)
            with self._change:
                self._running = None
                self._seconds += 0.2 * (time.monotonic() - started - self._seconds)

    def _answer(self, ticket: Ticket[Any]) -> None:
        try:
            ticket.future.set_result(self._drive(ticket))
        except BaseException as fault:  # noqa: BLE001 - handed over to whoever waits
            ticket.future.set_exception(fault)

    def _next(self) -> Ticket[Any] | None:
        with self._change:
            while not self._queue and not self._closed:
                self._change.wait()
            self._running = self._queue.popleft() if self._queue else None
            return self._running

    def _drive(self, ticket: Ticket[T]) -> T:
        job = ticket.work()
        try:
            for event in job:
                if isinstance(event, Result):
                    return event.value
                if ticket.unwanted:
                    raise Stopping
        finally:
            if isinstance(job, Generator):
                job.close()
        raise RuntimeError("the job ended without a result")
