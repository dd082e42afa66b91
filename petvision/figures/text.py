"""Text whose size is known before it is drawn, so that lines break where they must."""

from __future__ import annotations

import functools

from matplotlib.font_manager import FontProperties, findfont, get_font

FAMILY = "DejaVu Sans"
"""It travels with matplotlib, so a figure looks the same everywhere."""

SMALL = 8.0
BODY = 9.0
TITLE = 13.0
_FINE = 16  # measured that much larger, where hinting does not matter
_HINTING = 1.04  # what hinting adds at most when the text is drawn small
LEADING = 1.32
"""From line to line, in font sizes."""


@functools.lru_cache(maxsize=4096)
def width(text: str, points: float, bold: bool = False) -> float:
    """How wide a line of text may get at any resolution, in inches."""
    font = get_font(findfont(FontProperties(family=FAMILY, weight="bold" if bold else "normal")))
    font.set_size(points, 72 * _FINE)
    font.set_text(text)
    return _HINTING * float(font.get_width_height()[0]) / 64 / 72 / _FINE


def wrap(text: str, inches: float, points: float, bold: bool = False) -> list[str]:
    """``text`` in lines of at most that width, broken between words where there are any."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, points, bold) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def height(lines: int, points: float) -> float:
    """How high that many lines are, in inches."""
    return lines * points * LEADING / 72
