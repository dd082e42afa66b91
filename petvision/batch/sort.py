"""Photos sorted into folders by what they show: copied or linked, never moved.

Nothing is ever deleted or overwritten: a name that is taken gets a number. What was made is
written down in an undo file while it is made, so that even after a crash it can be taken back;
taking back removes only what is still exactly what was made.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from petvision.batch.outputs.base import final
from petvision.batch.rows import Reader, Row
from petvision.errors import InputError, OutputError, PetVisionError
from petvision.events import Event, Progress, Result
from petvision.images.inputs import shown

UNDO = "petvision-undo.jsonl"
UNREADABLE = "not readable"
EVERY = 20

How = Literal["copy", "hardlink", "symlink"]


@dataclass(frozen=True, slots=True)
class Step:
    """One photo's way: from where it is to where it is put."""

    source: Path
    target: Path
    folder: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """What sorting did (or, in a dry run, would do).

    ``counts`` by folder; ``renamed`` photos found their name taken; ``failed`` tells of photos
    that could not be put anywhere; ``undo`` takes it all back.
    """

    counts: dict[str, int]
    renamed: int
    failed: tuple[PetVisionError, ...]
    undo: Path | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking back did: files and folders removed, and what was left because it changed."""

    removed: int
    kept: tuple[str, ...]


def sort_into(
    run: Path,
    target: Path,
    how: How = "copy",
    *,
    only: Iterable[int] | None = None,
    dry: bool = False,
) -> Iterator[Event[Sorted]]:
    """Put every photo of a run into ``target/LABEL/`` with the folders it came in.

    What a person said counts before the verdict. Addresses are left out.

    Args:
        run: the run's folder.
        target: made where it is not there yet.
        how: a copy (with its times), a hard link, or a symbolic link.
        only: the items to sort (all).
        dry: only say what would be done (``steps``).

    Raises:
        OutputError: when the target cannot be written at all or the disk is full; what was done
            until then is in the undo file.
    """
    with closing(Reader(run)) as reader:
        roots = [Path(place) for place in reader.inputs() if "://" not in place and place != "-"]
        rows = reader.rows() if only is None else iter(reader.some(sorted(only)))
        total = reader.summary().items
        yield from _Sorting(target.absolute(), how, dry, roots, total).events(rows)


class _Sorting:
    def __init__(self, target: Path, how: How, dry: bool, roots: list[Path], total: int) -> None:
        self._target, self._how, self._dry, self._total = target, how, dry, total
        self._roots = sorted((r for r in roots if r.is_dir()), key=lambda r: -len(r.parts))
        self._taken: set[Path] = set()
        self._counts: dict[str, int] = {}
        self._renamed = 0
        self._failed: list[PetVisionError] = []
        self._steps: list[Step] = []

    def events(self, rows: Iterator[Row]) -> Iterator[Event[Sorted]]:
        undo = None if self._dry else _begin(self._target)
        try:
            for number, row in enumerate(rows, 1):
                if row.kind == "file":
                    self._one(row, undo)
                if number % EVERY == 0:
                    yield Progress(number, self._total, "photos")
        finally:
            if undo is not None:
                undo.close()
        place = None if undo is None else Path(undo.name)
        yield Result(
            Sorted(self._counts, self._renamed, tuple(self._failed), place, tuple(self._steps))
        )

    def _one(self, row: Row, undo: TextIO | None) -> None:
        source = Path(row.location)
        folder = _folder_name(UNREADABLE if row.failed else final(row))
        wanted = self._target / folder / self._below(source)
        try:
            if undo is None:
                target = self._free(wanted)
                if not source.exists():
                    raise InputError("not_found", shown(source.name), remedy="It was not sorted.")
                self._steps.append(Step(source, target, folder))
            else:
                target = self._put(source, wanted, undo)
        except PetVisionError as error:
            if error.code == "no_space":
                raise
            self._failed.append(error)
            return
        self._taken.add(target)
        self._renamed += target != wanted
        self._counts[folder] = self._counts.get(folder, 0) + 1

    def _below(self, source: Path) -> Path:
        """The path below the folder that was named, or the bare name."""
        for root in self._roots:
            if source.is_relative_to(root):
                return source.relative_to(root)
        return Path(source.name)

    def _free(self, wanted: Path) -> Path:
        target, number = wanted, 1
        while target in self._taken or os.path.lexists(target):
            number += 1
            target = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        return target

    def _put(self, source: Path, wanted: Path, undo: TextIO) -> Path:
        """Make the copy or link under the first free name; the undo file knows it before."""
        try:
            for folder in _missing(wanted.parent, self._target):
                _write_down(undo, {"folder": str(folder)})
                folder.mkdir(exist_ok=True)
            while True:
                target = self._free(wanted)
                _write_down(undo, {"file": str(target), "how": self._how, "of": str(source)})
                try:
                    made = _make(source, target, self._how)
                except FileExistsError:  # taken since we looked: the next number
                    _write_down(undo, {"not": str(target)})
                    continue
                _write_down(undo, {"made": str(target), **made})
                return target
        except OSError as error:
            raise _told(error, source, wanted) from error


def undo(file: Path) -> Iterator[Event[Undone]]:
    """Take back what an undo file tells of: whatever is still as it was made, newest first.

    The undo file itself goes last, and only when nothing is left to take back.

    Raises:
        InputError: when the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"Name the {UNDO} of a folder that photos were sorted into."
        raise InputError("not_found", shown(str(file)), remedy=remedy) from error
    notes = [note for line in lines if (note := _note(line)) is not None]
    made = {str(note["made"]): note for note in notes if "made" in note}
    others = {str(note["not"]) for note in notes if "not" in note} - set(made)
    removed, kept = 0, list[str]()
    for number, note in enumerate(reversed(notes), 1):
        if "file" in note and note["file"] not in others:
            gone = _take_back(note, made.get(str(note["file"])))
            removed += gone is True
            if gone is False:
                kept.append(shown(str(note["file"])))
        elif "folder" in note:
            with suppress(OSError):  # something else is in it by now, or it was there before
                Path(str(note["folder"])).rmdir()
        if number % EVERY == 0:
            yield Progress(number, len(notes), "photos")
    if not kept:
        file.unlink()
        for note in reversed([note for note in notes if "root" in note]):
            with suppress(OSError):  # something else is in it by now
                Path(str(note["root"])).rmdir()
    yield Result(Undone(removed, tuple(kept)))


