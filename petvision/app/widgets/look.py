"""How heat maps are shown: how strongly they cover the photo, and in which colours."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from petvision.app.settings import Settings

BLEND = 0.85
PALETTES = ("heat", "viridis", "cividis", "grey", "jet")
"""As ``figures.colours.COLOURS``, which needs matplotlib to be imported."""


class Look(QObject):
    """A person's choice, remembered; ``changed`` when it is another."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.blend = min(max(settings.get("view.blend", BLEND), 0.0), 1.0)
        chosen = settings.get("view.colours", PALETTES[0])
        self.palette = chosen if chosen in PALETTES else PALETTES[0]

    def choose_blend(self, blend: float) -> None:
        """Cover the photo more or less (0..1)."""
        self.blend = blend
        self._settings.put("view.blend", blend)
        self.changed.emit()

    def choose_palette(self, palette: str) -> None:
        """Use other colours."""
        self.palette = palette
        self._settings.put("view.colours", palette)
        self.changed.emit()
