"""``petvision models``: the models there are."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path

from petvision.cli.arguments import Group, Parser, Verb, plain
from petvision.cli.exits import NO_MODEL, OK
from petvision.errors import ModelError
from petvision.terminal import Terminal


def _one_model(parser: Parser) -> None:
    """Add a model by name or file."""
    parser.add_argument("model", metavar="NAME|FILE")
    plain(parser)


def _any_models(parser: Parser) -> None:
    """Add models by name or file, or none for all."""
    parser.add_argument("models", nargs="*", metavar="NAME|FILE", help="all of them when none")
    plain(parser)


def _model_name(parser: Parser) -> None:
    """Add a model by name."""
    parser.add_argument("name", metavar="NAME")
    plain(parser)


def _model_file(parser: Parser) -> None:
    """Add a model file."""
    parser.add_argument("file", metavar="FILE")
    plain(parser)


def _list(options: Namespace, terminal: Terminal) -> int:
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


def _info(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import cards, zoo

    card = zoo.info(options.model)
    terminal.data(card.model_dump_json(exclude_none=True) if options.json else cards.markdown(card))
    return OK


def _fetch(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    job = zoo.fetch(options.name)  # a name it does not know ends here
    for entry in zoo.models():
        if entry.name in (options.name, zoo.PREFIX + options.name):
            terminal.say(f"{entry.name}: {entry.bytes / 1e6:.0f} MB, licence: {entry.licence}")
    return _tell_path(terminal.follow(job, "B"), options, terminal)


def _verify(options: Namespace, terminal: Terminal) -> int:
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


def _add(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    entry = zoo.add(options.file)
    assert entry.path is not None  # it lies on disk now
    return _tell_path(entry.path, options, terminal)


def _remove(options: Namespace, terminal: Terminal) -> int:
    from petvision.models import zoo

    return _tell_path(zoo.remove(options.name), options, terminal)


def _tell_path(path: Path, options: Namespace, terminal: Terminal) -> int:
    terminal.data(json.dumps({"path": str(path)}) if options.json else str(path))
    return OK


VERBS = Group(
    "list, describe, fetch, check, add and remove models",
    {
        "list": Verb("all there are, and could be fetched", plain, _list),
        "info": Verb("the card of one", _one_model, _info),
        "fetch": Verb("bring torchvision's ImageNet weights", _model_name, _fetch),
        "verify": Verb("read files wholly and compare digests", _any_models, _verify),
        "add": Verb("copy a model file to your own", _model_file, _add),
        "remove": Verb("delete one of your own", _model_name, _remove),
    },
)
