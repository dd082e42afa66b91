"""A slider through all classes, and one class minus another: Grad-CAM follows at screen rate."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.widgets.labels import quiet
from petvision.figures.style import GRID_PX


class ClassSlider(QWidget):
    """``wanted``: the maps of all classes will be needed. ``moved`` (class, the one taken away)."""

    wanted = Signal()
    moved = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: Sequence[str] = ()
        self._name = QLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Class whose Grad-CAM is shown"))
        self.slider.setToolTip(self.tr("Grad-CAM of any class"))
        self.slider.sliderPressed.connect(self.wanted)
        self.slider.valueChanged.connect(self._moved)
        self.minus = QComboBox()
        self.minus.setAccessibleName(self.tr("Class that is taken away"))
        self.minus.activated.connect(self._moved)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.slider, 1)
        row.addWidget(QLabel("−"))
        row.addWidget(self.minus, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID_PX // 2)
        hint = quiet()
        hint.setText(self.tr("Grad-CAM of any class, and of one class minus another"))
        layout.addWidget(hint)
        layout.addWidget(self._name)
        layout.addLayout(row)

    def offer(self, classes: Sequence[str]) -> None:
        """Take a model's classes."""
        self._classes = classes
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(classes) - 1))
        self.slider.setPageStep(max(1, len(classes) // 10))
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self.minus.clear()
        self.minus.addItem(self.tr("nothing"), "")
        for name in classes:
            self.minus.addItem(words.named(name), name)
        self.setVisible(len(classes) > 1)
        self._say()

    def _moved(self, *_: object) -> None:
        self._say()
        if self._classes:
            minus = str(self.minus.currentData() or "")
            self.moved.emit(self._classes[self.slider.value()], minus)

    def follow(self, shown: str) -> None:
        """Stand at the class, or at the difference of two, that the panel shows."""
        one, _, minus = (shown, "", "") if shown in self._classes else shown.partition(" − ")
        if one not in self._classes:
            return
        for widget in (self.slider, self.minus):
            widget.blockSignals(True)
        self.slider.setValue(self._classes.index(one))
        self.minus.setCurrentIndex(max(0, self.minus.findData(minus)))
        for widget in (self.slider, self.minus):
            widget.blockSignals(False)
        self._say()

    @property
    def text(self) -> str:
        """What the slider says it stands at."""
        return self._name.text()

    def _say(self) -> None:
        if not self._classes:
            return
        name = words.named(self._classes[self.slider.value()])
        minus = str(self.minus.currentData() or "")
        self._name.setText(f"{name} − {words.named(minus)}" if minus else name)
