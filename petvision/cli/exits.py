"""How a verb ends, as its exit code."""

from __future__ import annotations

from petvision.errors import (
    Cancelled,
    ConfigError,
    InputError,
    ModelError,
    OutputError,
    PetVisionError,
)

OK, SOME_FAILED, USAGE, NO_MODEL, NO_OUTPUT, INTERRUPTED, BUG = 0, 1, 2, 3, 4, 130, 70
EXIT_CODES: dict[type[PetVisionError], int] = {
    InputError: SOME_FAILED,
    ConfigError: USAGE,
    ModelError: NO_MODEL,
    OutputError: NO_OUTPUT,
    Cancelled: INTERRUPTED,
}
