"""``petvision export``: a model as a file for other programs, compared before it is kept."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from petvision.cli.arguments import Parser, Verb, plain
from petvision.cli.exits import OK
from petvision.errors import ConfigError
from petvision.terminal import Terminal

FORMATS = ("onnx", "onnx-int8", "torchscript", "torch-export")


def _options(parser: Parser) -> None:
    parser.add_argument("model", metavar="NAME|FILE", help="the model")
    parser.add_argument("--to", required=True, choices=FORMATS, help="the kind of file")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to")
    parser.add_argument(
        "--photos",
        nargs="+",
        default=[],
        metavar="INPUT",
        help="to compare on, and to calibrate 8-bit integers with (cuts of the sample photos)",
    )
    parser.add_argument(
        "--count", type=int, default=100, help="so many of them at most (%(default)s)"
    )
    parser.add_argument(
        "--data", metavar="SPEC", help="labelled photos, for the accuracy before and after"
    )
    plain(parser)


def _export(options: Namespace, terminal: Terminal) -> int:
    from petvision.evaluate.datasets import parse_spec
    from petvision.export.run import Order, certificate_path, export
    from petvision.images.inputs import expand
    from petvision.models.handle import open_model

    if options.count < 1:
        raise ConfigError("range", "export", key="--count", expected="at least 1", found="less")
    data = None if options.data is None else parse_spec(options.data)
    handle = open_model(options.model, device="cpu")
    photos = tuple(expand(options.photos, recursive=True))
    order = Order(options.to, options.out, photos, options.count, data)
    certificate = terminal.follow(export(handle, order), "picture")
    if options.json:
        terminal.data(json.dumps(certificate.as_json()))
        return OK
    terminal.data(certificate.words)
    terminal.say(f"This is written in {certificate_path(options.out).name} beside it.")
    return OK


VERB = Verb("write a model for other programs, and check it", _options, _export)
