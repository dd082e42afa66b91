"""Verbs and options of the command line, with the nearest name for a wrong one."""

from __future__ import annotations

import argparse
import difflib
import math
from argparse import Action, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast

from petvision.terminal import Terminal

DEFAULT_MODEL = "catdog-resnet101"
ENGINES = (
    "auto",
    "torch-fp32",
    "torch-bf16",
    "openvino-fp32",
    "openvino-bf16",
    "openvino-int8",
    "ncnn-fp32",
    "onnx-fp32",
)


class Parser(argparse.ArgumentParser):
    """The options of one verb; photos and options may be mixed in any order."""

    def __init__(self, prog: str, description: str):
        self.names: list[str] = []
        self.check: Callable[[Namespace], str] = lambda options: ""
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def add_argument(self, *names: Any, **how: Any) -> Action:
        """Add an argument and remember its name for hints."""
        action = super().add_argument(*names, **how)
        self.names.extend(action.option_strings)
        return action

    def read(self, arguments: Sequence[str]) -> Namespace:
        """Return the options; a wrong one ends the program with exit code 2."""
        options, rest = self.parse_known_intermixed_args(arguments)
        if rest:
            self.error(f"there is no option {rest[0]}.{_hint(rest[0], self.names)}")
        if fault := self.check(options):
            self.error(fault)
        return options

    def refuse(self, word: str, verbs: Iterable[str]) -> NoReturn:
        """Answer a word that is no verb: help, version, or the nearest verb (exit code 2)."""
        if word.startswith("-"):
            self.parse_known_args([word])  # --help and --version end here
            self.error(f"{word} comes after the verb, if at all.")
        self.error(f"there is no verb {word}.{_hint(word, verbs)}")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\nSee {self.prog} --help\n")


@dataclass(frozen=True, slots=True)
class Verb:
    """What comes after ``petvision``: its options, and the function that does the work."""

    summary: str
    options: Callable[[Parser], None]
    run: Callable[[Namespace, Terminal], int]


@dataclass(frozen=True, slots=True)
class Group:
    """A verb with verbs of its own, such as ``models list``."""

    summary: str
    verbs: Mapping[str, Verb | Group]


def choose(
    prog: str, group: Group, arguments: Sequence[str], version: str = ""
) -> tuple[Verb, Namespace]:
    """Find the verb that the arguments name and read its options.

    Raises:
        SystemExit: after help or version (0), or with the nearest name for a wrong word (2).
    """
    parser = _group_parser(prog, group, version)
    if not arguments:
        parser.print_help()
        parser.exit(2)
    word, rest = arguments[0], arguments[1:]
    if word not in group.verbs:
        parser.refuse(word, group.verbs)
    chosen = group.verbs[word]
    if isinstance(chosen, Group):
        return choose(f"{prog} {word}", chosen, rest)
    own = Parser(f"{prog} {word}", chosen.summary)
    chosen.options(own)
    return chosen, own.read(rest)


def _group_parser(prog: str, group: Group, version: str) -> Parser:
    parser = Parser(prog, group.summary)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = f"{prog} VERB …"
    width = max(map(len, group.verbs)) + 2
    verbs = [f"  {name:{width}}{verb.summary}" for name, verb in group.verbs.items()]
    parser.epilog = "\n".join(["verbs:", *verbs, "", f"{prog} VERB --help tells more of each."])
    if version:
        parser.add_argument("--version", action="version", version=f"petvision {version}")
    return parser


def plain(parser: Parser) -> None:
    """Add what every verb understands."""
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    parser.add_argument("--quiet", action="store_true", help="no words and bars, only errors")


def computing(parser: Parser, engine: str = "auto") -> None:
    """Add what every verb that uses a model understands."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="where torch computes (%(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=engine,
        metavar="ENGINE",
        help=f"who computes: {', '.join(ENGINES)}; auto is the fastest without int8 (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (%(default)s)")
    plain(parser)


def naming(parser: Parser) -> None:
    """Add what the classes of a model file without a card are called."""
    parser.add_argument(
        "--classes",
        default="",
        metavar="FILE|NAMES",
        help="what the classes are called, for a file of weights only (.pth): a text file with a "
        "name a line, or names with commas between",
    )


def judging(parser: Parser, photos: Literal["+", "*"] = "+") -> None:
    """Add photos (``*``: perhaps none) and how strange one may be."""
    parser.add_argument(
        "inputs",
        nargs=photos,
        metavar="INPUT",
        help="a photo, a folder of photos, a URL, a glob, or - for a list on standard input",
    )
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        default=DEFAULT_MODEL,
        help="a name of 'petvision models list', or a model file (%(default)s)",
    )
    parser.add_argument("--recursive", action="store_true", help="folders within folders too")
    parser.add_argument(
        "--unknown",
        type=threshold,
        default="auto",
        metavar="auto|off|VALUE",
        help="when to say unknown: the model's own threshold, never, or over this score",
    )
    naming(parser)
    computing(parser)


def threshold(text: str) -> float | Literal["auto", "off"]:
    """Read ``--unknown``.

    Raises:
        argparse.ArgumentTypeError: when it is no word of the two and no number.
    """
    if text in ("auto", "off"):
        return cast(Literal["auto", "off"], text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise argparse.ArgumentTypeError(f"must be auto, off or a number, not {text}")
    return value


def _hint(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.split("=")[0], list(known), 1, 0.5)
    return f" Did you mean {near[0]}?" if near else ""
