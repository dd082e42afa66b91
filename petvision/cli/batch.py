"""``petvision batch``: a folder of any size becomes a table."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from petvision.cli.arguments import Verb
from petvision.cli.batch_options import add_options
from petvision.cli.exits import INTERRUPTED, OK, SOME_FAILED
from petvision.cli.photos import opened
from petvision.cli.standard_input import lines, take_orders
from petvision.events import Progress, Result
from petvision.terminal import Terminal, percent

if TYPE_CHECKING:
    from petvision.batch.file import Identity
    from petvision.batch.rows import Summary
    from petvision.batch.run import Order, Status
    from petvision.batch.scan import Inputs
    from petvision.batch.truth import Truths
    from petvision.events import Events
    from petvision.models.handle import ModelHandle


T = TypeVar("T")


def _batch(options: Namespace, terminal: Terminal) -> int:
    if options.undo is not None:
        return _undo(options, terminal)
    folder = Path(os.path.abspath(options.out))  # noqa: PTH100 - no ".." left, and a link stays one
    status = _run(options, terminal, folder) if options.inputs else None
    if options.explain and not (status is not None and status.phase == "stopped"):
        _explain(options, terminal, folder)
    for file in _written(options, terminal, folder):
        terminal.say(f"wrote {file}")
    summary = _summed_up(options, terminal, folder, status)
    failed = options.sort_into is not None and _sort(options, terminal, folder)
    if status is not None and status.phase == "stopped":
        terminal.complain("interrupted; what was done is kept.")
        return INTERRUPTED
    if not summary.items:
        terminal.complain("there are no photos among these inputs.")
    return OK if summary.items and not summary.failed and not failed else SOME_FAILED


def _run(options: Namespace, terminal: Terminal, folder: Path) -> Status | None:
    from petvision.batch.file import identity_of
    from petvision.batch.outputs.registry import check
    from petvision.batch.run import Plan, make_folder, run

    check(options.write)
    make_folder(folder)
    _as_before(options, identity_of(folder))
    inputs = _inputs(options, folder)
    handle = opened(options)
    _tell_cost(handle, options, terminal)
    plan = Plan(
        inputs=inputs,
        unknown=options.unknown,
        truths=_truths(options, handle.card.classes),
        retry=options.retry,
        watching=options.watch,
    )
    if options.cluster:
        from petvision.batch.cluster import run_on_cluster

        job = run_on_cluster(handle, str(options.model), plan, folder, options.cluster)
        _told_progress(job, options, terminal)
        return None
    orders: SimpleQueue[Order] = SimpleQueue()
    with _interruptible(orders):
        if options.orders:
            threading.Thread(target=take_orders, args=(orders,), daemon=True).start()
        return _follow(run(handle, plan, folder, orders), options, terminal)


def _tell_cost(handle: ModelHandle, options: Namespace, terminal: Terminal) -> None:
    """An 8-bit engine is no match for the reference: say what it costs."""
    from petvision.models.engine import INT8
    from petvision.models.int8 import cost_of

    cost = cost_of(handle) if handle.engine.name == INT8 else None
    if cost is not None and options.json:
        terminal.data(json.dumps({"event": "cost", **asdict(cost)}))
    elif cost is not None:
        terminal.say(cost.words)


def _follow(job: Events[Status], options: Namespace, terminal: Terminal) -> Status:
    with terminal.bar("photo") as bar:
        done = 0
        for event in job:
            if isinstance(event, Progress):
                continue
            status = event.value
            bar.total = status.total  # type: ignore[attr-defined]
            bar.update(status.done - done)
            done = status.done
            if options.json:
                terminal.data(json.dumps({"event": "status", **asdict(status)}))
            if isinstance(event, Result):
                return status
    raise RuntimeError("the run ended without a result")


def _explain(options: Namespace, terminal: Terminal, folder: Path) -> None:
    """Explain photos, and ring where a class has its heat in one place."""
    from petvision.batch.explain import explain_many
    from petvision.batch.file import identity_of
    from petvision.batch.mean import shortcuts
    from petvision.models.handle import open_model

    _as_before(options, identity_of(folder))
    handle = open_model(options.model, engine=options.engine, device=options.device)
    job = explain_many(handle, folder, options.explain, options.items, trust=options.trust)
    done = _told_progress(job, options, terminal)
    for _, error in done.failed:
        terminal.complain(str(error))
    terminal.say(f"{done.done:,} explained, {done.before:,} were before")
    for found in shortcuts(folder):
        if options.json:
            figures = {"share": found.share, "chance": found.chance, "photos": found.photos}
            said = {"event": "shortcut", "target": found.target, "region": found.region.name}
            terminal.data(json.dumps(said | figures))
        terminal.complain(f"shortcut? {found.sentence}")


def _told_progress(job: Events[T], options: Namespace, terminal: Terminal) -> T:
    """Follow a job under a bar or, as JSON, with an event for each step."""
    if not options.json:
        return terminal.follow(job, "photo")
    for event in job:
        if isinstance(event, Result):
            return event.value
        if isinstance(event, Progress) and event.total:
            said = {"event": "progress", "done": event.done, "total": event.total}
            terminal.data(json.dumps(said | {"words": event.words}))
    raise RuntimeError("the job ended without a result")


def _written(options: Namespace, terminal: Terminal, folder: Path) -> tuple[Path, ...]:
    from petvision.batch.outputs.registry import write

    if not options.write:
        return ()
    return _told_progress(write(folder, options.write), options, terminal)


def _sort(options: Namespace, terminal: Terminal, folder: Path) -> bool:
    """Sort the photos; True when some could not be put anywhere."""
    from petvision.batch.sort import sort_into
    from petvision.images.inputs import shown

    target, how = options.sort_into, options.by
    job = sort_into(folder, target, how, only=options.items, dry=options.dry_run)
    done = _told_progress(job, options, terminal)
    if options.json:
        said = {"event": "sorted", "counts": done.counts, "renamed": done.renamed}
        said |= {"failed": [str(error) for error in done.failed], "undo": str(done.undo or "")}
        terminal.data(json.dumps(said))
        return bool(done.failed)
    for step in done.steps:
        terminal.data(f"{shown(str(step.source))} -> {shown(str(step.target))}")
    for error in done.failed:
        terminal.complain(str(error))
    for label, count in done.counts.items():
        verb = "would go" if options.dry_run else "went"
        terminal.say(f"{count:,} {verb} into {options.sort_into / label}")
    if done.undo is not None:
        terminal.say(f"petvision batch --undo {shown(str(done.undo))} takes it back")
    return bool(done.failed)


def _undo(options: Namespace, terminal: Terminal) -> int:
    from petvision.batch.sort import undo

    done = _told_progress(undo(options.undo), options, terminal)
    if options.json:
        terminal.data(json.dumps({"event": "undone", "removed": done.removed, "kept": done.kept}))
    else:
        for place in done.kept:
            terminal.complain(f"{place} was changed since and stays.")
        terminal.say(f"{done.removed:,} taken back")
    return SOME_FAILED if done.kept else OK


def _summed_up(
    options: Namespace, terminal: Terminal, folder: Path, status: Status | None
) -> Summary:
    from petvision.batch.file import identity_of
    from petvision.batch.rows import summary_of

    summary = summary_of(folder)
    if options.json:
        terminal.data(json.dumps({"event": "summary", **asdict(summary)}))
        return summary
    known = identity_of(folder)
    terminal.table(list(_lines(summary, status, known.engine if known else "")))
    return summary


def _lines(summary: Summary, status: Status | None, engine: str) -> Iterator[tuple[str, ...]]:
    yield "photos", f"{summary.items:,}"
    for label, count in summary.labels.items():
        yield label, f"{count:,}"
    if summary.failed:
        yield "not readable", f"{summary.failed:,}"
    if summary.accuracy is not None and summary.interval is not None:
        low, high = summary.interval
        yield "accuracy", f"{summary.accuracy:.4f}", f"{low:.4f} to {high:.4f}"
    if summary.neither_refused is not None:
        yield "neither", f"{summary.neither:,}", f"{percent(summary.neither_refused)} refused"
    if status is not None and status.fresh:
        yield "took", f"{status.seconds:,.1f} s", f"{status.fresh / status.seconds:,.1f} a second"
    again = f"{summary.again:,} of them on the reference" if summary.again else ""
    yield "engine", engine, again


def _as_before(options: Namespace, before: Identity | None) -> None:
    """A run that goes on keeps its engine and its threshold unless others are named."""
    if before is None:
        return
    if options.engine == "auto":
        options.engine = before.engine
    if options.unknown == "auto":
        options.unknown = "off" if before.threshold is None else before.threshold


def _inputs(options: Namespace, folder: Path) -> Inputs:
    from petvision.batch.scan import Inputs, read_patterns

    places = tuple(p if "://" in p or p == "-" else os.path.abspath(p) for p in options.inputs)  # noqa: PTH100
    return Inputs(
        places=places,
        lines=lines() if "-" in places else (),
        recursive=not options.flat,
        skip=tuple(pattern for file in options.skip for pattern in read_patterns(file)),
        avoid=(str(folder),),
    )


def _truths(options: Namespace, classes: tuple[str, ...]) -> Truths | None:
    from petvision.batch.truth import Truths, read_table

    if options.truth is None:
        return None
    roots = tuple(os.path.abspath(p) for p in options.inputs if "://" not in p and p != "-")  # noqa: PTH100
    if options.truth == "folders":
        return Truths(classes, roots=roots)
    return read_table(Path(options.truth), classes, roots)


@contextlib.contextmanager
def _interruptible(orders: SimpleQueue[Order]) -> Iterator[None]:
    """Ctrl-C and a polite kill stop the run after its batch; a second one at once."""
    from petvision.batch.run import Order

    def stop(number: int, frame: FrameType | None) -> None:
        orders.put(Order("stop"))
        signal.signal(number, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [signal.SIGINT, signal.SIGTERM]
    before = {name: signal.getsignal(name) for name in names}
    for name in names:
        if before[name] is not signal.SIG_IGN:
            signal.signal(name, stop)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


VERB = Verb("answer a folder of any size into a table", add_options, _batch)
