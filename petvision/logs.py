"""The program's log: what it did, in a file that never grows large, beside the reports of bugs."""

from __future__ import annotations

import faulthandler
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import platformdirs

MOST_BYTES = 1_000_000
OLDER = 2
FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_fault_file: IO[str] | None = None  # faulthandler writes into it when the process dies


def folder() -> Path:
    """Where logs and reports of bugs are kept."""
    return platformdirs.user_log_path("petvision", appauthor=False)


def start(name: str) -> Path | None:
    """Log into ``NAME.log`` from now on, and a crash of the process into ``NAME-crash.txt``.

    Returns:
        The log's path; None where the folder cannot be written, and nothing is logged.
    """
    global _fault_file
    path = folder() / f"{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=MOST_BYTES, backupCount=OLDER, encoding="utf-8"
        )
        _fault_file = path.with_name(f"{name}-crash.txt").open("a", encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter(FORM))
    log = logging.getLogger("petvision")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    faulthandler.enable(_fault_file)
    return path


def stop() -> None:
    """Close the log's files."""
    global _fault_file
    log = logging.getLogger("petvision")
    for handler in list(log.handlers):
        if isinstance(handler, RotatingFileHandler):
            log.removeHandler(handler)
            handler.close()
    if _fault_file is not None:
        faulthandler.disable()
        _fault_file.close()
        _fault_file = None


@contextmanager
def kept(name: str) -> Iterator[Path | None]:
    """Log while the block runs, however it ends; see :func:`start`."""
    path = start(name)
    try:
        yield path
    finally:
        stop()
