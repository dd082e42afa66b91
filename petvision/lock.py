"""One run at a time in a folder; the system itself lets go of it when a program dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from petvision.errors import OutputError

PATIENCE_S = 0.2  # another may only have looked (``is_running``)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Held from its making until ``release``.

    Raises:
        OutputError: ``read_only`` when another run is at work in the folder, or the folder cannot
            be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".running"
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError("read_only", str(folder), reason=reason) from error
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                _take(self._descriptor)
                return
            except OSError as error:
                if time.monotonic() < end:
                    time.sleep(0.02)
                    continue
                os.close(self._descriptor)
                reason = "another run is at work in it"
                raise OutputError("read_only", str(folder), reason=reason) from error

    def release(self) -> None:
        """Let go; the file itself stays, because another run may hold it already."""
        os.close(self._descriptor)


def is_running(folder: Path) -> bool:
    """Whether a run is at work in the folder (False where that cannot be told)."""
    try:
        descriptor = os.open(folder / ".running", os.O_RDWR)
    except OSError:
        return False
    try:
        _take(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
