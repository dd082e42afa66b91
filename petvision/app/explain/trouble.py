"""What is in the centre when the photo in view cannot be opened."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.theme import Theme
from petvision.app.widgets.labels import Mark, heading, quiet
from petvision.errors import PetVisionError
from petvision.figures.style import GRID_PX, HEADING_PX

SENTENCE_PX = 480


class Trouble(QWidget):
    """An icon, a sentence with its remedy, and two ways on: try ``again``, or ``remove``."""

    again = Signal()
    remove = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        mark = Mark(theme, 48)
        mark.show_mark("triangle-alert", "bad")
        self._title = heading(None, HEADING_PX)
        self._title.setText(self.tr("This photo cannot be opened"))
        self._sentence = quiet()
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._sentence.setFixedWidth(SENTENCE_PX)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID_PX)
        buttons.addStretch(1)
        for text, signal in (
            (self.tr("Try again"), self.again),
            (self.tr("Remove from the list"), self.remove),
        ):
            button = QPushButton(text)
            button.clicked.connect(signal)
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(GRID_PX)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addStretch(2)
        layout.addWidget(mark, 0, centre)
        layout.addSpacing(GRID_PX)
        layout.addWidget(self._title, 0, centre)
        layout.addWidget(self._sentence, 0, centre)
        layout.addSpacing(2 * GRID_PX)
        layout.addLayout(buttons)
        layout.addStretch(3)

    def show_error(self, error: PetVisionError) -> None:
        """Tell an error in the window's language."""
        told = [words.error_sentence(error), words.remedy(error)]
        self._sentence.setText("\n".join(part for part in told if part))
        self.setAccessibleName(f"{self._title.text()}. {self._sentence.text()}")
