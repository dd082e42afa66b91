"""What an attribution panel shows: the map on the photo, its baseline and its scale below."""

from __future__ import annotations

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from petvision.app.theme import Theme
from petvision.app.widgets.baseline import Baseline
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import Look
from petvision.app.widgets.map import HeatMap
from petvision.app.widgets.scale import ScaleStrip
from petvision.explain.results import Attribution
from petvision.figures.scale import Scale
from petvision.figures.style import GRID_PX


class HeatPage(QWidget):
    """A :class:`HeatMap` over its :class:`Baseline` and a :class:`ScaleStrip`."""

    def __init__(self, theme: Theme, link: Link, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map = HeatMap(theme, link, look)
        self.baseline = Baseline(theme)
        self._strip = ScaleStrip(theme)
        below = QHBoxLayout()
        below.setSpacing(GRID_PX)
        below.addWidget(self.baseline)
        below.addWidget(self._strip, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, GRID_PX, 0)
        layout.setSpacing(GRID_PX // 2)
        layout.addWidget(self.map, 1)
        layout.addLayout(below)
        look.changed.connect(self._show_scale)

    def show_heat(
        self, attribution: Attribution, photo: QImage | None, scale: Scale | None = None
    ) -> None:
        """Show a map; on its own scale unless one is given (to share it)."""
        before = self.map.scale
        self.map.show_heat(attribution, photo, scale)
        self.baseline.show_of(attribution)
        if self.map.scale is not before:
            self._show_scale()

    def _show_scale(self) -> None:
        if self.map.scale is not None:
            self._strip.show_scale(self.map.scale, self.map.colours)
