"""``petvision evaluate``: how good a model is on labelled photos."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from petvision.cli.arguments import Parser, Verb, computing, naming, threshold
from petvision.cli.exits import OK, SOME_FAILED, USAGE
from petvision.cli.photos import opened
from petvision.errors import InputError
from petvision.events import Events, Progress
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from petvision.models.predict import Unknown
    from petvision.reports.evaluation import Report

INTERVAL_S = 0.1


def _options(parser: Parser) -> None:
    """Add a model, labelled photos and where the report goes."""
    parser.add_argument("model", metavar="NAME|FILE")
    parser.add_argument(
        "--data",
        required=True,
        metavar="SPEC",
        help="pets:DIR, cifar10:DIR, cifar100:DIR, folder:DIR or csv:FILE, with @trainval or @test",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the report")
    parser.add_argument(
        "--unknown",
        action="append",
        default=[],
        metavar="auto|off|VALUE|DIR",
        help="when to say unknown; or a folder of photos of none of the classes, reported under "
        "its name; may be repeated",
    )
    parser.add_argument(
        "--reference",
        default="",
        metavar="SPEC",
        help="photos like those the model was trained on (@trainval where not said), for the "
        "unknown scores that measure distances",
    )
    parser.add_argument(
        "--figures", action="store_true", help="the model's filters and feature maps too"
    )
    parser.add_argument(
        "--progress", action="store_true", help="with --json: its progress as JSON lines too"
    )
    naming(parser)
    computing(parser, engine="torch-fp32")


def _evaluate(options: Namespace, terminal: Terminal) -> int:
    from petvision.reports.evaluation import Wishes, evaluate_to_folder

    unknown, negatives = _unknown(options.unknown)
    wishes = Wishes(unknown, negatives, options.reference, options.figures)
    job = evaluate_to_folder(opened(options), options.data, options.out, wishes)
    try:
        watched = _told(job, terminal) if options.progress and options.json else job
        report = terminal.follow(watched, "photo")
    except InputError as error:  # the data set, not one of its photos
        terminal.complain(str(error))
        return USAGE
    for _, why in report.unread:
        terminal.complain(why)
    if options.json:
        metrics = json.loads((options.out / "metrics.json").read_bytes())
        terminal.data(json.dumps(metrics))
    else:
        terminal.table(list(_figures(report)))
        for file in report.files:
            terminal.say(f"wrote {file}")
    return SOME_FAILED if report.unread else OK


def _told(job: Events[Report], terminal: Terminal) -> Events[Report]:
    """The same events, each tenth of a second's progress also as a JSON line."""
    last = 0.0
    for event in job:
        if isinstance(event, Progress) and time.monotonic() - last > INTERVAL_S:
            last = time.monotonic()
            terminal.data(json.dumps({"event": "progress", **asdict(event)}))
        yield event


def _unknown(words: list[str]) -> tuple[Unknown, tuple[str, ...]]:
    """Tell thresholds (the last one counts) from folders of negatives."""
    chosen: Unknown = "auto"
    folders = []
    for word in words:
        try:
            chosen = threshold(word)
        except ArgumentTypeError:
            folders.append(word)
    return chosen, tuple(folders)


def _figures(report: Report) -> Iterator[tuple[str, ...]]:
    f = report.figures
    low, high = f.accuracy_wilson
    yield "photos", f"{f.n:,}"
    yield "accuracy", f"{f.accuracy:.4f}", f"{low:.4f} to {high:.4f}"
    yield "ROC-AUC", f"{f.roc_auc:.5f}"
    yield "log loss", f"{f.log_loss:.4f}", f"{f.loss:.4f} before calibration"
    yield "ECE", f"{f.ece_after:.4f}", f"{f.ece_before:.4f} before calibration"
    yield "F1", f"{f.f1_macro:.4f}"
    yield "refused", f"{f.refused:.4f}"
    if f.learned:
        words = "photos that it was trained or chosen on, which flatters the figures"
        yield "learned", f"{f.learned:,}", words
        if f.accuracy_others is not None:
            yield "", f"{f.accuracy_others:.4f}", "accuracy on the others"
    for name, found in report.strange.items():
        v = found.verdict
        words = f"refused of {v.strange} photos; AUROC {v.auroc:.4f}, FPR95 {v.fpr95:.4f}"
        yield name, f"{v.strange_refused:.4f}", f"{words} ({found.score})"
        for score, figures in found.scores.items():
            if score != found.score:
                words = f"AUROC {figures.auroc:.4f}, FPR95 {figures.fpr95:.4f}"
                yield "", "", f"{words} ({score})"


VERB = Verb("measure a model on labelled photos", _options, _evaluate)
