"""The small windows: the model's card, the shortcuts."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from petvision.app.widgets.prose import Prose
from petvision.figures.style import GRID_PX

COLUMNS = 2


class Page(QDialog):
    """A dialog with a Close button; widgets go into ``body``."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.body = QVBoxLayout()
        self.body.setSpacing(GRID_PX)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, 2 * GRID_PX)
        layout.setSpacing(2 * GRID_PX)
        layout.addLayout(self.body, 1)
        layout.addWidget(buttons)


def model_card(markdown: str, name: str, parent: QWidget) -> Page:
    """What the model file says of itself."""
    page = Page(parent.tr("Model card: {name}").format(name=name), parent)
    text = Prose()
    text.tell(markdown)
    page.body.addWidget(text)
    page.resize(720, 560)
    return page


def shortcuts(actions: Iterable[QAction], parent: QWidget) -> Page:
    """Every action that has a key, and the keys of panels."""
    page = Page(parent.tr("Keyboard shortcuts"), parent)
    grid = QGridLayout()
    grid.setHorizontalSpacing(4 * GRID_PX)
    grid.setVerticalSpacing(GRID_PX)
    rows = [
        (one.shortcut().toString(QKeySequence.SequenceFormat.NativeText), one.text())
        for one in actions
        if not one.shortcut().isEmpty()
    ]
    rows += [
        (parent.tr("Up, Down"), parent.tr("Another photo, in the list")),
        (parent.tr("Tab"), parent.tr("The next panel or field")),
        (parent.tr("Enter"), parent.tr("Show the chosen panel large, and back")),
    ]
    high = -(-len(rows) // COLUMNS)
    for number, (keys, words) in enumerate(rows):
        key = QLabel(keys)
        key.setProperty("quiet", True)
        column, row = divmod(number, high)
        grid.addWidget(QLabel(words.replace("&", "").rstrip("…")), row, 3 * column)
        grid.addWidget(key, row, 3 * column + 1, Qt.AlignmentFlag.AlignRight)
    for column in range(1, COLUMNS):
        grid.setColumnMinimumWidth(3 * column - 1, GRID_PX)
    page.body.addLayout(grid)
    return page
