"""A slider through all classes, and one class minus another: Grad-CAM follows at screen rate."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.widgets.labels import quiet
from petvision.figures.style import GRID_PX


class ClassSlider(QWidget):
    """``wanted``: the maps of all classes are needed. ``moved`` (class, class taken away or "")."""

    wanted = Signal()
    moved = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: Sequence[str] = ()
        self._on = False
        self._name = QLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Class whose Grad-CAM is shown"))
        self.slider.setToolTip(self.tr("Grad-CAM of any class, at once"))
        self.slider.sliderPressed.connect(self._start)
        self.slider.valueChanged.connect(self._start)
        self.minus = QComboBox()
        self.minus.setAccessibleName(self.tr("Class that is taken away"))
        self.minus.activated.connect(self._start)
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
        self._on = False
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

    def _start(self, *_: object) -> None:
        self._on = True
        self._say()
        self.wanted.emit()
        self.tell()

    def tell(self) -> None:
        """Ask for the map that the slider and the box name (again: it may be known now)."""
        if self._on and self._classes:
            minus = str(self.minus.currentData() or "")
            self.moved.emit(self._classes[self.slider.value()], minus)

    def forget(self) -> None:
        """Another photo is in view: stand at its own class again, minus nothing."""
        self._on = False
        self.minus.blockSignals(True)
        self.minus.setCurrentIndex(0)
        self.minus.blockSignals(False)

    def show_current(self, label: str) -> None:
        """Stand at the class that the panel shows of its own accord."""
        if not self._on and label in self._classes:
            self.slider.blockSignals(True)
            self.slider.setValue(self._classes.index(label))
            self.slider.blockSignals(False)
            self._say()

    def _say(self) -> None:
        if not self._classes:
            return
        name = words.named(self._classes[self.slider.value()])
        minus = str(self.minus.currentData() or "")
        self._name.setText(f"{name} − {words.named(minus)}" if minus else name)
