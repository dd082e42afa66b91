"""``petvision neurons``: what the filters of a layer see on a photo."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from petvision.cli.arguments import Parser, Verb, judging
from petvision.cli.exits import OK
from petvision.cli.photos import opened, outcome, sources_of, tell_error
from petvision.errors import InputError
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.models.handle import ModelHandle
    from petvision.neurons.layers import Anatomy
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
    parser.add_argument(
        "--biography",
        type=int,
        metavar="FILTER",
        help="what of all inputs fires this filter most and least, as a card in --out",
    )
    parser.add_argument(
        "--against", metavar="FOLDER", help="which filters tell the inputs from this folder"
    )
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
    if options.biography is not None or options.against is not None:
        return _over_folder(options, terminal, handle, anatomy, layer, list(sources))
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


def _over_folder(
    options: Namespace,
    terminal: Terminal,
    handle: ModelHandle,
    anatomy: Anatomy,
    layer: str,
    sources: list[Source],
) -> int:
    """Print what separates two folders; write a filter's card."""
    from petvision.figures.neurons_sheet import sheet_bytes
    from petvision.images.inputs import expand
    from petvision.models.files import write_atomically
    from petvision.reports.neurons_folder import biography, card, separation

    if options.against is not None:
        others = list(expand([options.against], recursive=options.recursive))
        found = terminal.follow(separation(handle, anatomy, layer, sources, others), "photo")
        if options.json:
            terminal.data(json.dumps([asdict(one) for one in found]))
        else:
            rows = [(str(s.index), f"{s.effect:.3f}", f"{s.auroc:.3f}") for s in found[:SHOWN]]
            terminal.table([("filter", "effect", "auroc"), *rows])
    if options.biography is not None:
        told = terminal.follow(
            biography(handle, anatomy, layer, options.biography, sources), "photo"
        )
        terminal.say(" ".join(map(str, told.words)))
        if options.out is not None:
            path = options.out / f"{layer}-filter-{told.index}.png"
            write_atomically(path, sheet_bytes(card(told), "png"))
            terminal.data(os.fspath(path))
    return OK


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
