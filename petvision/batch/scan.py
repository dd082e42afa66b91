"""Which photos there are: folders walked and lists read while the run is already answering.

Nothing is gathered first: a folder of a million entries gives its first photos at once, and no
more than ``CHUNK`` names are held at a time.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from petvision.images.inputs import is_photo_name, source_of
from petvision.images.types import Source

CHUNK = 5000  # entries of a folder that are sorted at a time
SETTLE_S = 2.0  # a file that was written to more recently may still be growing


@dataclass(frozen=True, slots=True)
class Found:
    """A photo that a scan came upon, and what tells whether it changed.

    ``key`` names it in a store: the bytes of its absolute path, or its address. ``size`` (bytes)
    and ``mtime_ns`` are None for an address and for what is not there.
    """

    source: Source
    key: bytes
    size: int | None
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a person named.

    ``places`` are folders, photos, addresses, list files and ``-``; ``lines`` stands for the lines
    of standard input (None: nothing there just now). ``skip`` are shell patterns for names or
    paths to leave out, ``avoid`` folders that are never entered (the run's own).
    """

    places: tuple[str, ...]
    lines: Iterable[str | None] = ()
    recursive: bool = True
    skip: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()


def scan(inputs: Inputs) -> Iterator[Found | None]:
    """Every photo of the inputs, as it is come upon; None where there is nothing just now.

    Folders come in order of their names (within each ``CHUNK``), a folder's own photos before
    those of the folders in it; links to folders are not followed, hidden names are left out. What
    was named and is not there comes out as well: loading it tells why.
    """
    for place in inputs.places:
        for found in _place(place, inputs):
            if found is None or not _skipped(found, inputs.skip):
                yield found


def watch(inputs: Inputs, wait_s: float = 1.0) -> Iterator[Found | None]:
    """``scan`` again and again, without an end; between two scans it waits, saying None.

    Each photo comes once, and again when its file changes (eight bytes are kept of each). Files
    that were written to within ``SETTLE_S`` are left for the next scan. The wait grows with the
    time a scan takes, so that a large folder is not listed without a break.
    """
    told: set[int] = set()
    while True:
        start = time.monotonic()
        for found in scan(inputs):
            if found is None:
                yield None
                continue
            state = hash((found.key, found.size, found.mtime_ns))
            if state not in told and not _fresh(found):
                told.add(state)
                yield found
        pause_until = time.monotonic() + max(wait_s, 10 * (time.monotonic() - start))
        while (left := pause_until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
            yield None


def count(inputs: Inputs, every: int = 2000) -> Iterator[int]:
    """How many photos ``scan`` will find, counted ``every`` entries at a time; the last is all.

    Standard input cannot be counted and counts nothing.
    """
    places = tuple(place for place in inputs.places if place != "-")
    found = scan(replace(inputs, places=places))
    total = 0
    while chunk := sum(1 for _ in itertools.islice(found, every)):
        total += chunk
        yield total
    yield total


def key_of(source: Source) -> bytes:
    """What names a source in a store: the bytes of its absolute path, or its address."""
    if source.kind == "file":
        return os.fsencode(os.path.abspath(source.location))  # noqa: PTH100 - a link stays one
    return os.fsencode(source.location)


def found_of(source: Source) -> Found:
    """A single source as a scan would find it."""
    if source.kind != "file":
        return Found(source, key_of(source), None, None)
    absolute = replace(source, location=os.path.abspath(source.location))  # noqa: PTH100
    try:
        facts = Path(absolute.location).stat()
    except (OSError, ValueError):  # gone, forbidden, or a name no file can have: loading tells
        return Found(absolute, key_of(absolute), None, None)
    return Found(absolute, key_of(absolute), facts.st_size, facts.st_mtime_ns)


def read_patterns(path: Path) -> tuple[str, ...]:
    """The lines of a skip list, without empty ones and those that begin with ``#``."""
    lines = os.fsdecode(path.read_bytes()).splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _place(place: str, inputs: Inputs) -> Iterator[Found | None]:
    if place == "-":
        for line in inputs.lines:
            if line is None:
                yield None
            else:
                yield from _line(line, inputs)
        return
    source = source_of(place)
    if source.kind == "url" or is_photo_name(source.location):
        yield from _line(place, inputs)
    elif Path(source.location).is_file():
        with Path(source.location).open("rb") as lines:
            for raw in lines:
                yield from _line(os.fsdecode(raw).rstrip("\r\n"), inputs)
    else:
        yield from _line(place, inputs)


def _line(text: str, inputs: Inputs) -> Iterator[Found]:
    if not text:
        return
    found = found_of(source_of(text))
    if found.source.kind == "file" and Path(found.source.location).is_dir():
        yield from _walk(found.source.location, inputs)
    else:
        yield found


def _walk(folder: str, inputs: Inputs) -> Iterator[Found]:
    waiting = [folder]
    while waiting:
        below: list[str] = []
        yield from _photos(waiting.pop(), inputs, below)
        waiting += sorted(below, reverse=True)


def _photos(folder: str, inputs: Inputs, below: list[str]) -> Iterator[Found]:
    """The photos right in a folder; the folders in it are added to ``below``."""
    try:
        with os.scandir(folder) as entries:
            while chunk := list(itertools.islice(entries, CHUNK)):
                chunk.sort(key=lambda entry: entry.name)
                for entry in chunk:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if inputs.recursive and entry.path not in inputs.avoid:
                            below.append(entry.path)
                    elif is_photo_name(entry.name):
                        yield _entry(entry)
    except OSError:
        yield found_of(source_of(folder))  # loading it tells why it cannot be listed


def _entry(entry: os.DirEntry[str]) -> Found:
    source = source_of(entry.path)
    try:
        facts = entry.stat()
        regular = stat.S_ISREG(facts.st_mode)
    except OSError:
        regular = False
    if not regular:
        return Found(source, os.fsencode(entry.path), None, None)
    return Found(source, os.fsencode(entry.path), facts.st_size, facts.st_mtime_ns)


def _skipped(found: Found, patterns: Sequence[str]) -> bool:
    place = found.source.location
    name = Path(place).name
    return any(fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(place, p) for p in patterns)


def _fresh(found: Found) -> bool:
    if found.mtime_ns is None:
        return False
    return 0 <= time.time() - found.mtime_ns / 1e9 < SETTLE_S
