"""A whole training run in its folder: data, network, epochs, model file, evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

import torch

from petvision.errors import OutputError
from petvision.events import Partial, Progress, Result, through
from petvision.models.cards import markdown
from petvision.models.files import write_atomically
from petvision.reports.evaluation import written
from petvision.reports.history import history_of
from training.config import Config, dump_config, fingerprint
from training.data import split_of
from training.finish import Finished, finish
from training.loop import Epoch, Trained, train
from training.network import start

RunEvents = Iterator[Progress | Partial[Epoch] | Result[Finished]]


def run(config: Config, *, resume: bool = False) -> RunEvents:
    """Train, calibrate, measure and write; with ``resume`` go on where a run stopped.

    Raises:
        OutputError: ``exists`` when the folder holds a run and ``resume`` was not asked for.
        ConfigError, InputError, ModelError: as the rooms say.
    """
    folder = config.out
    _open_folder(folder, resume)
    write_atomically(folder / "config.yaml", dump_config(config).encode())
    split = split_of(config, folder / "data.json")
    torch.manual_seed(config.seed)  # before start: random weights are part of the run
    net, descent = start(config.model, len(split.classes))
    trained: Trained | None = None
    with (folder / "events.jsonl").open("a", encoding="utf-8") as log:
        for event in train(config, split, net, folder, fingerprint(config)):
            if isinstance(event, Result):
                trained = event.value
                continue
            if isinstance(event, Partial):
                _log(log, {"event": "epoch", **asdict(event.value)})
            yield event
        assert trained is not None  # train ends with its result
        for step in finish(config, split, trained, descent, folder):
            if isinstance(step, Result):
                yield from _report(step.value, folder)
                _log(log, _summary(step.value))
            yield step


def _open_folder(folder: Path, resume: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("read_only", str(folder), reason=error.strerror or "") from error
    if (folder / "events.jsonl").exists() and not resume:
        remedy = "Add --resume to go on with it, or choose another folder (out)."
        raise OutputError("exists", str(folder), remedy=remedy)


def _report(finished: Finished, folder: Path) -> Iterator[Progress]:
    write_atomically(folder / "card.md", markdown(finished.card).encode())
    last = list(finished.evaluations)[-1]
    history = history_of(folder)
    yield from through(written(finished.evaluations[last], folder / "evaluation", history=history))


def _summary(finished: Finished) -> dict[str, object]:
    return {
        "event": "finished",
        "model": finished.path.name,
        "temperature": finished.card.temperature,
        "metrics": {k: m.model_dump() for k, m in finished.card.metrics.items()},
        "unknown": {name: asdict(s) for name, s in finished.separations.items()},
    }


def _log(log: IO[str], line: dict[str, object]) -> None:
    log.write(json.dumps(line) + "\n")
    log.flush()
