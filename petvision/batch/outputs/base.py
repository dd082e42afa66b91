"""What an output is, and how its file comes into being: aside first, then in one move."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from petvision.batch.rows import Reader, Row
from petvision.errors import OutputError
from petvision.events import Events
from petvision.images.inputs import shown


@dataclass(frozen=True, slots=True)
class Output:
    """A form: the ``name`` it is asked for by, its ``file`` in the run's folder, its writer."""

    name: str
    file: str
    write: Callable[[Reader, Path], Events[Path]]


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of ``path`` when the block ends well.

    Raises:
        OutputError: ``no_space``, ``read_only``.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("no_space", shown(str(path))) from error
        reason = (error.strerror or str(error)).lower()
        raise OutputError("read_only", shown(str(path)), reason=reason) from error
    finally:
        part.unlink(missing_ok=True)


def final(row: Row) -> str:
    """What a photo counts as in the end: what a person said, or else the verdict."""
    if row.truth is not None and row.truth_by == "person":
        return row.truth
    return row.answer.label if row.answer else ""


def when(seconds: float | None) -> str:
    """A moment as ISO 8601 in UTC, empty where there is none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
