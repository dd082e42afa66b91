"""The forms there are. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from petvision.batch.outputs.base import Output
from petvision.batch.outputs.lines import JSONL
from petvision.batch.outputs.page import HTML
from petvision.batch.outputs.parquet import PARQUET
from petvision.batch.outputs.table import CSV
from petvision.batch.rows import Reader
from petvision.errors import ConfigError
from petvision.events import Event, Progress, Result

OUTPUTS: dict[str, Output] = {output.name: output for output in (CSV, JSONL, PARQUET, HTML)}


def check(names: Sequence[str]) -> None:
    """See that these forms exist.

    Raises:
        ConfigError: ``key``, for the first that does not.
    """
    for name in names:
        if name not in OUTPUTS:
            remedy = f"There is {', '.join(OUTPUTS)}."
            raise ConfigError("key", "--write", key=f"form {name!r}", remedy=remedy)


def write(folder: Path, names: Sequence[str]) -> Iterator[Event[tuple[Path, ...]]]:
    """Write a run's outputs into its folder, one after another; the result is their files.

    Raises:
        ConfigError: when there is no such form, or what it needs is not installed.
        OutputError: when there is no store or a file cannot be written.
    """
    check(names)
    done: list[Path] = []
    with closing(Reader(folder)) as reader:
        for name in names:
            for event in OUTPUTS[name].write(reader, folder / OUTPUTS[name].file):
                if isinstance(event, Result):
                    done.append(event.value)
                elif isinstance(event, Progress):
                    yield event
    yield Result(tuple(done))
