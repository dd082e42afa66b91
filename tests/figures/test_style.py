import itertools
import subprocess
import sys

import pytest

from petvision.figures.style import STYLES, Style


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_every_text_colour_is_readable_on_every_ground(style: Style) -> None:
    inks = ("text", "muted", "good", "unknown", "bad", "accent")
    grounds = ("background", "surface", "raised")
    worst = min(
        (contrast(getattr(style, ink), getattr(style, ground)), ink, ground)
        for ink, ground in itertools.product(inks, grounds)
    )
    assert worst[0] >= 4.5, worst
    assert contrast(style.on_accent, style.accent) >= 4.5


def test_the_table_needs_neither_matplotlib_nor_qt_nor_torch() -> None:
    words = "import petvision.figures.style, sys; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=True
    ).stdout
    assert not {"matplotlib", "torch", "PySide6", "numpy"} & set(eval(loaded))
