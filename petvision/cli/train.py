"""``petvision train``: a model from a YAML file."""

from __future__ import annotations

import _thread
import contextlib
import json
import signal
import threading
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from petvision.cli.arguments import Parser, Verb, plain
from petvision.cli.exits import INTERRUPTED, OK, USAGE
from petvision.cli.standard_input import raw_lines
from petvision.errors import InputError, PetVisionError
from petvision.events import Partial, Progress, Result
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from training.check import Check
    from training.config import Config
    from training.finish import Finished
    from training.run import RunEvents

T = TypeVar("T")


def _options(parser: Parser) -> None:
    """Add a training's configuration and what to do with it."""
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="another value for a key, such as training.epochs=3; may be repeated",
    )
    parser.add_argument("--resume", action="store_true", help="go on where the run stopped")
    parser.add_argument(
        "--finish",
        action="store_true",
        help="train no further: make the model of a stopped run's best epoch",
    )
    parser.add_argument(
        "--orders",
        action="store_true",
        help='stop when {"do": "stop"} comes as a line of standard input, as with Ctrl-C',
    )
    parser.add_argument("--check", action="store_true", help="look at the data, do not train")
    parser.add_argument("--schema", action="store_true", help="print every key as JSON schema")
    plain(parser)
    parser.check = _has_config


def _has_config(options: Namespace) -> str:
    return "" if options.config or options.schema else "CONFIG.yaml is missing"


def _train(options: Namespace, terminal: Terminal) -> int:
    if options.schema:
        from training.config import Config

        terminal.data(json.dumps(Config.model_json_schema(), indent=1))
        return OK
    # A polite kill is the same as Ctrl-C.
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.orders:
        threading.Thread(target=_take_orders, daemon=True).start()
    try:
        return _do(options, terminal)
    except PetVisionError as error:
        if options.json:
            line = {"event": "error", "code": error.code, "message": str(error)}
            terminal.data(json.dumps(line))
        if isinstance(error, InputError):  # the configuration or its data: not one photo of many
            terminal.complain(str(error))
            return USAGE
        raise
    finally:
        signal.signal(signal.SIGTERM, former)


def _take_orders() -> None:
    """Wait for the order to stop; at the end of standard input the run goes on alone."""
    for line in raw_lines():
        with contextlib.suppress(ValueError):  # not an order: not ours to obey
            if json.loads(line) == {"do": "stop"}:
                # Not SIGINT: what a script starts in the background ignores that one.
                _thread.interrupt_main(signal.SIGTERM)
                return


def _do(options: Namespace, terminal: Terminal) -> int:
    from training.check import check
    from training.parallel import team
    from training.run import run
    from training.settings import load_config

    config = load_config(options.config, options.settings)
    if options.check:
        looked = terminal.follow(_printed(check(config), options.json, terminal), "photo")
        _tell_check(looked, options.json, terminal)
        return OK
    with team(config.device) as ours:
        resume = options.resume or options.finish
        events = run(config, resume=resume, ending=options.finish, team=ours)
        if not ours.leads:
            for _ in events:
                pass
            return OK
        return _follow(events, config, options.json, terminal)


def _follow(events: RunEvents, config: Config, as_json: bool, terminal: Terminal) -> int:
    from training.run import summary

    try:
        finished = terminal.follow(_printed(events, as_json, terminal), "batch")
    except KeyboardInterrupt:
        if (config.out / "checkpoints" / "best.pt").exists():
            terminal.complain(
                f"stopped; the best epoch so far is kept in {config.out}. "
                "Add --resume to go on, or --finish to make the model of it."
            )
        else:
            terminal.complain("stopped before the first epoch; --resume begins it again.")
        return INTERRUPTED
    if as_json:
        terminal.data(json.dumps(summary(finished)))
    else:
        _tell_finished(finished, terminal)
    return OK


def _printed(
    events: Iterator[Progress | Partial[Any] | Result[T]], as_json: bool, terminal: Terminal
) -> Iterator[Progress | Partial[Any] | Result[T]]:
    """The events, each told on its way: as a JSON line, or the epochs in words."""
    from training.happenings import line_of, words_of

    try:
        for event in events:
            if as_json and not isinstance(event, Result):
                told = event.value if isinstance(event, Partial) else event
                terminal.data(json.dumps(line_of(told)))
            elif isinstance(event, Partial) and (words := words_of(event.value)):
                terminal.say(words)
            yield event
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


def _tell_check(looked: Check, as_json: bool, terminal: Terminal) -> None:
    if as_json:
        terminal.data(json.dumps(looked.as_json()))
        return
    for part, by_class in looked.counts.items():
        some = list(by_class.items())[:12]
        more = f" and {len(by_class) - 12} more classes" if len(by_class) > 12 else ""
        counts = ", ".join(f"{n} {name}" for name, n in some)
        terminal.data(f"{part}: {sum(by_class.values()):,} photos: {counts}{more}")
    terminal.data(f"left out: {len(looked.left_out)}")
    for name, why in looked.left_out:
        terminal.data(f"  {name}: {why}")
    for sentence in looked.warnings:
        terminal.say(sentence)
    terminal.say(f"A batch as the network sees it: {looked.batch}")


def _tell_finished(finished: Finished, terminal: Terminal) -> None:
    for part, m in finished.card.metrics.items():
        terminal.data(
            f"{part}: accuracy {m.accuracy:.4f}, ROC-AUC {m.roc_auc or 0:.5f}, "
            f"loss {m.loss or 0:.4f}"
        )
    terminal.data(str(finished.path))


VERB = Verb("train a model from a YAML file", _options, _train)
