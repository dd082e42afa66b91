"""What is sorted, filtered and counted, as columns in memory: some thirty bytes a photo.

So a threshold can be dragged over a million photos and all counts follow at once. Names and
pictures stay in the store. numpy only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from petvision.batch.file import Identity, connect_to_read, identity_of, told
from petvision.batch.truth import NEITHER
from petvision.evaluate.metrics import wilson

BINS = 20
UNKNOWN = "unknown"
NOTHING = -1  # the code of no label

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int16]
Reals = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

Kind = Literal["", "wrong", "right", "corrected", "truth", "no truth", "explained"]
Order = Literal["number", "name", "label", "confidence", "truth", "strange", "mistakes", "doubt"]

_COLUMNS = """
SELECT item.id, item.change, label, best, confidence, unknown_score, truth, truth_by = 'person',
    state = 'failed'
FROM item LEFT JOIN prediction ON prediction.item = item.id
WHERE item.change > ? ORDER BY item.id
"""
_MAPS = """
SELECT item.id, min(coalesce(json_extract(facts, '$.agreement'), 2)),
    min(json_extract(facts, '$.trust'))
FROM explanation JOIN item ON item.id = explanation.item
WHERE item.change > ? GROUP BY item.id ORDER BY item.id
"""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A store's items in the order of their numbers.

    ``label``, ``best`` and ``truth`` are places in ``names`` (``NOTHING`` for none); ``agreement``
    is the least rank correlation of an explained photo's maps (2 where there is one map only, NaN
    where there is none), ``trust`` the worst of their badges (0 red, 1 amber, 2 green, NaN where
    none was asked for). ``change`` is up to where the store was read.
    """

    identity: Identity
    names: tuple[str, ...]
    change: int
    numbers: Ints
    label: Codes
    best: Codes
    truth: Codes
    confidence: Reals
    strange: Reals
    by_person: Flags
    failed: Flags
    agreement: Reals
    trust: Reals

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def judged(self) -> Flags:
        """Whose truth is one of the classes, and which have an answer."""
        known = (self.truth >= 0) & (self.truth != self.code(NEITHER))
        return np.asarray(known & (self.best >= 0))

    @property
    def wrong(self) -> Flags:
        """Whose best class is another than the truth."""
        return np.asarray(self.judged & (self.best != self.truth))

    def code(self, name: str) -> int:
        """A name's place; one that stands for nothing where it is not there."""
        return self.names.index(name) if name in self.names else -2

    def verdicts(self, threshold: float | None) -> Codes:
        """The labels that a threshold on the unknown score would give (None: never unknown)."""
        if threshold is None:
            return self.best
        unknown = self.strange > threshold  # NaN is not
        return np.where(unknown, np.int16(self.code(UNKNOWN)), self.best).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items are wanted, and in which order.

    ``label`` is a verdict (``"!"``: could not be read), ``bin`` a bin of the histogram, ``cell`` a
    truth and a verdict, ``numbers`` those whose text fits (None: all).
    """

    label: str = ""
    kind: Kind = ""
    bin: int | None = None
    cell: tuple[str, str] | None = None
    text: str = ""
    order: Order = "number"
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a threshold on the unknown score does.

    ``counts`` by verdict; ``accuracy`` of what is not refused, with its interval and ``judged``
    photos; ``refused`` is the share of known photos that come out unknown, ``caught`` the share
    of photos of neither class that do (None where there are none).
    """

    threshold: float | None
    counts: dict[str, int]
    judged: int
    accuracy: float | None
    interval: tuple[float, float] | None
    refused: float | None
    caught: float | None


def load(folder: Path, before: Columns | None = None) -> Columns:
    """Read a store's columns; with those read ``before``, only what changed since.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """
    identity = identity_of(folder) or Identity("", "", "", "{}", None, ())
    if before is None or before.identity != identity:
        before = _empty(identity)
    with closing(connect_to_read(folder)) as db, told(folder):
        rows = db.execute(_COLUMNS, (before.change,)).fetchall()
        maps = db.execute(_MAPS, (before.change,)).fetchall() if rows else []
    return _merged(before, rows, maps) if rows else before


def _empty(identity: Identity) -> Columns:
    names = (*identity.classes, UNKNOWN, NEITHER)
    codes, reals, flags = np.zeros(0, np.int16), np.zeros(0, np.float32), np.zeros(0, bool)
    numbers = np.zeros(0, np.int64)
    return Columns(
        identity, names, -1, numbers, codes, codes, codes, reals, reals, flags, flags, reals, reals
    )