def _begin(target: Path) -> TextIO:
    """Make the folder and open its undo file at the end."""
    missing = _missing(target, Path(target.anchor))
    try:
        target.mkdir(parents=True, exist_ok=True)
        file = (target / UNDO).open("a", encoding="ascii")
        for folder in missing:
            _write_down(file, {"root": str(folder)})
    except OSError as error:
        raise _told(error, target, target) from error
    return file


def _missing(folder: Path, top: Path) -> list[Path]:
    """The folders to make for ``folder``, the outermost first, at most down from ``top``."""
    found: list[Path] = []
    while folder != top and not folder.is_dir():
        found.append(folder)
        folder = folder.parent
    return found[::-1]


def _make(source: Path, target: Path, how: How) -> dict[str, object]:
    if how == "symlink":
        target.symlink_to(source.absolute())
        return {}
    if how == "hardlink":
        os.link(os.path.realpath(source), target)
        return {"inode": target.stat().st_ino}
    digest = hashlib.sha256()
    with source.open("rb") as out, target.open("xb") as into:
        try:
            while block := out.read(1 << 20):
                digest.update(block)
                into.write(block)
        except BaseException:
            into.close()
            target.unlink()
            raise
    shutil.copystat(source, target)
    return {"sha256": digest.hexdigest()}


def _take_back(note: dict[str, object], made: dict[str, object] | None) -> bool | None:
    """Whether what was made is gone now; False when it is another by now, None when not there."""
    target, source = Path(str(note["file"])), Path(str(note["of"]))
    if not os.path.lexists(target):
        return None
    if note["how"] == "symlink":
        ours = target.is_symlink() and Path(os.readlink(target)) == source.absolute()  # noqa: PTH115
    elif made is None:  # the crash came while it was made: it is ours where it holds nothing else
        ours = not target.is_symlink() and _begins(source, target)
    elif note["how"] == "hardlink":
        ours = not target.is_symlink() and target.stat().st_ino == made["inode"]
    else:
        ours = not target.is_symlink() and _sha256(target) == made["sha256"]
    if ours:
        target.unlink()
    return ours


def _begins(source: Path, target: Path) -> bool:
    """Whether the target holds nothing but the source's beginning."""
    try:
        size = target.stat().st_size
        with source.open("rb") as one, target.open("rb") as other:
            while block := other.read(1 << 20):
                if one.read(len(block)) != block:
                    return False
        return size <= source.stat().st_size
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_down(undo: TextIO, note: dict[str, object]) -> None:
    undo.write(json.dumps(note) + "\n")
    undo.flush()


def _note(line: str) -> dict[str, object] | None:
    """A line of the undo file; None for a last one that a crash cut off."""
    try:
        note = json.loads(line)
    except ValueError:
        return None
    return note if isinstance(note, dict) else None


def _folder_name(label: str) -> str:
    """A label as the name of a folder."""
    return "".join("_" if c in '/\\:*?"<>|' or ord(c) < 32 else c for c in label).strip(". ") or "_"


def _told(error: OSError, source: Path, target: Path) -> PetVisionError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("no_space", shown(str(target)))
    if isinstance(error, FileNotFoundError) and not source.exists():
        return InputError("not_found", shown(source.name), remedy="It was not sorted.")
    reason = (error.strerror or str(error)).lower()
    if error.errno == errno.EXDEV:
        reason = "a hard link cannot reach another drive; take copy or symlink"
    return OutputError("read_only", shown(str(target)), reason=reason)
