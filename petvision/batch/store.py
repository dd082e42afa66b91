"""The store of a run: one SQLite file, written in transactions.

An item is there only together with its prediction or its error: after any crash it is either
wholly there or wholly to do. While a run is at work the store is in WAL mode, so that others can
read along; a run that came to its end leaves it in DELETE mode, so that it opens from a folder
that cannot be written. On a network drive, where WAL cannot be trusted, it is in DELETE mode all
the time.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import petvision
from petvision.batch.file import (
    FILE,
    SCHEMA,
    TABLES,
    Identity,
    check_version,
    on_network,
    read_identity,
    read_inputs,
    refuse_another,
    told,
)
from petvision.batch.scan import Found
from petvision.errors import PetVisionError
from petvision.images.inputs import shown
from petvision.images.types import Floats
from petvision.models.results import Prediction

PERSON, FOLDERS, TABLE = "person", "folders", "table"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a found photo: a prediction or, in its place, the error.

    ``truth`` is what is on it, where that is known, and ``truth_by`` who says so.
    """

    found: Found
    prediction: Prediction | None
    error: PetVisionError | None
    truth: str | None = None
    truth_by: str = FOLDERS


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """One explanation of an item: ``heat`` n×n over the photo's whole frame, and where it lies.

    ``folder`` is below the run's; ``parameters`` and ``facts`` are JSON; ``made`` in seconds
    since 1970.
    """

    item: int
    method: str
    target: str
    parameters: str
    image_sha256: str
    folder: str
    heat: Floats
    facts: str
    made: float