def _merged(
    before: Columns, rows: Sequence[tuple[Any, ...]], maps: Sequence[tuple[Any, ...]]
) -> Columns:
    number, change, label, best, confidence, strange, truth, person, failed = zip(
        *rows, strict=True
    )
    names = tuple(dict.fromkeys([*before.names, *filter(None, {*label, *best, *truth})]))
    code_of: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    code_of[None] = NOTHING

    def codes(values: Sequence[str | None]) -> Codes:
        return np.fromiter((code_of[value] for value in values), np.int16, len(values))

    def reals(values: Sequence[float | None]) -> Reals:
        return np.array(values, np.float64).astype(np.float32)  # None becomes NaN

    def flags(values: Sequence[int | None]) -> Flags:
        return np.array([bool(value) for value in values])

    fresh = np.array(number, np.int64)
    agreement, trust = np.full((2, len(fresh)), np.nan, np.float32)
    if maps:  # of those that changed while this was read, the next reading tells
        explained, agree, light = zip(*maps, strict=True)
        inside = np.isin(explained, fresh)
        places = np.searchsorted(fresh, np.array(explained)[inside])
        agreement[places], trust[places] = reals(agree)[inside], reals(light)[inside]
    old = np.isin(before.numbers, fresh, assume_unique=True)
    order = np.argsort(np.concatenate([before.numbers[~old], fresh]), kind="stable")

    def merge(was: npt.NDArray[Any], now: npt.NDArray[Any]) -> Any:
        return np.concatenate([was[~old], now])[order]

    return Columns(
        identity=before.identity,
        names=names,
        change=max(change),
        numbers=merge(before.numbers, fresh),
        label=merge(before.label, codes(label)),
        best=merge(before.best, codes(best)),
        truth=merge(before.truth, codes(truth)),
        confidence=merge(before.confidence, reals(confidence)),
        strange=merge(before.strange, reals(strange)),
        by_person=merge(before.by_person, flags(person)),
        failed=merge(before.failed, flags(failed)),
        agreement=merge(before.agreement, agreement),
        trust=merge(before.trust, trust),
    )


def chosen(
    columns: Columns, wanted: Wanted, fits: Ints | None = None, names: Ints | None = None
) -> Ints:
    """The numbers of the wanted items in the wanted order.

    Args:
        columns: of a store.
        wanted: which, and how.
        fits: from ``matching``, where a text is wanted.
        names: from ``by_name``, where that order is wanted.
    """
    mask = _mask(columns, wanted)
    if fits is not None:
        mask &= np.isin(columns.numbers, fits)
    where = np.flatnonzero(mask)
    key = _key(columns, wanted.order, names)
    if key is not None:
        where = where[np.argsort(key[where], kind="stable")]
    if wanted.backwards:
        where = where[::-1]
    return np.asarray(columns.numbers[where])


def _mask(columns: Columns, wanted: Wanted) -> Flags:
    mask = np.ones(len(columns), bool)
    if wanted.label:
        mask &= (
            columns.failed if wanted.label == "!" else columns.label == columns.code(wanted.label)
        )
    if wanted.bin is not None:
        mask &= bins_of(columns.confidence) == wanted.bin
    if wanted.cell is not None:
        truth, verdict = wanted.cell
        mask &= (columns.truth == columns.code(truth)) & (columns.label == columns.code(verdict))
    kinds: dict[str, Flags] = {
        "wrong": columns.wrong,
        "right": columns.judged & ~columns.wrong,
        "corrected": columns.by_person,
        "truth": columns.truth >= 0,
        "no truth": columns.truth < 0,
        "explained": ~np.isnan(columns.agreement),
    }
    return mask & kinds[wanted.kind] if wanted.kind else mask


def _key(columns: Columns, order: Order, names: Ints | None) -> npt.NDArray[Any] | None:
    if order == "name" and names is not None:
        place = np.full(int(columns.numbers.max(initial=0)) + 1, len(names))
        place[names] = np.arange(len(names))
        return np.asarray(place[columns.numbers])
    if order == "mistakes":
        return np.where(columns.wrong, -columns.confidence, 2 - np.nan_to_num(columns.confidence))
    if order == "doubt":
        return doubt(columns) * -1
    keys: dict[str, npt.NDArray[Any]] = {
        "label": columns.label,
        "confidence": columns.confidence,
        "truth": columns.truth,
        "strange": columns.strange,
    }
    return keys.get(order)


