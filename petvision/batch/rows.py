"""A store read: its rows as they are, and what they sum up to."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from petvision.batch.file import Identity, connect_to_read, identity_of, told
from petvision.batch.truth import NEITHER
from petvision.evaluate.metrics import wilson

AT_ONCE = 500
HEAT_CELLS = 32
TRUST = "trust"  # the code of an explanation's badge among its facts
LIGHTS = ("red", "amber", "green")  # by that fact's value

_ROWS = """
SELECT item.id, item.key, item.kind, item.place, item.sha256, item.truth, item.truth_by,
    (SELECT made FROM truth WHERE truth.item = item.id ORDER BY truth.id DESC LIMIT 1),
    label, best, confidence, unknown, unknown_score, scores, engine, width, height, format, notes,
    read_ms, decode_ms, prepare_ms, compute_ms, code, message
FROM item LEFT JOIN prediction ON prediction.item = item.id
    LEFT JOIN error ON error.item = item.id
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model said of a photo; see ``models.results.Prediction`` for the meanings."""

    label: str
    best: str
    confidence: float
    unknown: bool
    unknown_score: float | None
    scores: Mapping[str, float]
    engine: str
    width: int
    height: int
    format: str
    notes: tuple[str, ...]
    ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer: a stable code, and the sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One item of a store.

    ``location`` is its path (a ``surrogateescape`` string) or address, ``place`` the same fit to
    show. ``truth`` is what is on it, ``truth_by`` who said so (``person``, ``folders``,
    ``table``) and ``truth_made`` when, in seconds since 1970.
    """

    number: int
    kind: str
    location: str
    place: str
    sha256: str | None
    truth: str | None
    truth_by: str | None
    truth_made: float | None
    answer: Answered | None
    failed: Failed | None

    @property
    def right(self) -> bool | None:
        """Whether the best known class is the truth; None where that cannot be said."""
        if self.answer is None or self.truth in (None, NEITHER):
            return None
        return self.answer.best == self.truth


@dataclass(frozen=True, slots=True)
class Summary:
    """What a store's rows sum up to.

    ``labels`` counts the verdicts, ``known`` the photos with a truth among the classes;
    ``accuracy`` (0 to 1, with its 95 % interval) is of the best known class on them, and
    ``refused`` the share of them that came out unknown. ``neither`` photos show none of the
    classes; ``neither_refused`` is the share of them that came out unknown. ``again`` photos were
    answered by another engine than the run's: the reference, near a boundary.
    """

    items: int
    failed: int
    labels: Mapping[str, int]
    unknown: int
    again: int
    known: int
    accuracy: float | None
    interval: tuple[float, float] | None
    refused: float | None
    neither: int
    neither_refused: float | None
    corrected: int


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """One explanation of an item, small: ``heat`` float32 32×32 over the photo's whole frame.

    ``folder`` (below the run's) holds it whole; ``facts`` are figures by their codes.
    """

    item: int
    method: str
    target: str
    heat: npt.NDArray[np.float32]
    folder: str
    facts: Mapping[str, float]


