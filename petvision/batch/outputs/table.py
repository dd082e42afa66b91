"""CSV: a line a photo, for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from petvision.batch.outputs.base import Output, aside, final, when
from petvision.batch.rows import Reader, Row
from petvision.events import Event, Progress, Result

EVERY = 1000


def columns(classes: Sequence[str]) -> list[str]:
    """The names of a row's cells."""
    return [
        *("path", "final", "label", "confidence", *(f"score_{name}" for name in classes)),
        *("unknown", "unknown_score", "truth", "truth_by", "truth_made"),
        *("width", "height", "format", "sha256", "engine", "error", "message"),
    ]


def cells(row: Row, classes: Sequence[str]) -> list[str | float | int | bool | None]:
    """A row's cells, None where there is nothing to say."""
    answer, failed = row.answer, row.failed
    scores = [answer.scores[name] if answer else None for name in classes]
    return [
        row.place,
        final(row) or None,
        answer.label if answer else None,
        answer.confidence if answer else None,
        *scores,
        answer.unknown if answer else None,
        answer.unknown_score if answer else None,
        row.truth,
        row.truth_by,
        when(row.truth_made) or None if row.truth else None,
        answer.width if answer else None,
        answer.height if answer else None,
        answer.format if answer else None,
        row.sha256,
        answer.engine if answer else None,
        failed.code if failed else None,
        failed.message if failed else None,
    ]


def write(reader: Reader, path: Path) -> Iterator[Event[Path]]:
    """Write ``predictions.csv`` (UTF-8, comma, first line the names)."""
    total, classes = reader.summary().items, reader.identity.classes
    with aside(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns(classes))
        for number, row in enumerate(reader.rows(), 1):
            out.writerow(_word(cell) for cell in cells(row, classes))
            if number % EVERY == 0:
                yield Progress(number, total, path.name)
    yield Result(path)


def _word(cell: str | float | int | bool | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.9g}" if isinstance(cell, float) else str(cell)


CSV = Output("csv", "predictions.csv", write)
