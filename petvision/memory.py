"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable


def give_back() -> None:
    """Return what was freed, where the C library keeps it (glibc does, in pieces between others).

    Worth its milliseconds when a job that held hundreds of megabytes is over: after the badges of
    one photo 800 MB of 2.3 GB were such pieces.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
