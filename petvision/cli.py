"""The command line: one function a verb, which parses, calls one room and prints.

Every room is imported inside its verb, so that ``petvision --help`` needs neither torch nor Qt.
Exit codes: 0 all well, 1 some inputs failed, 2 wrong usage or configuration, 3 model cannot be
used, 4 output cannot be written, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from petvision import __version__
from petvision.arguments import Group, Parser, Verb, choose, judging
from petvision.errors import (
    Cancelled,
    ConfigError,
    InputError,
    ModelError,
    OutputError,
    PetVisionError,
)
from petvision.terminal import BOLD, YELLOW, Terminal, percent, write_any_text

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.models.handle import ModelHandle
    from petvision.models.results import Prediction

OK, SOME_FAILED, USAGE, NO_MODEL, NO_OUTPUT, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES: dict[type[PetVisionError], int] = {
    InputError: SOME_FAILED,
    ConfigError: USAGE,
    ModelError: NO_MODEL,
    OutputError: NO_OUTPUT,
    Cancelled: INTERRUPTED,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``petvision`` and return its exit code; ``arguments`` default to the program's own."""
    write_any_text()
    terminal = Terminal()
    try:
        words = sys.argv[1:] if arguments is None else arguments
        verb, options = choose("petvision", PROGRAM, words, __version__)
        terminal.quiet = getattr(options, "quiet", False)
        return verb.run(options, terminal)
    except SystemExit as end:  # argparse: help, version, wrong usage
        return end.code if isinstance(end.code, int) else USAGE
    except PetVisionError as error:
        terminal.complain(str(error))
        return EXIT_CODES[type(error)]
    except KeyboardInterrupt:
        terminal.complain("interrupted; what was done is kept.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader has had enough, as in "petvision predict … | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def gui_main() -> int:
    """Run ``petvision-gui``: open the window with the photos it is given."""
    return main(["gui", *sys.argv[1:]])


def _open(options: Namespace) -> ModelHandle:
    from petvision.models.handle import open_model

    return open_model(options.model, engine=options.engine, device=options.device)


def _sources(options: Namespace) -> tuple[Iterable[Source], int | None]:
    """The photos asked for and, unless standard input goes on naming them, how many there are."""
    from petvision.images.inputs import expand

    sources = expand(options.inputs, recursive=options.recursive)
    if "-" in options.inputs:
        return sources, None
    listed = list(sources)
    return listed, len(listed)


def _outcome(done: int, failed: int, terminal: Terminal) -> int:
    if done == 0:
        terminal.complain("there are no photos among these inputs.")
    elif failed and done > 1:
        terminal.say(f"{failed} of {done} inputs failed; the others are done.")
    return SOME_FAILED if failed or not done else OK


# --- predict ----------------------------------------------------------------------------------


def _predict(options: Namespace, terminal: Terminal) -> int:
    from petvision.models.stream import answers
    from petvision.reports.prediction import error_json, prediction_json

    handle = _open(options)
    sources, total = _sources(options)
    done = failed = 0
    with terminal.bar("photo", total) as bar:
        for answer in answers(handle, sources, unknown=options.unknown):
            done += 1
            bar.update(1)
            if answer.prediction is not None and options.json:
                terminal.data(prediction_json(answer.source, answer.prediction))
            elif answer.prediction is not None:
                terminal.data(_in_words(answer.source, answer.prediction, terminal))
            else:
                failed += 1
                if options.json:
                    terminal.data(error_json(answer.source, answer.error))
                else:
                    terminal.complain(str(answer.error))
    return _outcome(done, failed, terminal)


def _in_words(source: Source, prediction: Prediction, terminal: Terminal) -> str:
    best = f"{prediction.best_class}, {percent(prediction.confidence)}"
    if not prediction.unknown:
        return f"{source.label}: {terminal.paint(best, BOLD)}"
    reason = (
        f"it is unlike the photos the model knows (strangeness {prediction.unknown_score:.2f}, "
        f"where {prediction.unknown_threshold:.2f} is the most); the nearest class is {best}"
    )
    return f"{source.label}: {terminal.paint('unknown', YELLOW)}: {reason}"


def _gui(options: Namespace, terminal: Terminal) -> int:
    from petvision.app.application import run

    return run(options.inputs)


def _gui_options(parser: Parser) -> None:
    parser.add_argument("inputs", nargs="*", metavar="FILE|FOLDER|URL", help="what to open")


PROGRAM = Group(
    'Drop a photo: cat, dog or "I don\'t know", and why.',
    {
        "predict": Verb("say what is on photos", judging, _predict),
        "gui": Verb("open the window", _gui_options, _gui),
    },
)