class Store:
    """A store opened for writing, by one thread.

    Raises:
        OutputError: ``exists`` when the file is no store or a later program's, ``read_only`` or
            ``no_space`` when it cannot be written; so does every method.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        with told(folder):
            fresh = not self.path.exists()
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            try:
                self._prepare(fresh)
            except BaseException:
                self._db.close()
                raise
            (last,) = self._db.execute("SELECT coalesce(max(change), 0) FROM item").fetchone()
            self._change = int(last)

    def _prepare(self, fresh: bool) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            with self._transaction():
                for statement in TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        else:
            check_version(version, self.folder)
        mode = "DELETE" if on_network(self.path) else "WAL"
        with suppress(sqlite3.OperationalError):  # a drive that cannot: the store stays as it is
            (mode,) = self._db.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        self._db.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.OperationalError):  # SQLite may have rolled back itself
                self._db.execute("ROLLBACK")
            raise

    def begin(self, identity: Identity, inputs: Sequence[str]) -> None:
        """Say what the run is about; a store that has begun must have begun the same.

        Raises:
            OutputError: ``exists`` when the store belongs to another model, engine,
                preprocessing or unknown threshold.
        """
        with told(self.folder):
            before = read_identity(self._db)
            if before is not None:
                refuse_another(before, identity, self.folder)
            with self._transaction():
                places = list(dict.fromkeys([*read_inputs(self._db), *inputs]))
                self._db.execute(
                    "INSERT INTO run VALUES (1, ?, ?, NULL, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET finished = NULL, inputs = excluded.inputs",
                    (
                        petvision.__version__,
                        time.time(),
                        identity.model,
                        identity.model_sha256,
                        identity.engine,
                        identity.preprocessing,
                        identity.threshold,
                        json.dumps(identity.classes),
                        json.dumps(places),
                    ),
                )

    def settled(self, found: Found, *, retry: bool = False) -> bool:
        """Whether a photo needs no work: it is there and its file has not changed.

        What could not be reached (not there, no permission, network) is tried again each time;
        what could not be read only when ``retry`` says so or its file has changed.
        """
        row = self._db.execute(
            "SELECT size, mtime_ns, state, (SELECT code FROM error WHERE error.item = item.id) "
            "FROM item WHERE key = ?",
            (found.key,),
        ).fetchone()
        if row is None:
            return False
        size, mtime_ns, state, code = row
        if state == "failed" and (retry or code in ("not_found", "refused", "network")):
            return False
        return (size, mtime_ns) == (found.size, found.mtime_ns)

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what became of some photos, in one transaction."""
        if not outcomes:
            return
        with told(self.folder), self._transaction():
            self._change += 1
            for outcome in outcomes:
                self._write(outcome)

    def _write(self, outcome: Outcome) -> None:
        found, prediction = outcome.found, outcome.prediction
        sha256 = None if prediction is None else prediction.image.sha256
        state = "failed" if prediction is None else "done"
        place = shown(os.fsdecode(found.key))
        facts = (found.source.kind, place, found.size, found.mtime_ns, sha256, state)
        (number, truth) = self._db.execute(
            "INSERT INTO item (key, kind, place, size, mtime_ns, sha256, state, change) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "size = excluded.size, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, "
            "state = excluded.state, change = excluded.change RETURNING id, truth",
            (found.key, *facts, self._change),
        ).fetchone()
        for table in ("prediction", "error", "explanation"):
            self._db.execute(f"DELETE FROM {table} WHERE item = ?", (number,))
        if prediction is not None:
            self._db.execute(
                f"INSERT INTO prediction VALUES ({', '.join('?' * 16)})",
                (number, *_columns(prediction)),
            )
        elif outcome.error is not None:
            error = outcome.error
            message = shown(str(error))
            self._db.execute("INSERT INTO error VALUES (?, ?, ?)", (number, error.code, message))
        if outcome.truth is not None and truth is None:
            self._set_truth(number, outcome.truth, outcome.truth_by)

    def set_truth(self, items: Iterable[int], label: str | None, made_by: str = PERSON) -> int:
        """Say what is on photos (None: take it back), and return how many that changed.

        What a person said is never overruled by a folder's name or a table.
        """
        return self.set_truths(((item, label) for item in items), made_by)

    def set_truths(self, truths: Iterable[tuple[int, str | None]], made_by: str) -> int:
        """``set_truth`` with a label of its own for each item, in one transaction."""
        changed = 0
        with told(self.folder), self._transaction():
            self._change += 1
            for item, label in truths:
                changed += self._set_truth(item, label, made_by)
        return changed

    def _set_truth(self, item: int, label: str | None, made_by: str) -> int:
        before = self._db.execute(
            "SELECT truth, truth_by FROM item WHERE id = ?", (item,)
        ).fetchone()
        if before is None or (before[1] == PERSON and made_by != PERSON):
            return 0
        if before == (label, made_by):
            return 0
        by = made_by if label is not None else None
        self._db.execute(
            "UPDATE item SET truth = ?, truth_by = ?, change = ? WHERE id = ?",
            (label, by, self._change, item),
        )
        self._db.execute(
            "INSERT INTO truth (item, label, made_by, made) VALUES (?, ?, ?, ?)",
            (item, label, made_by, time.time()),
        )
        return 1

    def explained(self, item: int, found: Sequence[Explained]) -> None:
        """Keep an item's explanations, in one transaction."""
        with told(self.folder), self._transaction():
            self._change += 1
            for one in found:
                heat = one.heat.astype("<f2").tobytes()
                self._db.execute(
                    "INSERT OR REPLACE INTO explanation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(one.item, one.method, one.target, one.parameters),
                        *(one.image_sha256, one.folder, heat, one.facts, one.made),
                    ),
                )
            self._db.execute("UPDATE item SET change = ? WHERE id = ?", (self._change, item))

    def known_keys(self, at_once: int = 2000) -> Iterator[list[tuple[int, bytes]]]:
        """The number and key of every item, some at a time."""
        last = 0
        while rows := self._db.execute(
            "SELECT id, key FROM item WHERE id > ? ORDER BY id LIMIT ?", (last, at_once)
        ).fetchall():
            last = rows[-1][0]
            yield rows

    def finish(self) -> None:
        """The run came to its end: say so, and leave the store in one file."""
        with told(self.folder):
            with self._transaction():
                self._db.execute("UPDATE run SET finished = ?", (time.time(),))
            self._db.execute("PRAGMA optimize")
        self.settle()

    def settle(self) -> None:
        """Leave a store whose run came to its end in one file (an unfinished one as it is)."""
        with told(self.folder):
            (finished,) = self._db.execute("SELECT max(finished) FROM run").fetchone()
            if finished is not None:
                # A reader at work keeps it in WAL mode: the next writer will tidy up.
                with suppress(sqlite3.OperationalError):
                    self._db.execute("PRAGMA busy_timeout = 2000")
                    self._db.execute("PRAGMA journal_mode = DELETE")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def _columns(prediction: Prediction) -> tuple[object, ...]:
    image, ms = prediction.image, prediction.ms
    return (
        prediction.label,
        prediction.best_class,
        prediction.confidence,
        prediction.unknown,
        prediction.unknown_score,
        np.array(list(prediction.scores.values()), "<f8").tobytes(),
        prediction.engine,
        image.width,
        image.height,
        image.format,
        json.dumps([str(note) for note in image.notes]),
        ms.read,
        ms.decode,
        ms.prepare,
        ms.compute,
    )
