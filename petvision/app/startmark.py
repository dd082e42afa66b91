"""Remembers that the program is starting, so that the next start knows when this one crashed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import platformdirs


class StartMark:
    """A file that is there while the program starts, and gone once it works or ends by itself.

    Args:
        path: of the file; in the user's state folder unless given.
    """

    def __init__(self, path: Path | None = None) -> None:
        place = platformdirs.user_state_path("petvision", appauthor=False)
        self.path = path or place / "starting"

    def begin(self) -> bool:
        """Set the mark; whether one was there: the last start came to no good end."""
        crashed = self.path.exists()
        with contextlib.suppress(OSError):  # without the mark there is no safe mode, that is all
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
        return crashed

    def well(self) -> None:
        """Take the mark away: the program works, or ended as it should."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
