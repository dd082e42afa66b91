"""What every long job yields: progress, what it has so far, and its result.

A job is a generator of events, with no callback, no thread and no Qt inside. Each ``yield`` is a
place to stop or to let something more urgent run, so nothing temporary (a hook, a mode, a changed
weight) may be alive across one, and no step between two takes more than about 0.3 s.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units of work (``total`` 0: not known); ``words`` say which."""

    done: int
    total: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Partial(Generic[T]):
    """The result as far as it is known: worth showing, not worth keeping."""

    value: T


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """The final result; nothing follows it."""

    value: T


Event = Progress | Partial[T] | Result[T]
Events = Iterator[Progress | Partial[T] | Result[T]]


def through(events: Events[T]) -> Generator[Progress, None, T]:
    """Pass a job's progress on, for ``value = yield from``, and return its result.

    Raises:
        RuntimeError: when the job ends without a result (a bug in the job).
    """
    for event in events:
        if isinstance(event, Result):
            return event.value
        if isinstance(event, Progress):
            yield event
    raise RuntimeError("the job ended without a result")


def result_of(events: Events[T]) -> T:
    """Drive a job to its end and return its result.

    Raises:
        RuntimeError: when the job ends without a result (a bug in the job).
    """
    job = through(events)
    while True:
        try:
            next(job)
        except StopIteration as end:
            return cast(T, end.value)
