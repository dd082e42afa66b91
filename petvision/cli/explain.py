"""``petvision explain``: why, as pictures and numbers in a folder."""

from __future__ import annotations

import argparse
import json
import os
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from petvision.cli.arguments import DEFAULT_MODEL, Parser, Verb, judging
from petvision.cli.exits import NO_OUTPUT, OK, SOME_FAILED
from petvision.cli.photos import opened, outcome, sources_of, tell_error
from petvision.errors import InputError, OutputError
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.reports.photo import Written


def _options(parser: Parser) -> None:
    """Add photos, what to ask of them and where the answers go."""
    judging(parser, photos="*")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for the files (required)")
    parser.add_argument("--html", action="store_true", help="a case file as well: one HTML page")
    parser.add_argument(
        "--verify",
        metavar="PACK",
        help="run a case (case.html or explanation.json) again, on the engine that made it unless "
        "--engine names another, and tell what differs",
    )
    parser.check = _check
    parser.add_argument(
        "--methods",
        type=lambda text: tuple(filter(None, text.split(","))),
        metavar="ID,ID…",
        help="by their ids, such as gradcam,occlusion; see --list-methods (the five of a drop)",
    )
    parser.add_argument(
        "--list-methods", action=_ListMethods, help="tell every method and its parameters, and end"
    )
    parser.add_argument("--target", metavar="CLASS", help="the class to explain (the predicted)")
    parser.add_argument("--layer", metavar="NAME", help="of Grad-CAM, such as layer3 (the last)")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=_assignment,
        dest="parameters",
        metavar="METHOD.KEY=VALUE",
        help="a parameter of a method, such as occlusion.stride=8; may be repeated",
    )


class _ListMethods(argparse.Action):
    """Prints each method's card and parameters, and ends, as ``--version`` does."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print and end."""
        from petvision.explain.registry import METHODS

        for method in METHODS.values():
            card = method.card
            lines = [f"{method.id}: {card.title}", f"  {card.sentence}", f"  Cost: {card.cost}"]
            if card.paper:
                lines.append(f"  Paper: {card.paper}")
            for name, field in method.Parameters.model_fields.items():
                told = f"{field.description} ({field.default!r})"
                lines.append(f"  {method.id}.{name}: {told}")
            print("\n".join(lines))
        parser.exit()


def _check(options: Namespace) -> str:
    """What is wrong with the options taken together, or nothing."""
    if options.verify is not None:
        return "--verify takes no photos: the case names its own." if options.inputs else ""
    if not options.inputs:
        return "the following arguments are required: INPUT"
    return "" if options.out is not None else "the following arguments are required: --out"


def _verify(options: Namespace, terminal: Terminal) -> int:
    """Run a case again; 1 when something differs."""
    from petvision.models.handle import open_model
    from petvision.reports import case as cases
    from petvision.reports.verify import on_its_engine, verify

    case = cases.read(options.verify)
    model = case.model if options.model == DEFAULT_MODEL else options.model
    if options.engine == "auto":
        handle = on_its_engine(case, open_model(model, device=options.device))
    else:
        handle = open_model(model, engine=options.engine, device=options.device)
    findings = terminal.follow(verify(case, handle), "step", f"{case.name}: ")
    same = all(finding.same for finding in findings)
    if options.json:
        rows = [{"what": f.what, "same": f.same, "words": f.words} for f in findings]
        terminal.data(json.dumps({"case": case.name, "same": same, "findings": rows}))
    else:
        for finding in findings:
            terminal.data(
                f"{'same   ' if finding.same else 'DIFFERS'}  {finding.what}: {finding.words}"
            )
    return OK if same else SOME_FAILED


def _assignment(text: str) -> tuple[str, str, str]:
    """Read ``METHOD.KEY=VALUE``.

    Raises:
        argparse.ArgumentTypeError: when it has another form.
    """
    name, equals, value = text.partition("=")
    method, dot, key = name.partition(".")
    if not (equals and dot and method and key):
        raise argparse.ArgumentTypeError(f"must be METHOD.KEY=VALUE, not {text}")
    return method, key, value


def _explain(options: Namespace, terminal: Terminal) -> int:
    from petvision.explain.run import DEFAULT
    from petvision.reports.panels import Folders
    from petvision.reports.photo import explain_to_folder

    if options.verify is not None:
        return _verify(options, terminal)
    methods = options.methods or DEFAULT
    parameters = _parameters(options, methods)
    handle = opened(options)
    if options.target is not None:
        handle.class_index(options.target)
    for own in parameters.values():
        handle.check_layer(str(own.get("layer", "")))
    sources, total = sources_of(options)
    explain = partial(
        explain_to_folder,
        handle,
        methods=methods,
        target=options.target,
        parameters=parameters,
        unknown=options.unknown,
        html=options.html,
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
            tell_error(source, error, options, terminal)
    return NO_OUTPUT if taken else outcome(done, failed, terminal)


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


VERB = Verb("show why, as pictures and numbers in a folder", _options, _explain)
