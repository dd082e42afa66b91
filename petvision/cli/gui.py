"""``petvision gui``: the window."""

from __future__ import annotations

from argparse import Namespace

from petvision.cli.arguments import Parser, Verb
from petvision.terminal import Terminal


def _options(parser: Parser) -> None:
    parser.add_argument("inputs", nargs="*", metavar="FILE|FOLDER|URL", help="what to open")


def _gui(options: Namespace, terminal: Terminal) -> int:
    from petvision.app.application import run

    return run(options.inputs)


VERB = Verb("open the window", _options, _gui)
