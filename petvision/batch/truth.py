"""What is really on the photos: from the folders' names, a table, or a person.

A truth is one of the model's classes, or ``neither``: none of them.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from petvision.batch.store import FOLDERS, TABLE
from petvision.errors import ConfigError, InputError
from petvision.images.inputs import shown

NEITHER = "neither"
_NONE_OF_THEM = frozenset(
    {"neither", "none", "other", "others", "unknown", "negative", "negatives"}
)
_PATHS = ("path", "source", "file", "filename", "image", "photo", "place")
_LABELS = ("truth", "label", "class", "target", "species")


@dataclass(frozen=True, slots=True)
class Truths:
    """Where truths come from: ``table`` by a store's key, or (None) the folders' names.

    ``roots`` are the folders that were named, as absolute paths: of a photo in one, its name and
    the names below it count, and none above. Of other photos the folder they lie in counts.
    """

    classes: tuple[str, ...]
    table: Mapping[bytes, str] | None = None
    roots: tuple[str, ...] = ()

    @property
    def made_by(self) -> str:
        """How a store names it."""
        return FOLDERS if self.table is None else TABLE

    def of(self, key: bytes) -> str | None:
        """The truth of a photo, where it is known."""
        if self.table is not None:
            return self.table.get(key)
        for folder in self._folders(PurePath(os.fsdecode(key))):
            truth = as_truth(folder, self.classes)
            if truth is not None:
                return truth
        return None

    def _folders(self, path: PurePath) -> Iterator[str]:
        """The names that may tell, the nearest first."""
        for root in map(PurePath, self.roots):
            if path.is_relative_to(root):
                yield from reversed(path.relative_to(root).parts[:-1])
                yield root.name
                return
        yield path.parent.name


def as_truth(word: str, classes: Sequence[str]) -> str | None:
    """The class that a word names ("Cats" is cat), ``neither``, or None."""
    plain = word.strip().casefold()
    for name in classes:
        if plain in (name.casefold(), f"{name.casefold()}s"):
            return name
    return NEITHER if plain in _NONE_OF_THEM else None


def read_table(path: Path, classes: Sequence[str], roots: Sequence[str] = ()) -> Truths:
    """Truths from a CSV file with a column of paths and one of labels, named in its first line.

    A relative path is looked for beside the file and below each of ``roots``.

    Raises:
        InputError: when the file cannot be read.
        ConfigError: when a column is missing or a label is no class.
    """
    name = shown(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        remedy = "Name a CSV file with a column path and a column truth."
        raise InputError("not_found", name, remedy=remedy) from error
    rows = csv.reader(io.StringIO(text, newline=""), _dialect(text))
    head = [cell.strip().casefold() for cell in next(rows, [])]
    places, labels = _column(head, _PATHS, name), _column(head, _LABELS, name)
    bases = [str(path.parent.absolute()), *roots]
    table: dict[bytes, str] = {}
    for number, row in enumerate(rows, 2):
        if len(row) <= max(places, labels) or not row[labels].strip():
            continue
        truth = as_truth(row[labels], classes)
        if truth is None:
            expected = f"one of {', '.join(classes)} or {NEITHER}"
            key = f"the label in line {number}"
            found = shown(row[labels])
            raise ConfigError("range", name, key=key, expected=expected, found=found)
        for key_bytes in _keys(row[places], bases):
            table[key_bytes] = truth
    return Truths(tuple(classes), table)


def _keys(place: str, bases: Sequence[str]) -> Iterator[bytes]:
    if "://" in place or os.path.isabs(place):  # noqa: PTH117 - a str, like what follows
        yield os.fsencode(place)
        return
    for base in bases:
        yield os.fsencode(os.path.normpath(os.path.join(base, place)))  # noqa: PTH118


def _dialect(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:4096].splitlines()[0], ",;\t")
    except (csv.Error, IndexError):
        return csv.excel


def _column(head: Sequence[str], names: Sequence[str], table: str) -> int:
    for name in names:
        if name in head:
            return head.index(name)
    remedy = f"Its first line must name one: {', '.join(names)}."
    raise ConfigError("key", table, key=f"column {names[0]}", remedy=remedy)
