"""Fields as the window shows them, where a style sheet does not reach."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QAbstractSpinBox

from petvision.figures.style import GRID_PX

Spin = TypeVar("Spin", bound=QAbstractSpinBox)


def spaced(box: Spin) -> Spin:
    """The spin box, with its number as far from the border as other fields' text."""
    box.lineEdit().setTextMargins(GRID_PX - 2, 0, 0, 0)  # Qt adds 2 of its own
    return box
