"""Limits of a colour scale and the numbers written at its ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from petvision.explain.results import strongest
from petvision.images.types import Floats

_SMALL = ((1e-9, "billionths"), (1e-6, "millionths"), (1e-3, "thousandths"))


@dataclass(frozen=True, slots=True)
class Scale:
    """From ``low`` to ``high``; ``words`` name a unit, ``ends`` are written at the two ends."""

    low: float
    high: float
    words: str
    ends: tuple[str, str]


def scale_of(heat: Floats, signed: bool, unit: str) -> Scale:
    """The scale on which to show a map by itself."""
    return shared_scale((heat,), signed, unit)


def shared_scale(heats: Sequence[Floats], signed: bool, unit: str) -> Scale:
    """One scale for several maps of one unit.

    It begins at zero, or is symmetric around it for signed maps. It ends where the strongest map's
    own scale ends (``strongest``), and says so where a value lies beyond.
    """
    high = max(strongest(heat) for heat in heats)
    if high == 0:
        return Scale(-1 if signed else 0, 1, unit, ("", ""))
    beyond = any(np.abs(heat).max() > high for heat in heats)
    factor, name = next(((f, n) for f, n in _SMALL if high < 10 * f), (1.0, ""))
    number = _number(high / factor)
    low, high_end = ("≤ ", "≥ ") if beyond else ("", "")
    ends = (f"{low}−{number}", f"{high_end}+{number}") if signed else ("0", f"{high_end}{number}")
    return Scale(-high if signed else 0, high, f"{unit}, in {name}" if name else unit, ends)


def _number(value: float) -> str:
    """Two or three digits, never an exponent below a million."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{decimals}f}"
