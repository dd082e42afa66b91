"""The epochs of a training, read from its run folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from petvision.evaluate.results import Moment

EVENTS = "events.jsonl"


def history_of(run: Path) -> list[Moment]:
    """The epochs that ``run/events.jsonl`` tells of, each once, in order; empty without one."""
    try:
        lines = (run / EVENTS).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = {moment.epoch: moment for moment in _moments(lines)}
    return [found[epoch] for epoch in sorted(found)]


def _moments(lines: list[str]) -> Iterator[Moment]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a run that was killed
            continue
        if isinstance(event, dict) and (moment := moment_of(event)) is not None:
            yield moment


def moment_of(event: Mapping[str, object]) -> Moment | None:
    """The epoch an event of ``petvision train --json`` tells of; None for another event."""
    if event.get("event") != "epoch":
        return None
    epoch = _number(event, "number", "epoch")
    loss = _number(event, "loss") if epoch else math.nan  # nothing is trained before epoch 1
    return Moment(
        epoch,
        loss,
        _number(event, "validation_loss"),
        _number(event, "validation_accuracy", "accuracy"),
        _number(event, "validation_f1", "f1"),
    )


def _number(event: Mapping[str, object], *names: str) -> float:
    for name in names:
        value = event.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return math.nan
