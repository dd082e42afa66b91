"""The options of ``petvision batch``: what to look at, where the run lives, what is made of it."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path

from petvision.cli.arguments import Parser, computing, naming, threshold


def add_options(parser: Parser) -> None:
    """Add what to look at, where the run lives and how it is done."""
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="FOLDER|LIST|-",
        help="a folder, a photo or address, a text file with one of these a line (relative to "
        "the current folder), or - for such lines on standard input",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder")
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
        "--cluster",
        metavar="ADDRESS",
        help="answer on a Ray cluster (extra 'cluster'), such as auto or ray://host:10001; every "
        "machine must see the photos under the same paths",
    )
    parser.add_argument(
        "--orders",
        action="store_true",
        help='take orders as JSON lines from standard input: {"do": "pause"}, go, stop, or '
        "truth with items and label",
    )
    naming(parser)
    parser.add_argument(
        "--write",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="FORM,FORM…",
        help="also write csv, jsonl, parquet or html (report.html) into the run's folder",
    )
    parser.add_argument(
        "--explain",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="ID,ID…",
        help="also explain photos by these methods, such as gradcam, into the run's folder",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="also judge every explanation by its trust badge (takes some seconds a photo)",
    )
    parser.add_argument(
        "--items",
        type=_numbers,
        metavar="N,N-M…|@FILE",
        help="the numbers of the photos to explain or to sort (all)",
    )
    parser.add_argument(
        "--sort-into",
        type=Path,
        metavar="DIR",
        help="also put every photo into DIR/LABEL, with the folders it came in; nothing is ever "
        "overwritten, and --undo takes it back",
    )
    parser.add_argument(
        "--by",
        choices=("copy", "hardlink", "symlink"),
        default="copy",
        help="how photos are put there (%(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what --sort-into would do")
    parser.add_argument(
        "--undo", type=Path, metavar="FILE", help="take back what an undo file tells of, no more"
    )
    computing(parser)
    parser.check = _fault


def _numbers(text: str) -> tuple[int, ...]:
    """Read ``3,7-9``, or such text from a file named after ``@``.

    Raises:
        argparse.ArgumentTypeError: when it has another form.
    """
    found: list[int] = []
    try:
        if text.startswith("@"):
            text = Path(text[1:]).read_text("ascii").strip()
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except (ValueError, OSError):
        fault = f"must be numbers such as 3,7-9, or @FILE with such numbers, not {text[:40]}"
        raise argparse.ArgumentTypeError(fault) from None
    return tuple(found)


def _fault(options: Namespace) -> str:
    if options.undo is not None:
        return ""
    if options.out is None:
        return "--out DIR is missing"
    if options.dry_run and options.sort_into is None:
        return "--dry-run needs --sort-into"
    if options.trust and not options.explain:
        return "--trust needs --explain"
    if not options.inputs and not (options.out / "run.sqlite").exists():
        return "FOLDER is missing"
    if options.cluster and (options.watch or options.orders):
        return "--cluster goes with neither --watch nor --orders"
    if options.orders and "-" in options.inputs:
        return "--orders and - both want standard input"
    return ""
