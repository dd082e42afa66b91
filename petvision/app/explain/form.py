"""A form made from a method's parameter schema, so that a new method needs no form of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.widgets.fields import spaced
from petvision.figures.style import GRID_PX

INT_MOST = 2**31 - 1

Field = tuple[QWidget, Callable[[], Any]]


class ParameterForm(QWidget):
    """One row for each property of a JSON schema; ``changed`` carries all values.

    Args:
        schema: the method's parameters, as ``model_json_schema()`` gives them.
        values: what to show; the schema's default where a key is missing.
        known: for text fields, by key: what may be typed (layer names).
    """

    changed = Signal(object)

    def __init__(
        self,
        schema: Mapping[str, Any],
        values: Mapping[str, Any],
        known: Mapping[str, Sequence[str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._read: dict[str, Callable[[], Any]] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(2 * GRID_PX)
        layout.setVerticalSpacing(GRID_PX)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for key, rules in schema.get("properties", {}).items():
            value = values.get(key, rules.get("default"))
            widget, read = self._field(rules, value, known.get(key, ()))
            title = words.tr(str(rules.get("title", key)))
            tip = words.tr(str(rules.get("description", "")))
            widget.setToolTip(tip)
            widget.setAccessibleName(title)
            widget.setAccessibleDescription(tip)
            layout.addRow(title, widget)
            layout.labelForField(widget).setToolTip(tip)
            self._read[key] = read

    @property
    def values(self) -> dict[str, Any]:
        """What the fields say now."""
        return {key: read() for key, read in self._read.items()}

    def _field(self, rules: Mapping[str, Any], value: Any, known: Sequence[str]) -> Field:
        if "enum" in rules:
            return self._choice(rules["enum"], value)
        if rules.get("type") == "boolean":
            return self._switch(bool(value))
        if rules.get("type") == "integer":
            return self._whole(rules, int(value))
        if rules.get("type") == "number":
            return self._number(rules, float(value))
        if stages := stages_of(known):
            return self._layer(str(value), known, stages)
        return self._text(str(value), known)

    def _tell(self, *_: object) -> None:
        self.changed.emit(self.values)

    def _choice(self, options: Sequence[Any], value: Any) -> Field:
        box = QComboBox()
        for option in options:
            box.addItem(words.named(words.tr(str(option))), option)
        box.setCurrentIndex(max(0, box.findData(value)))
        box.currentIndexChanged.connect(self._tell)
        return box, box.currentData

    def _switch(self, value: bool) -> Field:
        box = QCheckBox()
        box.setChecked(value)
        box.toggled.connect(self._tell)
        return box, box.isChecked

    def _whole(self, rules: Mapping[str, Any], value: int) -> Field:
        box = spaced(QSpinBox())
        low, high = _limits(rules, -INT_MOST, INT_MOST)
        box.setRange(int(low), int(high))
        box.setValue(value)
        box.setKeyboardTracking(False)
        _tidy(box.lineEdit())
        box.valueChanged.connect(self._tell)
        return box, box.value

    def _number(self, rules: Mapping[str, Any], value: float) -> Field:
        box = spaced(QDoubleSpinBox())
        low, high = _limits(rules, -1e9, 1e9)
        box.setRange(low, high)
        box.setDecimals(3)
        box.setSingleStep((high - low) / 100 if high - low <= 10 else 1)
        box.setValue(value)
        box.setKeyboardTracking(False)
        _tidy(box.lineEdit())
        box.valueChanged.connect(self._tell)
        return box, box.value

    def _layer(self, value: str, known: Sequence[str], stages: list[str]) -> Field:
        """A name, and a slider from the fine early layers to the coarse last one."""
        line, read = self._text(value, known)
        assert isinstance(line, QLineEdit)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, len(stages) - 1)
        slider.setPageStep(1)
        slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        slider.setValue(stages.index(value) if value in stages else len(stages) - 1)
        slider.setAccessibleName(words.tr("From fine to coarse layers"))
        slider.setToolTip(words.tr("Left: early layers, fine. Right: the last layer, coarse."))

        def moved(place: int) -> None:
            line.setText("" if place == len(stages) - 1 else stages[place])
            if not slider.isSliderDown():
                self._tell()

        slider.valueChanged.connect(moved)
        slider.sliderReleased.connect(self._tell)
        both = QWidget()
        layout = QVBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(line)
        layout.addWidget(slider)
        return both, read

    def _text(self, value: str, known: Sequence[str]) -> Field:
        line = QLineEdit(value)
        line.setAcceptDrops(False)
        line.setPlaceholderText(words.tr("default"))
        if known:
            completer = QCompleter(list(known), line)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            line.setCompleter(completer)
        line.editingFinished.connect(self._tell)
        return line, lambda: line.text().strip()


def stages_of(layers: Sequence[str]) -> list[str]:
    """The stages of a residual network (layer1 … layer4), fine to coarse; else some layers."""
    heads = sorted({name.split(".")[0] for name in layers if name.startswith("layer")})
    if heads:
        return heads
    plain = [name for name in layers if name]
    step = max(1, len(plain) // 5)
    return plain[::-1][::step][::-1] if len(plain) > 1 else []


def _tidy(line: QLineEdit) -> None:
    """The text part of a number's field: room at its left; a drop on it opens what was dropped."""
    line.setTextMargins(GRID_PX - 2, 0, 0, 0)
    line.setAcceptDrops(False)


def _limits(rules: Mapping[str, Any], lowest: float, highest: float) -> tuple[float, float]:
    low = float(rules.get("minimum", rules.get("exclusiveMinimum", lowest)))
    high = float(rules.get("maximum", rules.get("exclusiveMaximum", highest)))
    return max(low, lowest), min(high, highest)
