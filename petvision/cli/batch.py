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
from queue import Empty, Queue, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from petvision.cli.arguments import Parser, Verb, computing, naming, threshold
from petvision.cli.exits import INTERRUPTED, OK, SOME_FAILED
from petvision.cli.photos import opened
from petvision.terminal import Terminal, percent

if TYPE_CHECKING:
    from petvision.batch.file import Identity
    from petvision.batch.rows import Summary
    from petvision.batch.run import Order, Status
    from petvision.batch.scan import Inputs
    from petvision.batch.truth import Truths
    from petvision.events import Events


def _options(parser: Parser) -> None:
    """Add what to look at, where the run lives and how it is done."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="FOLDER|LIST|-",
        help="a folder, a photo or address, a text file with one of these a line (relative to "
        "the current folder), or - for such lines on standard input",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the run's folder")
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        default="catdog-resnet101",
        help="a name of 'petvision models list', or a model file (%(default)s)",
    )
    parser.add_argument(
        "--flat", action="store_true", help="only photos right in the folder, none below it"
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="names, paths or patterns (such as *_thumb.jpg) to leave out, one a line",
    )
    parser.add_argument(
        "--truth",
        metavar="folders|FILE.csv",
        help="what is on the photos: from their folders' names, or from a table",
    )
    parser.add_argument(
        "--unknown",
        type=threshold,
        default="auto",
        metavar="auto|off|VALUE",
        help="when to say unknown: the model's own threshold, never, or over this score",
    )
    parser.add_argument("--retry", action="store_true", help="try again what could not be read")
    parser.add_argument("--watch", action="store_true", help="go on with photos that appear later")
    parser.add_argument(
        "--orders",
        action="store_true",
        help='take orders as JSON lines from standard input: {"do": "pause"}, go, stop, or '
        "truth with items and label",
    )
    naming(parser)
    computing(parser)
    parser.check = _fault


def _fault(options: Namespace) -> str:
    if options.orders and "-" in options.inputs:
        return "--orders and - both want standard input"
    return ""


def _batch(options: Namespace, terminal: Terminal) -> int:
    folder = Path(os.path.abspath(options.out))  # noqa: PTH100 - no ".." left, and a link stays one
    status = _run(options, terminal, folder)
    summary = _summed_up(options, terminal, folder, status)
    if status.phase == "stopped":
        terminal.complain("interrupted; what was done is kept.")
        return INTERRUPTED
    if not summary.items:
        terminal.complain("there are no photos among these inputs.")
    return OK if summary.items and not summary.failed else SOME_FAILED


def _run(options: Namespace, terminal: Terminal, folder: Path) -> Status:
    from petvision.batch.file import identity_of
    from petvision.batch.run import Plan, make_folder, run

    make_folder(folder)
    _as_before(options, identity_of(folder))
    handle = opened(options)
    plan = Plan(
        inputs=_inputs(options, folder),
        unknown=options.unknown,
        truths=_truths(options, handle.card.classes),
        retry=options.retry,
        watching=options.watch,
    )
    orders: SimpleQueue[Order] = SimpleQueue()
    with _interruptible(orders):
        if options.orders:
            threading.Thread(target=_take_orders, args=(orders,), daemon=True).start()
        return _follow(run(handle, plan, folder, orders), options, terminal)


def _follow(job: Events[Status], options: Namespace, terminal: Terminal) -> Status:
    from petvision.events import Progress, Result

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


def _summed_up(options: Namespace, terminal: Terminal, folder: Path, status: Status) -> Summary:
    from petvision.batch.file import identity_of
    from petvision.batch.rows import summary_of

    summary = summary_of(folder)
    if options.json:
        terminal.data(json.dumps({"event": "summary", **asdict(summary)}))
        return summary
    known = identity_of(folder)
    terminal.table(list(_lines(summary, status, known.engine if known else "")))
    return summary


def _lines(summary: Summary, status: Status, engine: str) -> Iterator[tuple[str, ...]]:
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
    if status.fresh:
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
        lines=_lines_of_standard_input() if "-" in places else (),
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


def _take_orders(orders: SimpleQueue[Order]) -> None:
    """Pass the orders on that come in; at the end of standard input the run goes on alone."""
    from petvision.batch.run import Order

    for line in _raw_lines():
        try:
            order = json.loads(line)
            items = tuple(int(item) for item in order.get("items", ()))
            label = order.get("label")
            if order["do"] in ("pause", "go", "stop", "truth"):
                orders.put(Order(order["do"], items, label))
        except (ValueError, KeyError, TypeError, AttributeError):  # not an order: not ours to obey
            continue


def _lines_of_standard_input() -> Iterator[str | None]:
    """The lines as they come, None whenever there is none for a moment."""
    lines: Queue[str | None] = Queue(1000)

    def read() -> None:
        for line in _raw_lines():
            lines.put(os.fsdecode(line))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=0.2)
        except Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _raw_lines() -> Iterator[bytes]:
    """Lines of standard input, read beneath Python's own buffer.

    A thread that waits there would hold the buffer's lock when the program ends.
    """
    rest = b""
    while data := os.read(0, 1 << 16):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r")
    if rest:
        yield rest.rstrip(b"\r")


VERB = Verb("answer a folder of any size into a table", _options, _batch)
