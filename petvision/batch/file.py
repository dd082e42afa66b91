"""A store as a file: its tables, whom it belongs to, opening it, and SQLite's errors as ours."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from petvision.errors import OutputError
from petvision.images.inputs import shown

FILE = "run.sqlite"
SCHEMA = 1

TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    program TEXT NOT NULL,
    created REAL NOT NULL,
    finished REAL,
    model TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    engine TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    threshold REAL,
    classes TEXT NOT NULL,
    inputs TEXT NOT NULL
);
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    size INTEGER,
    mtime_ns INTEGER,
    sha256 TEXT,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
    truth TEXT,
    truth_by TEXT,
    change INTEGER NOT NULL
);
CREATE INDEX item_change ON item (change);
CREATE TABLE prediction (
    item INTEGER PRIMARY KEY REFERENCES item (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    best TEXT NOT NULL,
    confidence REAL NOT NULL,
    unknown INTEGER NOT NULL,
    unknown_score REAL,
    scores BLOB NOT NULL,
    engine TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    format TEXT NOT NULL,
    notes TEXT NOT NULL,
    read_ms REAL NOT NULL,
    decode_ms REAL NOT NULL,
    prepare_ms REAL NOT NULL,
    compute_ms REAL NOT NULL
);
CREATE TABLE error (
    item INTEGER PRIMARY KEY REFERENCES item (id) ON DELETE CASCADE,
    code TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE TABLE truth (
    id INTEGER PRIMARY KEY,
    item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    label TEXT,
    made_by TEXT NOT NULL,
    made REAL NOT NULL
);
CREATE INDEX truth_item ON truth (item);
CREATE TABLE explanation (
    item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    parameters TEXT NOT NULL,
    image_sha256 TEXT NOT NULL,
    folder TEXT NOT NULL,
    heat BLOB,
    facts TEXT NOT NULL,
    made REAL NOT NULL,
    PRIMARY KEY (item, method)
);
"""

_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "lustre")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store belongs to.

    ``preprocessing`` says how pictures are prepared (JSON), ``threshold`` when a verdict is
    unknown (None: never), ``classes`` are the model's, in its order.
    """

    model: str
    model_sha256: str
    engine: str
    preprocessing: str
    threshold: float | None
    classes: tuple[str, ...]


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """SQLite's errors as ours.

    Raises:
        OutputError: ``no_space``, ``read_only``, ``exists``.
    """
    name = shown(str(folder))
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OutputError("no_space", name) from error
        if code in (sqlite3.SQLITE_IOERR,) and not _has_room(folder):
            raise OutputError("no_space", name) from error
        reasons = {
            sqlite3.SQLITE_READONLY: "it is read-only",
            sqlite3.SQLITE_CANTOPEN: "its store cannot be opened",
            sqlite3.SQLITE_PERM: "you have no permission",
            sqlite3.SQLITE_BUSY: "another program is writing to it",
            sqlite3.SQLITE_LOCKED: "another program is writing to it",
            sqlite3.SQLITE_IOERR: "the drive reports an error",
        }
        if code not in reasons:
            raise
        raise OutputError("read_only", name, reason=reasons[code]) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        remedy = f"Its {FILE} is damaged or not PetVision's; choose another folder."
        raise OutputError("exists", name, remedy=remedy) from error


def connect_to_read(folder: Path) -> sqlite3.Connection:
    """A connection that only reads, for one thread; works in a folder that cannot be written.

    Raises:
        OutputError: when there is no store or it cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        remedy = "It holds no run yet."
        raise OutputError("exists", shown(str(folder)), remedy=remedy)
    address = path.absolute().as_uri()
    with told(folder):
        db = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None, timeout=10)
        try:
            check_version(db.execute("PRAGMA user_version").fetchone()[0], folder)
            db.execute("SELECT count(*) FROM run").fetchone()
        except sqlite3.OperationalError:
            db.close()
            # In WAL mode in a folder that cannot be written: what was checkpointed can be read.
            db = sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None)
            check_version(db.execute("PRAGMA user_version").fetchone()[0], folder)
        except BaseException:
            db.close()
            raise
    return db


def identity_of(folder: Path) -> Identity | None:
    """What the store in a folder belongs to; None where there is none yet.

    Raises:
        OutputError: when there is a file of its name that is no store.
    """
    path = folder / FILE
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with closing(connect_to_read(folder)) as db, told(folder):
        return read_identity(db)


def refuse_another(before: Identity, now: Identity, folder: Path) -> None:
    """See that a run goes on as it began.

    Raises:
        OutputError: ``exists``, naming what differs.
    """
    made = ""
    if before.model_sha256 != now.model_sha256:
        made = f"with the model {before.model} ({before.model_sha256[:12]})"
    elif before.engine != now.engine:
        made = f"on the engine {before.engine}"
    elif before.preprocessing != now.preprocessing:
        made = "with pictures prepared in another way"
    elif before.threshold != now.threshold:
        limit = "off" if before.threshold is None else f"{before.threshold:g}"
        made = f"with --unknown {limit}"
    if made:
        remedy = f"Its run was made {made}: go on with that, or choose another folder."
        raise OutputError("exists", shown(str(folder)), remedy=remedy)


def on_network(path: Path, mounts: str | None = None) -> bool:
    """Whether a file lies on a network drive (as far as the system tells).

    ``mounts`` stands in for ``/proc/self/mounts``.
    """
    place = os.path.realpath(path)
    if os.name == "nt":
        return place.startswith("\\\\") and not place.startswith("\\\\?\\")
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
        except OSError:
            return False
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind.startswith(_NETWORK)


def check_version(version: int, folder: Path) -> None:
    """See that this program can read a store.

    Raises:
        OutputError: ``exists``.
    """
    if version == SCHEMA:
        return
    remedy = f"Its {FILE} is not PetVision's; choose another folder."
    if version > SCHEMA:
        remedy = f"Its {FILE} was made by a newer PetVision; update, or choose another folder."
    raise OutputError("exists", shown(str(folder)), remedy=remedy)


def read_identity(db: sqlite3.Connection) -> Identity | None:
    """What an opened store belongs to; None before its run has begun."""
    row = db.execute(
        "SELECT model, model_sha256, engine, preprocessing, threshold, classes FROM run"
    ).fetchone()
    if row is None:
        return None
    model, model_sha256, engine, preprocessing, threshold, classes = row
    return Identity(
        model, model_sha256, engine, preprocessing, threshold, tuple(json.loads(classes))
    )


def read_inputs(db: sqlite3.Connection) -> list[str]:
    """What the run of an opened store was asked to look at."""
    row = db.execute("SELECT inputs FROM run").fetchone()
    return [] if row is None else list(json.loads(row[0]))


def _has_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free > 1 << 16
    except OSError:
        return True
