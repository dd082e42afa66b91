"""A line that offers something better suited, and goes away when it is not wanted."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from petvision.figures.style import GRID_PX


class Offer(QFrame):
    """A sentence and a button; ``taken`` says that the button was pressed."""

    taken = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._sentence = QLabel()
        self.take = QPushButton()
        self.take.clicked.connect(self._take)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setProperty("link", True)
        self.close_button.setToolTip(self.tr("Not now"))
        self.close_button.setAccessibleName(self.tr("Not now"))
        self.close_button.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(2 * GRID_PX)
        layout.addWidget(self._sentence)
        layout.addWidget(self.take)
        layout.addStretch(1)
        layout.addWidget(self.close_button)
        self.hide()

    def offer(self, sentence: str, button: str) -> None:
        """Show the line."""
        self._sentence.setText(sentence)
        self.take.setText(button)
        self.show()

    @property
    def text(self) -> str:
        """What it says."""
        return self._sentence.text()

    def _take(self) -> None:
        self.hide()
        self.taken.emit()
