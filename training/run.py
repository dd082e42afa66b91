"""A whole training run in its folder: data, network, epochs, model file, evaluation."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import IO

import torch

from petvision.errors import OutputError
from petvision.events import Partial, Progress, Result, through
from petvision.lock import FolderLock
from petvision.models.cards import markdown
from petvision.models.files import write_atomically
from petvision.models.handle import open_model
from petvision.reports.evaluation import written
from petvision.reports.history import history_of
from training.check import BATCH, batch_picture, warnings_of
from training.config import Config
from training.data import Split, split_of
from training.finish import Finished, finish
from training.happenings import Happening, Step, Word, line_of, words_of
from training.loop import Trained, train
from training.network import start
from training.parallel import Team
from training.settings import check_same_recipe, dump_config, fingerprint
from training.statistics import measured
from training.unknown import check_unknown

RunEvents = Iterator[Progress | Partial[Happening] | Result[Finished]]


def run(
    config: Config, *, resume: bool = False, ending: bool = False, team: Team | None = None
) -> RunEvents:
    """Train, calibrate, measure and write.

    Args:
        config: what to do.
        resume: go on where a run stopped (from the start, where there is none).
        ending: with ``resume``: train no further, make the model of the best epoch so far.
        team: the processes that train together; only the first ends with a result.

    Raises:
        OutputError: ``exists`` when the folder holds a run and ``resume`` was not asked for;
            ``read_only`` when that run is at work.
        ConfigError, InputError, ModelError: as the rooms say.
    """
    team = team or Team()
    if not team.leads:
        team.wait()
        yield from _run(config, resume, ending, team)
        return
    _open_folder(config, resume)
    lock = FolderLock(config.out)
    try:
        team.wait()
        yield from _run(config, resume, ending, team)
    finally:
        lock.release()


def _run(config: Config, resume: bool, ending: bool, team: Team) -> RunEvents:
    folder = config.out
    split, resolved = yield from _prepared(config, folder, team)
    strangers = check_unknown(config, split, training=not ending)
    torch.manual_seed(config.seed)  # before start: random weights are part of the run
    net, descent = start(resolved.model, split.classes)
    events = train(resolved, split, net, folder, fingerprint(config, split.digest), team, ending)
    if not team.leads:
        yield from (event for event in events if not isinstance(event, Result))
        return
    trained: Trained | None = None
    with _opened(folder / "events.jsonl") as log, _opened(folder / "log.txt") as diary:
        for event in chain(() if resume else _looked(resolved, split, strangers), events):
            if isinstance(event, Result):
                trained = event.value
                continue
            if isinstance(event, Partial) and _worth_keeping(event.value):
                _note(log, line_of(event.value))
                _say(diary, words_of(event.value))
            yield event
        assert trained is not None  # train ends with its result
        for step in finish(resolved, split, trained, descent, folder):
            if isinstance(step, Partial):
                _note(log, line_of(step.value))
                _say(diary, words_of(step.value))
            if isinstance(step, Result):
                yield from _report(config, step.value, folder)
                _note(log, summary(step.value))
                _say(diary, f"wrote {step.value.path.name}")
            yield step


def _prepared(
    config: Config, folder: Path, team: Team
) -> Generator[Progress, None, tuple[Split, Config]]:
    """The split, drawn by the first process, and the configuration with measured colours."""
    if not team.leads:
        team.wait()
    split = yield from through(split_of(config, folder / "data.json"))
    resolved = yield from measured(config, split)
    if team.leads:
        team.wait()
    return split, resolved


def _looked(config: Config, split: Split, strangers: Sequence[str]) -> Iterator[Partial[Happening]]:
    """What a person should know of the data, and a batch of it as the network sees it."""
    write_atomically(config.out / BATCH, batch_picture(config, split))
    for sentence in (*warnings_of(split), *strangers):
        told: Happening = Word("data", sentence)
        yield Partial(told)


def _open_folder(config: Config, resume: bool) -> None:
    folder = config.out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError("read_only", str(folder), reason=reason) from error
    saved = folder / "config.yaml"
    if (folder / "events.jsonl").exists():
        if not resume:
            remedy = "Add --resume to go on with it, or choose another folder (out)."
            raise OutputError("exists", str(folder), remedy=remedy)
        if saved.exists():
            check_same_recipe(config, saved)
    write_atomically(saved, dump_config(config).encode())


def _worth_keeping(happening: Happening) -> bool:
    """Of the steps every tenth, and the last of an epoch."""
    if not isinstance(happening, Step):
        return True
    return happening.done % 10 == 0 or happening.done == happening.total


def _report(config: Config, finished: Finished, folder: Path) -> Iterator[Progress]:
    write_atomically(folder / "card.md", markdown(finished.card).encode())
    if config.evaluation.report:
        last = list(finished.evaluations)[-1]
        moments = history_of(folder)
        yield from through(
            written(
                finished.evaluations[last],
                folder / "evaluation",
                history=moments,
                handle=open_model(finished.path, engine="torch-fp32"),
            )
        )


def summary(finished: Finished) -> dict[str, object]:
    """The last line of a run, as the log and ``petvision train --json`` have it."""
    return {
        "event": "finished",
        "model": str(finished.path),
        "temperature": finished.card.temperature,
        "metrics": {k: m.model_dump() for k, m in finished.card.metrics.items()},
        "unknown": {name: asdict(s) for name, s in finished.separations.items()},
    }


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _say(diary: IO[str], words: str) -> None:
    """A sentence with its time, for a person who comes back the next day."""
    if words:
        _write(diary, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {words}")


def _note(log: IO[str], line: dict[str, object]) -> None:
    _write(log, json.dumps(line))


def _write(log: IO[str], line: str) -> None:
    try:
        log.write(line + "\n")
        log.flush()
    except OSError as error:
        raise _unwritable(Path(log.name), error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("no_space", str(path))
    return OutputError("read_only", str(path), reason=(error.strerror or "").lower())