class Reader:
    """A store opened for reading, by one thread.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = connect_to_read(folder)
        found = identity_of(folder)
        self.identity = found or Identity("", "", "", "{}", None, ())

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def rows(self) -> Iterator[Row]:
        """Every row in the order of the items' numbers, a page at a time."""
        last = 0
        while True:
            with told(self.folder):
                page = self._db.execute(
                    f"{_ROWS} WHERE item.id > ? ORDER BY item.id LIMIT ?", (last, AT_ONCE)
                ).fetchall()
            if not page:
                return
            last = page[-1][0]
            for found in page:
                yield self._row(found)

    def some(self, numbers: Sequence[int]) -> list[Row]:
        """The rows of these items, in this order; what is not there is left out."""
        found: dict[int, Row] = {}
        for start in range(0, len(numbers), AT_ONCE):
            part = [int(number) for number in numbers[start : start + AT_ONCE]]
            marks = ", ".join("?" * len(part))
            with told(self.folder):
                page = self._db.execute(f"{_ROWS} WHERE item.id IN ({marks})", part).fetchall()
            found.update((row[0], self._row(row)) for row in page)
        return [found[int(number)] for number in numbers if int(number) in found]

    def _row(self, found: Sequence[object]) -> Row:
        number, key, kind, place, sha256, truth, by, made, *rest = found
        assert isinstance(key, bytes)
        *answer, code, message = rest
        return Row(
            number=int(str(number)),
            kind=str(kind),
            location=os.fsdecode(key),
            place=str(place),
            sha256=None if sha256 is None else str(sha256),
            truth=None if truth is None else str(truth),
            truth_by=None if by is None else str(by),
            truth_made=made if isinstance(made, float) else None,
            answer=None if answer[0] is None else self._answer(answer),
            failed=None if code is None else Failed(str(code), str(message)),
        )

    def _answer(self, found: Sequence[object]) -> Answered:
        label, best, confidence, unknown, unknown_score, scores, engine, *rest = found
        width, height, image_format, notes, *ms = rest
        assert isinstance(scores, bytes)
        values = np.frombuffer(scores, "<f8").tolist()
        stages = ("read", "decode", "prepare", "compute")
        return Answered(
            label=str(label),
            best=str(best),
            confidence=float(str(confidence)),
            unknown=bool(unknown),
            unknown_score=unknown_score if isinstance(unknown_score, float) else None,
            scores=dict(zip(self.identity.classes, values, strict=True)),
            engine=str(engine),
            width=int(str(width)),
            height=int(str(height)),
            format=str(image_format),
            notes=tuple(json.loads(str(notes))),
            ms={stage: float(str(one)) for stage, one in zip(stages, ms, strict=True)},
        )

    def heats(self, numbers: Sequence[int], method: str = "") -> list[Heat]:
        """The explanations of these items (by one method, unless it is empty), by item."""
        found: list[Heat] = []
        for start in range(0, len(numbers), AT_ONCE):
            part: list[object] = [int(number) for number in numbers[start : start + AT_ONCE]]
            marks = ", ".join("?" * len(part))
            by = " AND method = ?" if method else ""
            page = self._db.execute(
                f"SELECT item, method, target, heat, folder, facts FROM explanation "
                f"WHERE item IN ({marks}) AND heat IS NOT NULL{by} ORDER BY item, made",
                [*part, *([method] if method else [])],
            )
            found += [_heat(row) for row in page]
        return found

    def explained(self) -> dict[int, frozenset[str]]:
        """The methods that each item was explained by."""
        found: dict[int, frozenset[str]] = {}
        for item, methods in self._db.execute(
            "SELECT item, group_concat(method) FROM explanation GROUP BY item"
        ):
            found[item] = frozenset(methods.split(","))
        return found

    def judged(self) -> frozenset[int]:
        """The items whose explanations were judged by the trust badge."""
        sql = f"SELECT DISTINCT item FROM explanation WHERE json_extract(facts, '$.{TRUST}') >= 0"
        return frozenset(item for (item,) in self._db.execute(sql))

    def inputs(self) -> tuple[str, ...]:
        """What the run was asked to look at."""
        row = self._db.execute("SELECT inputs FROM run").fetchone()
        return () if row is None else tuple(json.loads(row[0]))

    def finished(self) -> float | None:
        """When the run came to its end, in seconds since 1970; None when it has not."""
        row = self._db.execute("SELECT finished FROM run").fetchone()
        return None if row is None else row[0]

    def summary(self) -> Summary:
        """Count everything."""
        with told(self.folder):
            return _summary(self._db, self.identity.engine)


def _heat(row: Sequence[Any]) -> Heat:
    item, method, target, packed, folder, facts = row
    heat = np.frombuffer(packed, "<f2").astype(np.float32).reshape(HEAT_CELLS, HEAT_CELLS)
    return Heat(item, method, target, heat, folder, json.loads(facts))


def summary_of(folder: Path) -> Summary:
    """What the store in a folder sums up to.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """
    with closing(Reader(folder)) as reader:
        return reader.summary()


def _summary(db: sqlite3.Connection, engine: str) -> Summary:
    def number(sql: str, *values: object) -> int:
        return int(db.execute(sql, values).fetchone()[0] or 0)

    joined = "FROM item JOIN prediction ON prediction.item = item.id WHERE truth"
    labels = dict(
        db.execute("SELECT label, count(*) FROM prediction GROUP BY label ORDER BY count(*) DESC")
    )
    known, right, refused = db.execute(
        f"SELECT count(*), total(truth = best), total(unknown) {joined} != ?", (NEITHER,)
    ).fetchone()
    neither, neither_refused = db.execute(
        f"SELECT count(*), total(unknown) {joined} = ?", (NEITHER,)
    ).fetchone()
    return Summary(
        items=number("SELECT count(*) FROM item"),
        failed=number("SELECT count(*) FROM error"),
        labels=labels,
        unknown=number("SELECT count(*) FROM prediction WHERE unknown"),
        again=number("SELECT count(*) FROM prediction WHERE engine != ?", engine),
        known=known,
        accuracy=right / known if known else None,
        interval=wilson(right / known, known) if known else None,
        refused=refused / known if known else None,
        neither=neither,
        neither_refused=neither_refused / neither if neither else None,
        corrected=number("SELECT count(*) FROM item WHERE truth_by = 'person'"),
    )