def doubt(columns: Columns) -> Reals:
    """How badly an answer is founded, 0 to 4 (failed photos: -1).

    One each for: near the border between two classes, near the unknown threshold (in standard
    deviations of the score), maps that disagree, and a red badge (half for an amber one).
    """
    classes = max(2, len(columns.identity.classes))
    border = 1 - np.clip((columns.confidence - 1 / classes) / (1 - 1 / classes), 0, 1)
    near = np.zeros(len(columns), np.float32)
    limit, known = columns.identity.threshold, ~np.isnan(columns.strange)
    if limit is not None and known.any():
        spread = float(columns.strange[known].std()) or 1.0
        near[known] = np.exp(-np.abs(columns.strange[known] - limit) / spread)
    apart = np.clip((0.5 - np.nan_to_num(columns.agreement, nan=2.0)) / 0.5, 0, 1)
    badge = 1 - np.nan_to_num(columns.trust, nan=2.0) / 2
    found = np.nan_to_num(border) + near + apart + badge
    return np.asarray(np.where(columns.failed, -1, found), np.float32)


def counts(columns: Columns) -> dict[str, int]:
    """How many items came out as what, the most first; ``"!"`` could not be read."""
    found = np.bincount(columns.label[columns.label >= 0], minlength=len(columns.names))
    known = {columns.names[place]: int(found[place]) for place in np.argsort(-found, kind="stable")}
    counted = {name: count for name, count in known.items() if count}
    if failed := int(columns.failed.sum()):
        counted["!"] = failed
    return counted


def bins_of(confidence: Reals) -> npt.NDArray[np.int64]:
    """The bin of each confidence, -1 where there is none."""
    places = np.minimum(BINS - 1, np.nan_to_num(confidence) * BINS).astype(np.int64)
    return np.where(np.isnan(confidence), -1, places)


def histogram(columns: Columns) -> list[int]:
    """How many confidences lie in each of ``BINS`` equal bins from 0 to 1."""
    bins = bins_of(columns.confidence)
    return [int(count) for count in np.bincount(bins[bins >= 0], minlength=BINS)]


def confusion(columns: Columns) -> dict[tuple[str, str], int]:
    """How many items of each truth came out as what, by (truth, verdict)."""
    some = (columns.truth >= 0) & (columns.label >= 0)
    size = len(columns.names)
    cells = columns.truth[some].astype(np.int64) * size + columns.label[some]
    found = np.bincount(cells, minlength=size * size)
    return {
        (columns.names[cell // size], columns.names[cell % size]): int(found[cell])
        for cell in np.flatnonzero(found)
    }


def at_threshold(columns: Columns, threshold: float | None) -> Threshold:
    """What a threshold on the unknown score would do to the counts and the accuracy."""
    verdicts = columns.verdicts(threshold)
    unknown = verdicts == columns.code(UNKNOWN)
    found = np.bincount(verdicts[verdicts >= 0], minlength=len(columns.names))
    judged = columns.judged
    answered = judged & ~unknown
    right = int((answered & (columns.best == columns.truth)).sum())
    n, neither = int(answered.sum()), (columns.truth == columns.code(NEITHER)) & (columns.best >= 0)
    return Threshold(
        threshold=threshold,
        counts={name: int(count) for name, count in zip(columns.names, found, strict=True)},
        judged=n,
        accuracy=right / n if n else None,
        interval=wilson(right / n, n) if n else None,
        refused=float(unknown[judged].mean()) if judged.any() else None,
        caught=float(unknown[neither].mean()) if neither.any() else None,
    )


def matching(folder: Path, text: str) -> Ints:
    """The numbers of the items whose place, labels or error hold a text, whatever its case.

    Raises:
        OutputError: when the store cannot be read.
    """
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    with closing(connect_to_read(folder)) as db, told(folder):
        return _numbers(
            db,
            "SELECT item.id FROM item LEFT JOIN error ON error.item = item.id "
            "WHERE place LIKE ?1 ESCAPE '\\' OR truth LIKE ?1 ESCAPE '\\' "
            "OR message LIKE ?1 ESCAPE '\\' ORDER BY item.id",
            f"%{escaped}%",
        )


def by_name(folder: Path) -> Ints:
    """The numbers of all items in the order of their places.

    Raises:
        OutputError: when the store cannot be read.
    """
    with closing(connect_to_read(folder)) as db, told(folder):
        return _numbers(db, "SELECT id FROM item ORDER BY place COLLATE NOCASE, id")


def _numbers(db: sqlite3.Connection, sql: str, *values: object) -> Ints:
    return np.fromiter((row[0] for row in db.execute(sql, values)), np.int64)
