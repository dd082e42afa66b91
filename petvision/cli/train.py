"""``petvision train``: a model from a YAML file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from petvision.cli.arguments import Parser, Verb, plain
from petvision.cli.exits import USAGE
from petvision.errors import InputError
from petvision.terminal import Terminal


def _options(parser: Parser) -> None:
    """Add a _options's configuration and what to do with it."""
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG.yaml")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="another value for a key, such as _options.epochs=3; may be repeated",
    )
    parser.add_argument("--resume", action="store_true", help="go on where the run stopped")
    parser.add_argument("--check", action="store_true", help="look at the data, do not train")
    parser.add_argument("--schema", action="store_true", help="print every key as JSON schema")
    plain(parser)
    parser.check = _has_config


def _has_config(options: Namespace) -> str:
    return "" if options.config or options.schema else "CONFIG.yaml is missing"


def _train(options: Namespace, terminal: Terminal) -> int:
    from training.cli import main as train

    try:
        return train(
            options.config,
            options.settings,
            resume=options.resume,
            check=options.check,
            schema=options.schema,
            as_json=options.json,
            quiet=options.quiet,
        )
    except InputError as error:  # the configuration or its data: not one photo of many
        terminal.complain(str(error))
        return USAGE


VERB = Verb("train a model from a YAML file", _options, _train)
