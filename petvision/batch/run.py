"""The run: photos are found, answered and kept, all at the same time.

A job as in ``petvision.events``. Memory does not grow with the number of photos: what is found
goes through the pipeline of ``models.stream`` and from there into the store, some at a time.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal, cast

from petvision.batch.file import Identity
from petvision.batch.scan import Found, Inputs, count, scan, watch
from petvision.batch.store import Outcome, Store
from petvision.batch.truth import Truths
from petvision.errors import OutputError
from petvision.events import Partial, Result
from petvision.images.inputs import shown
from petvision.images.types import Source
from petvision.lock import FolderLock
from petvision.models.engine import for_many
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown, threshold_of
from petvision.models.stream import MANY, Answer, answers

SLICE_S = 0.2  # the longest that finding the next photo may take without an event
COUNT_S = 0.01  # spent on counting the inputs each time some answers are kept
KEEP_S, KEEP = 0.25, 64  # answers are kept after so many seconds, or so many answers
RATE_S = 30.0  # the rate is of the last so many seconds
LOOK_S = 0.2  # how often a paused run looks for orders

Phase = Literal["running", "paused", "watching", "stopped", "finished"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants of a run at work.

    ``truth`` sets ``label`` (None: takes it back) on ``items``, the store's numbers.
    """

    what: Literal["pause", "go", "stop", "truth"]
    items: tuple[int, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is done.

    ``batch`` pictures are computed at a time (None: the pipeline's own number). ``retry`` tries
    again what could not be read. ``watching`` goes on with what appears later.
    """

    inputs: Inputs
    unknown: Unknown = "auto"
    truths: Truths | None = None
    batch: int | None = None
    retry: bool = False
    watching: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is.

    ``done`` photos are settled, of ``total`` (None: not known yet); ``fresh`` of them by this run,
    ``failed`` of these could not be read, and ``again`` of these were computed a second time, on
    the reference engine. ``rate`` is photos a second, ``eta_s`` the seconds left where that can
    be told.
    """

    phase: Phase
    done: int
    total: int | None
    fresh: int
    failed: int
    again: int
    seconds: float
    rate: float
    eta_s: float | None


@dataclass(slots=True)
class _Feed:
    """The photos to do, for the pipeline; it ends whenever there is nothing just now.

    ``waiting`` are those in the pipeline, in order. ``over`` says that there will be no more.
    It also ends once, after ``MANY``, for the engine to be made ready for many.
    """

    found: Iterator[Found | None]
    store: Store
    retry: bool
    settled: int = 0
    given: int = 0
    over: bool = False
    waiting: deque[Found] = field(default_factory=deque)

    def __iter__(self) -> Iterator[Source]:
        return self

    def __next__(self) -> Source:
        if self.given == MANY:
            self.given += 1
            raise StopIteration
        until = time.monotonic() + SLICE_S
        for found in self.found:
            if found is None:
                raise StopIteration
            inside = any(found.key == other.key for other in self.waiting)
            if not inside and not self.store.settled(found, retry=self.retry):
                self.waiting.append(found)
                self.given += 1
                return found.source
            self.settled += 1
            if time.monotonic() > until:
                raise StopIteration
        self.over = True
        raise StopIteration


class Run:
    """One run into a store; ``orders`` may be put in from any thread."""

    def __init__(
        self,
        handle: ModelHandle,
        plan: Plan,
        store: Store,
        orders: SimpleQueue[Order] | None = None,
    ) -> None:
        self._handle = handle
        self._plan = plan
        self._store = store
        self._counting: Iterator[int] = iter(()) if plan.watching else count(plan.inputs)
        self._counted: int | None = None
        self._total: int | None = None
        self._settled = self._fresh = self._failed = self._again = 0
        self._phase: Phase = "running"
        self._start = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._start, 0)])
        self.orders: SimpleQueue[Order] = SimpleQueue() if orders is None else orders

    def events(self) -> Iterator[Partial[Status] | Result[Status]]:
        """Do it: ``Partial`` whenever something was kept, ``Result`` at the end or when stopped.

        Closing the generator keeps what was answered.

        Raises:
            OutputError: when the store cannot be written or belongs to another run.
        """
        plan = self._plan
        self._store.begin(identity(self._handle, plan.unknown), plan.inputs.places)
        yield Partial(self.status())
        yield from self._tell_truths()
        found = watch(plan.inputs) if plan.watching else scan(plan.inputs)
        feed = _Feed(found, self._store, plan.retry)
        while not feed.over and self._phase != "stopped":
            before = self._fresh
            yield from self._segment(feed)
            if before < MANY <= self._fresh:
                self._handle = for_many(self._handle)
            if self._phase == "running" and plan.watching and self._fresh == before:
                self._phase = "watching"
            yield Partial(self.status())
            yield from self._obey()
        if self._phase != "stopped":
            self._phase = "finished"
            self._store.finish()
        yield Result(self.status())

    def status(self) -> Status:
        """How far it is now."""
        now = time.monotonic()
        self._recent.append((now, self._fresh))
        while len(self._recent) > 2 and now - self._recent[1][0] > RATE_S:
            self._recent.popleft()
        then, before = self._recent[0]
        rate = (self._fresh - before) / max(now - then, 1e-3)
        done = self._settled + self._fresh
        left = None if self._total is None else max(0, self._total - done)
        return Status(
            phase=self._phase,
            done=done,
            total=self._total,
            fresh=self._fresh,
            failed=self._failed,
            again=self._again,
            seconds=now - self._start,
            rate=rate,
            eta_s=left / rate if left is not None and rate > 0 else None,
        )

    def _segment(self, feed: _Feed) -> Iterator[Partial[Status]]:
        """Answer what is found until there is nothing just now, or the run is stopped."""
        kept: list[Outcome] = []
        size = {} if self._plan.batch is None else {"batch": self._plan.batch}
        last = time.monotonic()
        answered = answers(self._handle, feed, unknown=self._plan.unknown, **size)
        with closing(cast(Generator[Answer, None, None], answered)) as stream:
            try:
                for answer in stream:
                    kept.append(self._outcome(feed.waiting.popleft(), answer))
                    if len(kept) < KEEP and time.monotonic() - last < KEEP_S:
                        continue
                    self._keep(kept, feed)
                    yield Partial(self.status())
                    yield from self._obey()
                    if self._phase == "stopped":
                        return
                    last = time.monotonic()
            finally:
                self._keep(kept, feed)

    def _outcome(self, found: Found, answer: Answer) -> Outcome:
        truths = self._plan.truths
        if truths is None:
            return Outcome(found, answer.prediction, answer.error)
        truth = truths.of(found.key)
        return Outcome(found, answer.prediction, answer.error, truth, truths.made_by)

    def _keep(self, kept: list[Outcome], feed: _Feed) -> None:
        self._store.write(kept)
        self._settled = feed.settled
        self._fresh += len(kept)
        self._failed += sum(outcome.error is not None for outcome in kept)
        self._again += sum(o.prediction is not None and o.prediction.rechecked for o in kept)
        kept.clear()
        self._count()
        if self._phase == "watching":
            self._phase = "running"

    def _count(self) -> None:
        """Count some more of the inputs, a little at a time."""
        until = time.monotonic() + COUNT_S
        while self._total is None and time.monotonic() < until:
            counted = next(self._counting, None)
            if counted is not None:
                self._counted = counted
            elif "-" in self._plan.inputs.places or self._counted is None:
                return
            else:
                self._total = self._counted

    def _obey(self) -> Iterator[Partial[Status]]:
        """Do what was ordered; while paused, wait for what comes next."""
        while self._phase != "stopped":
            try:
                paused = self._phase == "paused"
                order = self.orders.get(timeout=LOOK_S) if paused else self.orders.get_nowait()
            except Empty:
                if self._phase != "paused":
                    return
                yield Partial(self.status())
                continue
            if order.what == "truth":
                self._store.set_truth(order.items, order.label)
            else:
                phases: dict[str, Phase] = {"pause": "paused", "go": "running", "stop": "stopped"}
                self._phase = phases[order.what]
            yield Partial(self.status())

    def _tell_truths(self) -> Iterator[Partial[Status]]:
        """Set the truths of what was answered in an earlier run."""
        truths = self._plan.truths
        if truths is None:
            return
        for keys in self._store.known_keys():
            known = ((number, truths.of(key)) for number, key in keys)
            told = [(number, truth) for number, truth in known if truth is not None]
            self._store.set_truths(told, truths.made_by)
            yield Partial(self.status())


def run(
    handle: ModelHandle, plan: Plan, folder: Path, orders: SimpleQueue[Order] | None = None
) -> Iterator[Partial[Status] | Result[Status]]:
    """Run into the store of a folder, which is made where it is not there yet.

    Raises:
        OutputError: when the folder cannot be written, another run is at work in it, or its store
            belongs to another run.
    """
    make_folder(folder)
    lock = FolderLock(folder)
    try:
        with closing(Store(folder)) as store:
            yield from Run(handle, plan, store, orders).events()
    finally:
        lock.release()


def make_folder(folder: Path) -> None:
    """Make a run's folder where it is not there yet.

    Raises:
        OutputError: when it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        remedy = "Name a folder for the run."
        raise OutputError("exists", shown(str(folder)), remedy=remedy) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError("read_only", shown(str(folder)), reason=reason) from error


def identity(handle: ModelHandle, unknown: Unknown) -> Identity:
    """What a store of this model's answers belongs to."""
    return Identity(
        model=handle.card.name,
        model_sha256=handle.sha256,
        engine=handle.engine.name,
        preprocessing=json.dumps(asdict(handle.spec), sort_keys=True),
        threshold=threshold_of(handle, unknown),
        classes=tuple(handle.card.classes),
    )
