"""Areas that scroll."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea


def see_through(area: QScrollArea) -> None:
    """Show what lies behind: a card keeps its own surface."""
    area.viewport().setAutoFillBackground(False)
    if (inner := area.widget()) is not None:
        inner.setAutoFillBackground(False)
