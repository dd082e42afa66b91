"""``petvision neurons``: what the filters of a layer see on a photo."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from petvision.cli.arguments import Parser, Verb, judging
from petvision.cli.photos import opened, outcome, sources_of, tell_error
from petvision.errors import InputError
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.reports.neurons import Looked

SHOWN = 10


def _options(parser: Parser) -> None:
    """Add photos, the layer, how its filters are ranked, and where the files go."""
    judging(parser)
    parser.add_argument("--layer", default="", metavar="NAME", help="such as layer2.0.conv1")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for figures and numbers")
    parser.add_argument(
        "--criterion",
        choices=("balanced", "mean", "max", "std", "effect", "focus"),
        default="balanced",
        help="what ranks a filter (%(default)s)",
    )
    parser.add_argument("--weight", type=float, default=0.5, help=_help("activation's, 0 to 1"))
    parser.add_argument("--sparsity", type=float, default=0.15, help=_help("the least, 0 to 1"))
    parser.add_argument("--count", type=int, default=6, help=_help("filters told in detail"))
    parser.add_argument("--threshold", type=float, default=0.5, help=_help("of a region, 0 to 1"))
    parser.add_argument("--target", metavar="CLASS", help="of effect and focus (the predicted)")


def _help(words: str) -> str:
    return f"{words} (%(default)s)"


def _neurons(options: Namespace, terminal: Terminal) -> int:
    from petvision.neurons.layers import anatomy_of
    from petvision.neurons.results import Choice
    from petvision.neurons.run import check
    from petvision.reports.neurons import analyse_to_folder
    from petvision.reports.panels import Folders

    choice = Choice(options.criterion, options.weight, options.sparsity)
    check(choice, options.count, options.threshold)
    handle = opened(options)
    anatomy = anatomy_of(handle)
    layer = anatomy.convolution(options.layer).name
    if options.target is not None:
        handle.class_index(options.target)
    sources, total = sources_of(options)
    folders = Folders()
    done = failed = 0
    for source in sources:
        done += 1
        head = "" if total == 1 else f"{source.label}, {done}{f' of {total}' if total else ''}: "
        folder = None if options.out is None else options.out / folders.name(source)
        job = analyse_to_folder(
            handle,
            source,
            folder,
            anatomy=anatomy,
            layer=layer,
            choice=choice,
            count=options.count,
            target=options.target,
            threshold=options.threshold,
        )
        try:
            _tell(source, terminal.follow(job, "filter", head), options, terminal)
        except InputError as error:
            failed += 1
            tell_error(source, error, options, terminal)
    return outcome(done, failed, terminal)


def _tell(source: Source, looked: Looked, options: Namespace, terminal: Terminal) -> None:
    from petvision.reports.neurons import COLUMNS, analysis_json, row_of

    analysis = looked.analysis
    if options.json:
        files = [os.fspath(file) for file in looked.files]
        terminal.data(json.dumps({**analysis_json(source, analysis), "files": files}))
        return
    layer = analysis.layer
    high, wide = analysis.maps.grid
    said = analysis.prediction.best_class
    terminal.say(f"{source.label}: {said}; {layer.name}, {layer.filters} filters, {wide}×{high}")
    rows = [row_of(analysis.maps, ranked) for ranked in analysis.ranking[:SHOWN]]
    terminal.table([COLUMNS, *(_cells(row) for row in rows)])
    for detail in analysis.details:
        terminal.say(f"\nfilter {detail.index}: " + " ".join(map(str, detail.words)))
        for warning in detail.warnings:
            terminal.say(f"  mind: {warning}")
    for file in looked.files:
        terminal.data(os.fspath(file))


def _cells(row: tuple[str | int | float, ...]) -> list[str]:
    return [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]


VERB = Verb("look at the filters of a layer: ranking, regions, figures", _options, _neurons)
