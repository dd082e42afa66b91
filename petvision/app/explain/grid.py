"""The panels in a grid that follows the width: three and two, or two by two, or one column."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from petvision.app.explain.panel import PanelWidget
from petvision.app.explain.work import PanelState
from petvision.app.theme import Theme
from petvision.figures.style import GRID_PX
from petvision.images.types import Picture

COLUMN_PX = 264
SPANS = 6
MOST_COLUMNS = 3


class PanelGrid(QWidget):
    """Lays the panels out in equal heights; one of them can have the place for itself.

    ``chosen`` names the panel whose parameters are wanted, ``large`` the one that fills the
    centre ("" for none), ``wanted`` a panel and a command (see :class:`PanelWidget`).
    """

    chosen = Signal(str)
    large = Signal(str)
    wanted = Signal(str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.panels: dict[str, PanelWidget] = {}
        self.alone = ""
        self.selected = ""
        self._columns = 0
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2 * GRID_PX)

    def offer(self, states: dict[str, PanelState]) -> None:
        """Make a panel for each method; the ones there were go away."""
        for panel in self.panels.values():
            panel.shut()
            panel.deleteLater()
        self.panels = {name: self._make(name, state) for name, state in states.items()}
        self.alone = self.selected = ""
        self._arrange()

    def _make(self, name: str, state: PanelState) -> PanelWidget:
        panel = PanelWidget(state, self._theme, self)
        panel.chosen.connect(lambda: self.choose(name))
        panel.enlarge.connect(lambda: self.show_alone("" if self.alone else name))
        panel.wanted.connect(lambda command: self.wanted.emit(name, command))
        return panel

    def refresh(self, name: str, photo: Picture | None) -> None:
        """Show a panel's news."""
        if name in self.panels:
            self.panels[name].refresh(photo)

    def choose(self, name: str) -> None:
        """Choose a panel ("" for none)."""
        self.selected = name
        for key, panel in self.panels.items():
            panel.mark_chosen(key == name)
        self.chosen.emit(name)

    def show_alone(self, name: str) -> None:
        """Give one panel the whole place; "" brings all back."""
        if name == self.alone:
            return
        before, self.alone = self.alone, name
        for key, panel in self.panels.items():
            panel.mark_large(key == name)
        self._arrange()
        if name or before:
            self.panels[name or before].setFocus()
        self.large.emit(name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width may fit another number of columns."""
        super().resizeEvent(event)
        if self._fitting() != self._columns and not self.alone:
            self._arrange()

    def _fitting(self) -> int:
        gap = self._layout.spacing()
        return min(MOST_COLUMNS, max(1, (self.width() + gap) // (COLUMN_PX + gap)))

    def _arrange(self) -> None:
        """Put the panels in rows; a last row that is not full is spread over the width."""
        self._columns = self._fitting()
        for panel in self.panels.values():
            self._layout.removeWidget(panel)
        shown = [self.panels[self.alone]] if self.alone else list(self.panels.values())
        columns = 1 if self.alone else self._columns
        rows = [shown[first : first + columns] for first in range(0, len(shown), columns)]
        for number, row in enumerate(rows):
            span = SPANS // len(row)
            for place, panel in enumerate(row):
                self._layout.addWidget(panel, number, place * span, 1, span)
        for number in range(self._layout.rowCount()):
            self._layout.setRowStretch(number, 1 if number < len(rows) else 0)
        for column in range(SPANS):
            self._layout.setColumnStretch(column, 1)
        for panel in self.panels.values():
            panel.setVisible(panel in shown)
