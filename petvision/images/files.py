"""Reading a file that a person named, whatever it turns out to be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from petvision.errors import InputError
from petvision.images.types import Limits

# Non-blocking, so that a pipe without a writer that takes the file's place cannot stop us.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_NO_FILES = (
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
)


def read(path: str, label: str, limits: Limits) -> bytes:
    """The bytes of a regular file.

    Raises:
        InputError: ``not_found``, ``refused`` (no permission, device, pipe, socket),
            ``unsupported`` (a folder), ``too_large``, ``unreadable`` (the disk's error).
    """
    try:
        # Asked before it is opened: to open a device can already do something.
        _refuse_no_file(Path(path).stat(), path, label)
        with os.fdopen(os.open(path, _READ), "rb", buffering=0) as file:
            facts = os.fstat(file.fileno())
            _refuse_no_file(facts, path, label)
            check_size(facts.st_size, label, limits)
            data = file.readall() or b""
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("not_found", label, remedy=_why_missing(path)) from error
    except PermissionError as error:
        raise _no_permission(label) from error
    except ValueError as error:  # a zero byte in the name
        raise InputError("not_found", label, remedy="No file can have this name.") from error
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
        raise InputError("unreadable", label, reason=reason) from error
    check_size(len(data), label, limits)
    return data


def check_size(count: int, label: str, limits: Limits) -> None:
    """Refuse more bytes than ``limits`` allow.

    Raises:
        InputError: ``too_large``.
    """
    if count > limits.max_bytes:
        found, limit = (f"{size / 1e6:,.0f} MB" for size in (count, limits.max_bytes))
        raise InputError("too_large", label, found=found, limit=limit)


def _refuse_no_file(facts: os.stat_result, path: str, label: str) -> None:
    if stat.S_ISDIR(facts.st_mode):
        if not os.access(path, os.R_OK | os.X_OK):
            raise _no_permission(label)
        remedy = "Name a photo in it."
        raise InputError("unsupported", label, found="a folder", remedy=remedy)
    for is_kind, reason in _NO_FILES:
        if is_kind(facts.st_mode):
            raise InputError("refused", label, reason=reason, remedy="Give a photo's file.")


def _no_permission(label: str) -> InputError:
    remedy = "Change its permissions, or ask its owner for a copy."
    return InputError("refused", label, reason="you have no permission to read it", remedy=remedy)


def _why_missing(path: str) -> str:
    if Path(path).is_symlink():
        return "It is a link to something that is gone."
    return "Check its name, and that its drive is connected."
