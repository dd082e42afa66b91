"""The pool that reads and decodes: order, cancel, errors, the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from petvision.app.pool import Pool
from petvision.errors import InputError, PetVisionError


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(threads=1)
    yield made
    assert made.close(5000)


def never(error: PetVisionError) -> None:
    raise AssertionError(error)


def test_answers_come_back_in_the_windows_thread(qtbot: Any, pool: Pool):
    worked: list[int] = []
    answered: list[int] = []
    pool.submit(
        lambda: worked.append(threading.get_ident()),
        lambda _: answered.append(threading.get_ident()),
        never,
    )
    qtbot.waitUntil(lambda: bool(answered))
    assert answered == [threading.get_ident()]
    assert worked != answered


def test_the_most_urgent_task_goes_first(qtbot: Any, pool: Pool):
    gate = threading.Event()
    answers: list[str] = []
    pool.submit(gate.wait, lambda _: None, never)
    for urgency, name in ((5, "later"), (1, "now"), (3, "soon")):
        pool.submit(lambda name=name: name, answers.append, never, urgency)
    gate.set()
    qtbot.waitUntil(lambda: len(answers) == 3)
    assert answers == ["now", "soon", "later"]


def test_a_cancelled_task_is_not_begun_and_its_answer_not_told(qtbot: Any, pool: Pool):
    gate = threading.Event()
    answers: list[str] = []
    running = pool.submit(lambda: gate.wait() and "running", answers.append, never)
    waiting = pool.submit(lambda: answers.append("begun"), answers.append, never)
    pool.cancel(running)
    pool.cancel(waiting)
    pool.submit(lambda: "last", answers.append, never)
    gate.set()
    qtbot.waitUntil(lambda: "last" in answers)
    assert answers == ["last"]


def test_an_error_of_the_world_goes_to_its_own_answer(qtbot: Any, pool: Pool):
    errors: list[PetVisionError] = []

    def failing() -> None:
        raise InputError("not_found", "tom.jpg", remedy="Was it moved?")

    pool.submit(failing, never, errors.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(errors))
    assert errors[0].code == "not_found"


def test_a_bug_is_reported_and_ends_its_task_with_an_error(qtbot: Any, pool: Pool):
    errors: list[PetVisionError] = []
    with qtbot.waitSignal(pool.crashed) as reported:
        pool.submit(lambda: 1 // 0, never, errors.append)  # type: ignore[arg-type, return-value]
    assert "ZeroDivisionError" in reported.args[0]
    assert [error.code for error in errors] == ["fault"]


def test_a_task_that_hangs_does_not_hold_the_end_up():
    gate = threading.Event()
    pool = Pool(threads=1)
    begun = threading.Event()
    pool.submit(lambda: begun.set() or gate.wait(), lambda _: None, never)
    assert begun.wait(5)
    assert not pool.close(10)
    gate.set()
    assert pool.close(5000)
