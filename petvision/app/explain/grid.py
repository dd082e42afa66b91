"""The panels in a grid that follows the width: three and two, or two by two, or one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from petvision.app.explain.panel import MIN_HEIGHT, PanelWidget
from petvision.app.explain.work import PanelState
from petvision.app.theme import Theme
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import Look
from petvision.figures.style import GRID_PX

if TYPE_CHECKING:
    from petvision.app.tasks import Display

COLUMN_PX = 256
GAP_PX = 2 * GRID_PX
MOST_COLUMNS = 3


class PanelGrid(QWidget):
    """Lays the panels out in equal heights; one of them can have the place for itself.

    ``chosen`` names the panel whose parameters are wanted, ``large`` the one that fills the
    centre ("" for none), ``wanted`` a panel and a command, ``filter_wanted`` a convolution and the
    number of one of its filters (see :class:`PanelWidget`).
    """

    chosen = Signal(str)
    large = Signal(str)
    wanted = Signal(str, str)
    filter_wanted = Signal(str, int)

    def __init__(self, theme: Theme, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.look = look
        self.link = Link(self)
        self.panels: dict[str, PanelWidget] = {}
        self.alone = ""
        self.selected = ""

    def offer(self, states: dict[str, PanelState]) -> None:
        """Have a panel for each state: those that show one already stay, the others go away."""
        stay = {name: p for name, p in self.panels.items() if states.get(name) is p.panel}
        if self.alone not in stay:
            self.show_alone("")
        for name, panel in self.panels.items():
            if name not in stay:
                panel.hide()
                panel.deleteLater()
        self.panels = {
            name: stay.get(name) or self._make(name, state) for name, state in states.items()
        }
        if self.selected not in stay:
            self.choose("")
        self._arrange()

    def _make(self, name: str, state: PanelState) -> PanelWidget:
        panel = PanelWidget(state, self._theme, self.link, self.look, self)
        panel.chosen.connect(lambda: self.choose(name))
        panel.enlarge.connect(lambda: self.show_alone("" if self.alone else name))
        panel.wanted.connect(lambda command: self.wanted.emit(name, command))
        panel.filter_wanted.connect(self.filter_wanted)
        return panel

    def refresh(self, name: str, photo: Display | None) -> None:
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
        """Place the panels for the new size."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put the panels in rows of equal heights; a last row that is not full is spread out.

        By hand, not with a grid layout: that one gives columns of equal stretch unequal widths.
        """
        shown = [self.panels[self.alone]] if self.alone else list(self.panels.values())
        for panel in self.panels.values():
            panel.setVisible(panel in shown)
        columns = 1 if self.alone else self._columns()
        rows = [shown[first : first + columns] for first in range(0, len(shown), columns)]
        if not rows:
            return
        self.setMinimumHeight(len(rows) * (MIN_HEIGHT + GAP_PX) - GAP_PX)
        for number, row in enumerate(rows):
            top, high = _share(self.height(), len(rows), number)
            for place, panel in enumerate(row):
                left, wide = _share(self.width(), len(row), place)
                panel.setGeometry(left, top, wide, high)

    def _columns(self) -> int:
        return min(MOST_COLUMNS, max(1, (self.width() + GAP_PX) // (COLUMN_PX + GAP_PX)))


def _share(length: int, parts: int, number: int) -> tuple[int, int]:
    """Start and length of one of equal parts with gaps between, in whole pixels."""
    start = round(number * (length + GAP_PX) / parts)
    return start, round((number + 1) * (length + GAP_PX) / parts) - GAP_PX - start
