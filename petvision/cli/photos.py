"""What the verbs over photos share: opening the model, naming the photos, telling how it went."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from petvision.cli.exits import OK, SOME_FAILED
from petvision.errors import PetVisionError
from petvision.terminal import Terminal

if TYPE_CHECKING:
    from petvision.images.types import Source
    from petvision.models.handle import ModelHandle


def opened(options: Namespace) -> ModelHandle:
    """Open the model that the options name.

    Raises:
        ModelError: when it cannot be used.
        ConfigError: when the class names make no sense.
    """
    from petvision.models.class_names import parse_names
    from petvision.models.handle import open_model

    classes = parse_names(options.classes) if getattr(options, "classes", "") else None
    return open_model(options.model, engine=options.engine, device=options.device, classes=classes)


def sources_of(options: Namespace) -> tuple[Iterable[Source], int | None]:
    """The photos asked for and, unless standard input goes on naming them, how many there are."""
    from petvision.images.inputs import expand

    sources = expand(options.inputs, recursive=options.recursive)
    if "-" in options.inputs:
        return sources, None
    listed = list(sources)
    return listed, len(listed)


def outcome(done: int, failed: int, terminal: Terminal) -> int:
    """Say how many photos failed, if any, and return the exit code."""
    if done == 0:
        terminal.complain("there are no photos among these inputs.")
    elif failed and done > 1:
        terminal.say(f"{failed} of {done} inputs failed; the others are done.")
    return SOME_FAILED if failed or not done else OK


def tell_error(
    source: Source, error: PetVisionError, options: Namespace, terminal: Terminal
) -> None:
    """Tell of one photo what went wrong with it: a JSON line, or a sentence."""
    if options.json:
        from petvision.reports.prediction import error_json

        terminal.data(json.dumps(error_json(source, error)))
    else:
        terminal.complain(str(error))
