"""A few threads that read, decode and draw files, so that the window's thread never does.

Tasks are plain functions without Qt widgets and without torch. What they return is handed over in
the window's thread, the most urgent task first.
"""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import PriorityQueue
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from petvision.errors import InputError, PetVisionError

THREADS = 2
T = TypeVar("T")

Failure = Callable[[PetVisionError], None]


@dataclass(order=True, slots=True)
class _Task:
    urgency: int
    ticket: int
    work: Callable[[], Any] | None = field(compare=False, default=None)


class Pool(QObject):
    """``submit`` from the window's thread; answers come back to it.

    ``crashed`` carries the report of a bug in a task, which then fails with ``fault``.
    """

    crashed = Signal(str)
    _answered = Signal(int, object)

    def __init__(self, parent: QObject | None = None, threads: int = THREADS) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._queue: PriorityQueue[_Task] = PriorityQueue()
        self._waiting: dict[int, tuple[Callable[[Any], None], Failure]] = {}
        self._closed = False
        self._answered.connect(self._hand_over, Qt.ConnectionType.QueuedConnection)
        # Daemons: a read that hangs (a dead network drive) must not keep the program alive.
        self._threads = [
            threading.Thread(target=self._work, name=f"pool {number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, work: Callable[[], T], then: Callable[[T], None], failed: Failure, urgency: int = 0
    ) -> int:
        """Queue ``work``; then ``then(value)`` or ``failed(error)`` runs in this thread."""
        ticket = next(self._numbers)
        self._waiting[ticket] = (then, failed)
        self._queue.put(_Task(urgency, ticket, work))
        return ticket

    def cancel(self, ticket: int) -> None:
        """Forget a task: it is not begun, and if it runs its answer is thrown away."""
        self._waiting.pop(ticket, None)

    @property
    def busy(self) -> bool:
        """Whether any answer is still to come."""
        return bool(self._waiting)

    def close(self, wait_ms: int = 2000) -> bool:
        """Forget all tasks and join the threads. False when one is still in a read."""
        self._closed = True
        self._waiting.clear()
        for _ in self._threads:
            self._queue.put(_Task(-(1 << 30), next(self._numbers)))
        end = time.monotonic() + wait_ms / 1000
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (task := self._queue.get()).work is not None:
            if task.ticket in self._waiting:
                answer = self._answer(task.work)
                if not self._closed:
                    self._answered.emit(task.ticket, answer)
                del answer
            del task

    @staticmethod
    def _answer(work: Callable[[], object]) -> object:
        try:
            return work()
        except PetVisionError as error:
            return error
        except Exception:  # noqa: BLE001 - anything else is a bug: it goes to the crash report
            return _Bug(traceback.format_exc())

    @Slot(int, object)
    def _hand_over(self, ticket: int, answer: object) -> None:
        then, failed = self._waiting.pop(ticket, (None, None))
        if then is None or failed is None:
            return
        if isinstance(answer, _Bug):
            self.crashed.emit(answer.report)
            failed(InputError("fault"))
        elif isinstance(answer, PetVisionError):
            failed(answer)
        else:
            then(answer)


@dataclass(frozen=True, slots=True)
class _Bug:
    report: str
