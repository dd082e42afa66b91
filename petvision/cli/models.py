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


def _quantised(parser: Parser) -> None:
    """Add a model and the photos that its 8-bit form is made and measured with."""
    parser.add_argument("model", metavar="NAME|FILE")
    parser.add_argument(
        "--data",
        required=True,
        metavar="SPEC",
        help="labelled photos with a part to train on and one to test on, such as pets:DIR",
    )
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


def _quantise(options: Namespace, terminal: Terminal) -> int:
    import random
    from dataclasses import asdict

    from petvision.evaluate.datasets import labelled_photos, parse_spec
    from petvision.images.inputs import source_of
    from petvision.models import int8
    from petvision.models.handle import open_model

    train, test = (
        [(source_of(str(p.path)), p.label) for p in labelled_photos(parse_spec(options.data + at))]
        for at in ("@trainval", "@test")
    )
    random.Random(0).shuffle(train)  # photos come by class
    handle = open_model(options.model, engine="auto", device="cpu")
    job = int8.quantise(handle, [source for source, _ in train], test)
    cost = terminal.follow(job, "photo")
    path = int8.file_of(handle)
    if options.json:
        terminal.data(json.dumps({"path": str(path), **asdict(cost)}))
        return OK
    terminal.say(f"{cost.words}; {cost.again:.1%} of the verdicts were made on the reference")
    terminal.data(str(path))
    return OK


def _tell_path(path: Path, options: Namespace, terminal: Terminal) -> int:
    terminal.data(json.dumps({"path": str(path)}) if options.json else str(path))
    return OK


VERBS = Group(
    "list, describe, fetch, check, add, quantise and remove models",
    {
        "list": Verb("all there are, and could be fetched", plain, _list),
        "info": Verb("the card of one", _one_model, _info),
        "fetch": Verb("bring torchvision's ImageNet weights", _model_name, _fetch),
        "verify": Verb("read files wholly and compare digests", _any_models, _verify),
        "add": Verb("copy a model file to your own", _model_file, _add),
        "quantise": Verb(
            "make the 8-bit form for --engine openvino-int8, and tell what it costs",
            _quantised,
            _quantise,
        ),
        "remove": Verb("delete one of your own", _model_name, _remove),
    },
)
