"""The compute lane: urgency, turns, the newest of a kind, cancel, errors, the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.errors import InputError
from petvision.events import Partial, Progress, Result


class Log:
    """What the lane said, and gates at which a job waits for the test."""

    def __init__(self, lane: ComputeLane) -> None:
        self.events: list[tuple[int, object]] = []
        lane.happened.connect(lambda ticket, event: self.events.append((ticket, event)))

    def of(self, ticket: int) -> list[object]:
        return [event for its, event in self.events if its == ticket]

    def ended(self, ticket: int) -> bool:
        return any(isinstance(event, (Result, Failed, Crashed)) for event in self.of(ticket))


@pytest.fixture
def lane() -> Iterator[ComputeLane]:
    made = ComputeLane()
    yield made
    made.close()
    assert made.wait(5000)


def count(total: int, seen: list[str], name: str) -> Iterator[Any]:
    for done in range(total):
        seen.append(name)
        yield Progress(done, total)
    yield Result(name)


def test_the_most_urgent_job_goes_first_and_the_others_are_parked(qtbot: Any, lane: ComputeLane):
    seen: list[str] = []
    log = Log(lane)
    slow = lane.submit(Job("slow", 9, lambda: count(3, seen, "slow")))
    fast = lane.submit(Job("fast", 1, lambda: count(3, seen, "fast")))
    lane.start()
    qtbot.waitUntil(lambda: log.ended(slow) and log.ended(fast))
    assert seen == ["fast"] * 3 + ["slow"] * 3


def test_jobs_of_equal_urgency_take_turns(qtbot: Any, lane: ComputeLane):
    seen: list[str] = []
    log = Log(lane)
    tickets = [
        lane.submit(Job(name, 5, lambda name=name: count(3, seen, name))) for name in ("a", "b")
    ]
    lane.start()
    qtbot.waitUntil(lambda: all(log.ended(ticket) for ticket in tickets))
    assert seen == ["a", "b"] * 3


def test_a_job_can_be_made_more_urgent_later(qtbot: Any, lane: ComputeLane):
    seen: list[str] = []
    log = Log(lane)
    first = lane.submit(Job("first", 5, lambda: count(2, seen, "first")))
    second = lane.submit(Job("second", 5, lambda: count(2, seen, "second")))
    lane.urge(second, 1)
    lane.start()
    qtbot.waitUntil(lambda: log.ended(first) and log.ended(second))
    assert seen == ["second", "second", "first", "first"]


def test_the_newest_job_of_a_kind_wins(qtbot: Any, lane: ComputeLane):
    seen: list[str] = []
    log = Log(lane)
    old = lane.submit(Job("predict", 1, lambda: count(1, seen, "old")))
    new = lane.submit(Job("predict", 1, lambda: count(1, seen, "new")))
    lane.start()
    qtbot.waitUntil(lambda: log.ended(new))
    assert seen == ["new"]
    assert log.of(old) == []


def test_cancelling_closes_the_generator_in_the_lanes_own_thread(qtbot: Any, lane: ComputeLane):
    closed_in: list[int] = []
    stepped = threading.Event()

    def endless() -> Iterator[Any]:
        try:
            while True:
                stepped.set()
                yield Partial("more")
        finally:
            closed_in.append(threading.get_ident())

    log = Log(lane)
    ticket = lane.submit(Job("endless", 1, endless))
    lane.start()
    assert stepped.wait(5)
    lane.cancel(ticket)
    qtbot.waitUntil(lambda: bool(closed_in))
    assert closed_in[0] != threading.get_ident()
    assert not log.ended(ticket)


def test_an_error_of_the_world_is_an_event_and_the_lane_goes_on(qtbot: Any, lane: ComputeLane):
    def failing() -> Iterator[Any]:
        yield Progress(0, 1)
        raise InputError("unreadable", "tom.jpg", reason="ends in the middle of the picture")

    log = Log(lane)
    bad = lane.submit(Job("bad", 1, failing))
    good = lane.submit(Job("good", 2, lambda: count(1, [], "good")))
    lane.start()
    qtbot.waitUntil(lambda: log.ended(bad) and log.ended(good))
    failure = log.of(bad)[-1]
    assert isinstance(failure, Failed)
    assert failure.error.code == "unreadable"
    assert isinstance(log.of(good)[-1], Result)


def test_a_bug_becomes_a_report_with_its_trace_and_the_lane_goes_on(qtbot: Any, lane: ComputeLane):
    def buggy() -> Iterator[Any]:
        yield Progress(0, 1)
        raise ZeroDivisionError("by hand")

    def empty() -> Iterator[Any]:
        yield from ()

    log = Log(lane)
    tickets = [lane.submit(Job(kind, 1, job)) for kind, job in (("x", buggy), ("y", empty))]
    lane.start()
    qtbot.waitUntil(lambda: all(log.ended(ticket) for ticket in tickets))
    reports = [log.of(ticket)[-1] for ticket in tickets]
    assert all(isinstance(report, Crashed) for report in reports)
    assert "by hand" in reports[0].report  # type: ignore[union-attr]
    assert "without a result" in reports[1].report  # type: ignore[union-attr]


def test_closing_in_the_middle_of_a_job_closes_it_and_ends_the_thread(qtbot: Any):
    lane = ComputeLane()
    closed = threading.Event()
    stepped = threading.Event()

    def endless() -> Iterator[Any]:
        try:
            while True:
                stepped.set()
                yield Progress(0, 0)
        finally:
            closed.set()

    lane.submit(Job("endless", 1, endless))
    lane.start()
    assert stepped.wait(5)
    lane.close()
    assert lane.wait(5000)
    assert closed.is_set()


def test_a_lane_whose_step_never_returns_does_not_hold_the_end_up(qtbot: Any):
    lane = ComputeLane(daemon=True)
    gate, begun = threading.Event(), threading.Event()

    def dead_drive() -> Iterator[Any]:
        begun.set()
        gate.wait()
        yield Result(None)

    lane.submit(Job("listing", 0, dead_drive))
    lane.start()
    assert begun.wait(5)
    lane.close()
    assert not lane.wait(10)
    gate.set()
    assert lane.wait(5000)
