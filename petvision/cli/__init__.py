"""The command line: one file a verb, which parses, calls one room and prints.

Every room is imported inside its verb, so that ``petvision --help`` needs neither torch nor Qt.
Exit codes: 0 all well, 1 some inputs failed, 2 wrong usage or configuration, 3 model cannot be
used, 4 output cannot be written, 130 interrupted; 70 a bug of PetVision, with its report.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from petvision import __version__
from petvision.cli import (
    batch,
    evaluate,
    explain,
    export,
    gui,
    models,
    neurons,
    predict,
    selftest,
    serve,
    train,
)
from petvision.cli.arguments import Group, choose
from petvision.cli.exits import BUG, EXIT_CODES, INTERRUPTED, OK, USAGE
from petvision.errors import PetVisionError
from petvision.terminal import Terminal, crash_report, write_any_text

PROGRAM = Group(
    'Drop a photo: cat, dog or "I don\'t know", and why.',
    {
        "predict": predict.VERB,
        "explain": explain.VERB,
        "neurons": neurons.VERB,
        "batch": batch.VERB,
        "train": train.VERB,
        "evaluate": evaluate.VERB,
        "models": models.VERBS,
        "export": export.VERB,
        "serve": serve.VERB,
        "selftest": selftest.VERB,
        "gui": gui.VERB,
    },
)


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
    except Exception as bug:  # noqa: BLE001 - ours, not the world's: a report, never a trace
        terminal.complain(f"this is a fault of PetVision's own ({bug!r}). {crash_report(bug)}")
        return BUG


def gui_main() -> int:
    """Run ``petvision-gui``: open the window with the photos it is given."""
    return main(["gui", *sys.argv[1:]])
