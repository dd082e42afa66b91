"""The command line: one function a verb, which parses, calls one room and prints.

Every room is imported inside its verb, so that ``petvision --help`` needs neither torch nor Qt.
Exit codes: 0 all well, 1 some inputs failed, 2 wrong usage or configuration, 3 model cannot be
used, 4 output cannot be written, 130 interrupted; 70 a bug of PetVision, with its report.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from petvision import __version__
from petvision.arguments import (
    Group,
    Parser,
    Verb,
    any_models,
    choose,
    evaluating,
    explaining,
    judging,
    model_file,
    model_name,
    one_model,
    plain,
    training,
)
from petvision.errors import (
    Cancelled,
    ConfigError,
    InputError,
    ModelError,
    OutputError,
    PetVisionError,
)
from petvision.terminal import BOLD, YELLOW, Terminal, crash_report, percent, write_any_text

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.models.handle import ModelHandle
    from petvision.models.results import Prediction
    from petvision.reports.evaluation import Report
    from petvision.reports.photo import Written

OK, SOME_FAILED, USAGE, NO_MODEL, NO_OUTPUT, INTERRUPTED, BUG = 0, 1, 2, 3, 4, 130, 70
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
    except Exception as bug:  # noqa: BLE001 - ours, not the world's: a report, never a trace
        terminal.complain(f"this is a fault of PetVision's own ({bug!r}). {crash_report(bug)}")
        return BUG


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

    handle = _open(options)
    sources, total = _sources(options)
    done = failed = 0
    with terminal.bar("photo", total) as bar:
        for answer in answers(handle, sources, unknown=options.unknown):
            done += 1
            failed += answer.error is not None
            bar.update(1)
            if answer.error is not None:
                _tell_error(answer.source, answer.error, options, terminal)
            elif answer.prediction is not None:
                _tell_prediction(answer.source, answer.prediction, options, terminal)
    return _outcome(done, failed, terminal)


def _tell_prediction(
    source: Source, prediction: Prediction, options: Namespace, terminal: Terminal
) -> None:
    if options.json:
        from petvision.reports.prediction import prediction_json

        terminal.data(json.dumps(prediction_json(source, prediction)))
    else:
        terminal.data(_in_words(source, prediction, terminal))


def _in_words(source: Source, prediction: Prediction, terminal: Terminal) -> str:
    best = f"{prediction.best_class}, {percent(prediction.confidence)}"
    if not prediction.unknown:
        return f"{source.label}: {terminal.paint(best, BOLD)}"
    reason = (
        f"it is unlike the photos the model knows (strangeness {prediction.unknown_score:.2f}, "
        f"where {prediction.unknown_threshold:.2f} is the most); the nearest class is {best}"
    )
    return f"{source.label}: {terminal.paint('unknown', YELLOW)}: {reason}"


# --- explain ----------------------------------------------------------------------------------


def _explain(options: Namespace, terminal: Terminal) -> int:
    from petvision.explain.run import DEFAULT
    from petvision.reports.panels import Folders
    from petvision.reports.photo import explain_to_folder

    methods = options.methods or DEFAULT
    parameters = _parameters(options, methods)
    handle = _open(options)
    if options.target is not None:
        handle.class_index(options.target)
    for own in parameters.values():
        handle.check_layer(str(own.get("layer", "")))
    sources, total = _sources(options)
    explain = partial(
        explain_to_folder,
        handle,
        methods=methods,
        target=options.target,
        parameters=parameters,
        unknown=options.unknown,
    )
    folders = Folders()
    done, failed, taken = 0, 0, False
    for source in sources:
        done += 1
        head = "" if total == 1 else f"{source.label}, {done}{f' of {total}' if total else ''}: "
        job = explain(source, options.out / folders.name(source))
        try:
            written = terminal.follow(job, "step", head)
            failed += not _tell_written(source, written, options, terminal)
        except (InputError, OutputError) as error:
            if isinstance(error, OutputError) and error.code != "exists":
                raise  # no photo after this one could be written either
            taken |= isinstance(error, OutputError)
            failed += 1
            _tell_error(source, error, options, terminal)
    return NO_OUTPUT if taken else _outcome(done, failed, terminal)


def _tell_written(source: Source, written: Written, options: Namespace, terminal: Terminal) -> bool:
    """Print the files; False when a method failed."""
    failures = written.explained.failures
    if options.json:
        from petvision.reports.panels import explanation_json

        facts = explanation_json(source, written.explained)
        terminal.data(json.dumps({**facts, "files": [os.fspath(f) for f in written.files]}))
    else:
        for file in written.files:
            terminal.data(os.fspath(file))
        for failure in failures:
            terminal.complain(f"{source.label}, {failure.method}: {failure.error}")
    return not failures


def _tell_error(
    source: Source, error: PetVisionError, options: Namespace, terminal: Terminal
) -> None:
    if options.json:
        from petvision.reports.prediction import error_json

        terminal.data(json.dumps(error_json(source, error)))
    else:
        terminal.complain(str(error))


def _parameters(options: Namespace, methods: Sequence[str]) -> dict[str, dict[str, object]]:
    """The parameters asked for, by method; a wrong one ends here, before any photo is opened."""
    from petvision.explain import registry
    from petvision.explain.results import Attribution

    values: dict[str, dict[str, object]] = {}
    for name in methods:
        method = registry.method(name)
        shared = {"seed": options.seed}
        if options.layer and method.kind is Attribution:
            shared["layer"] = options.layer
        own = method.Parameters.model_fields
        values[name] = {key: value for key, value in shared.items() if key in own}
    for name, key, value in options.parameters:
        values.setdefault(name, {})[key] = value
    for name, own in values.items():
        registry.parameters(name, own)
    return values


# --- train and evaluate -----------------------------------------------------------------------


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


def _evaluate(options: Namespace, terminal: Terminal) -> int:
    from petvision.reports.evaluation import evaluate_to_folder

    handle = _open(options)
    job = evaluate_to_folder(handle, options.data, options.out, options.unknown)
    try:
        report = terminal.follow(job, "photo")
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
    for name, found in report.strange.items():
        words = f"refused, {found.strange} photos; AUROC {found.auroc:.4f}"
        yield name, f"{found.strange_refused:.4f}", words


# --- models -----------------------------------------------------------------------------------


def _models_list(options: Namespace, terminal: Terminal) -> int:
    from dataclasses import asdict

    from petvision.models import zoo

    entries = zoo.models()
    if options.json:
        terminal.data(json.dumps([asdict(entry) for entry in entries], default=os.fspath))
        return OK
    rows = [("NAME", "WHERE", "MB", "NETWORK", "CLASSES", "LICENCE")]
    for entry in entries:
        what = (entry.architecture, str(entry.classes), entry.licence)
        rows.append((entry.name, entry.origin, f"{entry.bytes / 1e6:.0f}", *what))
    terminal.table(rows)
    for entry in entries:
        if entry.fault:
            terminal.complain(entry.fault)
    return OK


def _models_info(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import cards, zoo

    card = zoo.info(options.model)
    terminal.data(card.model_dump_json(exclude_none=True) if options.json else cards.markdown(card))
    return OK


def _models_fetch(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    job = zoo.fetch(options.name)  # a name it does not know ends here
    for entry in zoo.models():
        if entry.name in (options.name, zoo.PREFIX + options.name):
            terminal.say(f"{entry.name}: {entry.bytes / 1e6:.0f} MB, licence: {entry.licence}")
    return _tell_path(terminal.follow(job, "B"), options, terminal)


def _models_verify(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    names = options.models or [e.name for e in zoo.models() if e.path is not None]
    damaged = False
    for name in names:
        try:
            found = zoo.verify(name)
        except ModelError as error:
            damaged = True
            terminal.complain(str(error))
            continue
        facts = {"name": name, "path": str(found.path), "sha256": found.sha256}
        words = f"{name}: whole, {found.tensors} tensors, sha256 {found.sha256}"
        terminal.data(json.dumps(facts) if options.json else words)
    return NO_MODEL if damaged else OK


def _models_add(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    entry = zoo.add(options.file)
    assert entry.path is not None  # it lies on disk now
    return _tell_path(entry.path, options, terminal)


def _models_remove(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    return _tell_path(zoo.remove(options.name), options, terminal)


def _tell_path(path: Path, options: Namespace, terminal: Terminal) -> int:
    terminal.data(json.dumps({"path": str(path)}) if options.json else str(path))
    return OK


def _gui(options: Namespace, terminal: Terminal) -> int:
    from petvision.app.application import run

    return run(options.inputs)


def _gui_options(parser: Parser) -> None:
    parser.add_argument("inputs", nargs="*", metavar="FILE|FOLDER|URL", help="what to open")


PROGRAM = Group(
    'Drop a photo: cat, dog or "I don\'t know", and why.',
    {
        "predict": Verb("say what is on photos", judging, _predict),
        "explain": Verb("show why, as pictures and numbers in a folder", explaining, _explain),
        "train": Verb("train a model from a YAML file", training, _train),
        "evaluate": Verb("measure a model on labelled photos", evaluating, _evaluate),
        "models": Group(
            "list, describe, fetch, check, add and remove models",
            {
                "list": Verb("all there are, and could be fetched", plain, _models_list),
                "info": Verb("the card of one", one_model, _models_info),
                "fetch": Verb("bring torchvision's ImageNet weights", model_name, _models_fetch),
                "verify": Verb("read files wholly and compare digests", any_models, _models_verify),
                "add": Verb("copy a model file to your own", model_file, _models_add),
                "remove": Verb("delete one of your own", model_name, _models_remove),
            },
        ),
        "gui": Verb("open the window", _gui_options, _gui),
    },
)
