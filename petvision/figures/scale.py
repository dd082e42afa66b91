"""Limits of a colour scale and the numbers written at its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    """The scale on which to show a map.

    It begins at zero, or is symmetric around it for a signed map. It ends at the largest value;
    only where single pixels tower over their own surroundings, as gradients do, it ends at the
    value that one pixel in 50 exceeds, and says so: the few would leave all others colourless.
    """
    sizes = np.abs(heat)
    usual, largest = float(np.quantile(sizes, 0.98)), float(sizes.max())
    clipped = usual > 0 and _spiky(heat)
    high = usual if clipped else largest
    if high == 0:
        return Scale(-1 if signed else 0, 1, unit, ("", ""))
    factor, name = next(((f, n) for f, n in _SMALL if high < 10 * f), (1.0, ""))
    number = _number(high / factor)
    low, high_end = ("≤ ", "≥ ") if clipped else ("", "")
    ends = (f"{low}−{number}", f"{high_end}+{number}") if signed else ("0", f"{high_end}{number}")
    return Scale(-high if signed else 0, high, f"{unit}, in {name}" if name else unit, ends)


def _spiky(heat: Floats) -> bool:
    """Whether the largest value is over three times the largest mean of a 4×4 block."""
    rows, columns = (side // 4 for side in heat.shape)
    if min(rows, columns) < 16:
        return False
    blocks = heat[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4).mean((1, 3))
    return bool(np.abs(heat).max() > 3 * np.abs(blocks).max())


def _number(value: float) -> str:
    """Two or three digits, never an exponent below a million."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{decimals}f}"
