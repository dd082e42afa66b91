"""The column beside the tabs: model, layer, what ranks the filters, how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHeaderView,
    QLineEdit,
    QSlider,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.theme import RIGHT_WIDTH
from petvision.app.widgets.fields import spaced
from petvision.app.widgets.labels import heading, quiet
from petvision.figures.style import GRID_PX, TEXT_PX
from petvision.neurons.results import Choice, Criterion, Layer

COLOURS = ("inferno", "viridis", "magma", "cividis", "jet")
NAME = Qt.ItemDataRole.UserRole

CRITERIA: tuple[tuple[Criterion, str], ...] = (
    ("balanced", str(QT_TRANSLATE_NOOP("neurons", "Balanced"))),
    ("mean", str(QT_TRANSLATE_NOOP("neurons", "Mean"))),
    ("max", str(QT_TRANSLATE_NOOP("neurons", "Largest"))),
    ("std", str(QT_TRANSLATE_NOOP("neurons", "Deviation"))),
    ("effect", str(QT_TRANSLATE_NOOP("neurons", "Effect"))),
    ("focus", str(QT_TRANSLATE_NOOP("neurons", "Focus"))),
)

TIPS: dict[str, str] = {
    "balanced": str(QT_TRANSLATE_NOOP("neurons", "Strong and selective")),
    "mean": str(QT_TRANSLATE_NOOP("neurons", "By the mean activation")),
    "max": str(QT_TRANSLATE_NOOP("neurons", "By the largest activation")),
    "std": str(QT_TRANSLATE_NOOP("neurons", "By the standard deviation of the activation")),
    "effect": str(QT_TRANSLATE_NOOP("neurons", "By how much the logit changes without it")),
    "focus": str(QT_TRANSLATE_NOOP("neurons", "Balanced, and on what speaks for the class")),
}
_TIP = Qt.ItemDataRole.ToolTipRole


@dataclass(frozen=True, slots=True)
class Preset:
    """A choice with a name and what it was measured to do (100 cat photos with outlines)."""

    name: str
    choice: Choice
    effect: str


PRESETS = (
    Preset(
        str(QT_TRANSLATE_NOOP("neurons", "Default")),
        Choice("balanced", 0.5, 0.15),
        str(
            QT_TRANSLATE_NOOP(
                "neurons",
                "On 70 of 100 cat photos all six peaks see the animal; 67 % of the "
                "activation lies on it.",
            )
        ),
    ),
    Preset(
        str(QT_TRANSLATE_NOOP("neurons", "More selective (0.3 / 0.3)")),
        Choice("balanced", 0.3, 0.3),
        str(
            QT_TRANSLATE_NOOP(
                "neurons",
                "What is often advised against background; it does not help: on 54 of "
                "100 cat photos all six peaks see the animal; 62 % of the activation "
                "lies on it.",
            )
        ),
    ),
    Preset(
        str(QT_TRANSLATE_NOOP("neurons", "On the animal")),
        Choice("focus", 0.5, 0.15),
        str(
            QT_TRANSLATE_NOOP(
                "neurons",
                "Follows what speaks for the predicted class, so it is right only as "
                "far as that is: on 100 of 100 cat photos all six peaks see the animal;"
                " 75 % of the activation lies on it.",
            )
        ),
    ),
)


def tr(text: str) -> str:
    """Translate a word of this room."""
    return QCoreApplication.translate("neurons", text)


class Controls(QFrame):
    """``layer``: a convolution was chosen. ``choice``: another ranking. ``look``: how it is shown.

    ``model``: another model's name.
    """

    layer = Signal(str)
    choice = Signal(object)
    look = Signal(str, object)
    model = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("column", True)
        self.setFixedWidth(RIGHT_WIDTH)
        self.models = QComboBox()
        self.search = QLineEdit()
        self.tree = QTreeWidget()
        self.presets = QComboBox()
        self.criterion = QComboBox()
        self.weight, self.minimum = _slider(50), _slider(15)
        self.threshold, self.opacity = _slider(50), _slider(60)
        self.count = spaced(QSpinBox())
        self.colours = QComboBox()
        self.told = quiet()
        self._choice = Choice()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        layout.setSpacing(GRID_PX)
        self._named(self.models, self.tr("Model"))
        layout.addWidget(self.models)
        self.search.setPlaceholderText(self.tr("Search the layers"))
        self.search.setClearButtonEnabled(True)
        self._named(self.search, self.tr("Search the layers"))
        layout.addWidget(self.search)
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([self.tr("Layer"), self.tr("Output"), self.tr("Numbers")])
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(14)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._named(self.tree, self.tr("Layers"))
        layout.addWidget(self.tree, 1)
        title = heading(None, TEXT_PX)
        title.setText(self.tr("Rank the filters by"))
        layout.addWidget(title)
        for criterion, name in CRITERIA:
            self.criterion.addItem(tr(name), criterion)
            self.criterion.setItemData(self.criterion.count() - 1, tr(TIPS[criterion]), _TIP)
        for preset in PRESETS:
            self.presets.addItem(tr(preset.name), preset)
        self.presets.addItem(self.tr("Own setting"), None)
        form = QFormLayout()
        form.setVerticalSpacing(GRID_PX // 2)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.count.setRange(1, 4096)
        self.count.setValue(6)
        self.count.setKeyboardTracking(False)
        self.count.setAcceptDrops(False)
        self.count.lineEdit().setTextMargins(GRID_PX - 2, 0, 0, 0)
        for name in COLOURS:
            self.colours.addItem(words.named(name), name)
        self._labels: dict[QSlider, str] = {}
        for text, widget in (
            (self.tr("Preset"), self.presets),
            (self.tr("Criterion"), self.criterion),
            (self.tr("Filters"), self.count),
            (self.tr("Activation"), self.weight),
            (self.tr("Sparsity from"), self.minimum),
            (self.tr("Region from"), self.threshold),
            (self.tr("Heat"), self.opacity),
            (self.tr("Colours"), self.colours),
        ):
            self._named(widget, text)
            form.addRow(text, widget)
        self._form = form
        self.weight.setToolTip(self.tr("Weight of activation against selectivity"))
        self.minimum.setToolTip(self.tr("Filters silent on less of the photo are left out"))
        self.threshold.setToolTip(self.tr("Share of a map’s maximum that makes a region"))
        layout.addLayout(form)
        layout.addWidget(self.told)
        self._say_values()

    @staticmethod
    def _named(widget: QWidget, name: str) -> None:
        widget.setAccessibleName(name)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.tree.currentItemChanged.connect(self._layer_chosen)
        self.presets.activated.connect(self._preset_chosen)
        self.criterion.activated.connect(self._choice_changed)
        self.weight.valueChanged.connect(self._choice_changed)
        self.minimum.valueChanged.connect(self._choice_changed)
        self.count.valueChanged.connect(lambda value: self.look.emit("count", value))
        self.threshold.valueChanged.connect(self._threshold_changed)
        self.opacity.valueChanged.connect(self._opacity_changed)
        self.colours.activated.connect(
            lambda: self.look.emit("colours", self.colours.currentData())
        )
        self.models.activated.connect(lambda: self.model.emit(self.models.currentData()))

    # Models and layers

    def offer_models(self, names: tuple[str, ...], current: str) -> None:
        """The models there are; ``current`` is open."""
        with QSignalBlocker(self.models):
            self.models.clear()
            for name in names:
                self.models.addItem(name, name)
            if current and self.models.findData(current) < 0:  # a file of no name in the zoo
                self.models.addItem(Path(current).name, current)
            self.models.setCurrentIndex(self.models.findData(current))

    def offer_layers(self, layers: tuple[Layer, ...]) -> None:
        """The model's modules as a tree; convolutions can be chosen."""
        with QSignalBlocker(self.tree):
            self.tree.clear()
            made: dict[str, QTreeWidgetItem] = {}
            for layer in layers:
                made[layer.name] = self._item(layer)
                parent = made.get(layer.name.rpartition(".")[0])
                if parent is None:
                    self.tree.addTopLevelItem(made[layer.name])
                else:
                    parent.addChild(made[layer.name])
        self._filter(self.search.text())

    def _item(self, layer: Layer) -> QTreeWidgetItem:
        shape = "×".join(map(str, layer.shape))
        item = QTreeWidgetItem([layer.name.rpartition(".")[2], shape, _short(layer.parameters)])
        item.setToolTip(0, f"{layer.name}: {layer.kind}")
        item.setToolTip(2, f"{layer.parameters:,}")
        item.setData(0, NAME, layer.name if layer.filters else "")
        for column in (1, 2):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
        if not layer.filters:
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsSelectable)
            item.setForeground(0, self.palette().placeholderText())
        return item

    def show_layer(self, name: str) -> None:
        """Mark the layer that is looked into."""
        for item in self._items():
            if item.data(0, NAME) == name:
                with QSignalBlocker(self.tree):
                    self.tree.setCurrentItem(item)
                self.tree.scrollToItem(item)
                return

    def _items(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem] = []
        waiting = [self.tree.topLevelItem(i) for i in range(self.tree.topLevelItemCount())]
        while waiting:
            item = waiting.pop(0)
            if item is not None:
                found.append(item)
                waiting[:0] = [item.child(i) for i in range(item.childCount())]
        return found

    def _filter(self, text: str) -> None:
        """Show what matches by name or kind, with what it lies in."""
        wanted = text.strip().casefold()
        for item in reversed(self._items()):  # parts before what they are parts of
            parts = (item.child(i) for i in range(item.childCount()))
            below = any(part is not None and not part.isHidden() for part in parts)
            hit = wanted in item.toolTip(0).casefold()
            item.setHidden(bool(wanted) and not hit and not below)
            if wanted and below:
                item.setExpanded(True)

    def _layer_chosen(self, item: QTreeWidgetItem | None) -> None:
        if item is not None and item.data(0, NAME):
            self.layer.emit(item.data(0, NAME))

    # Ranking

    def show_choice(self, choice: Choice) -> None:
        """Set the fields to a choice."""
        self._choice = choice
        with QSignalBlocker(self.weight), QSignalBlocker(self.minimum):
            self.weight.setValue(round(100 * choice.weight))
            self.minimum.setValue(round(100 * choice.minimum))
        self.criterion.setCurrentIndex(self.criterion.findData(choice.criterion))
        self._name_preset()
        self._say_values()

    def _preset_chosen(self) -> None:
        preset = self.presets.currentData()
        if preset is not None:
            self.show_choice(preset.choice)
            self.choice.emit(preset.choice)

    def _choice_changed(self) -> None:
        self._choice = replace(
            self._choice,
            criterion=self.criterion.currentData(),
            weight=self.weight.value() / 100,
            minimum=self.minimum.value() / 100,
        )
        self._name_preset()
        self._say_values()
        self.choice.emit(self._choice)

    def _name_preset(self) -> None:
        number = next((n for n, p in enumerate(PRESETS) if p.choice == self._choice), len(PRESETS))
        self.presets.setCurrentIndex(number)
        effect = tr(PRESETS[number].effect) if number < len(PRESETS) else ""
        self.told.setText(effect)
        self.told.setVisible(bool(effect))
        matters = self._choice.criterion in ("balanced", "focus")
        self.weight.setEnabled(matters)
        self.minimum.setEnabled(matters)

    def _threshold_changed(self, value: int) -> None:
        self._say_values()
        self.look.emit("threshold", value / 100)

    def _opacity_changed(self, value: int) -> None:
        self._say_values()
        self.look.emit("opacity", value / 100)

    def _say_values(self) -> None:
        """The sliders' values stand in their labels."""
        for slider, name in (
            (self.weight, self.tr("Activation {value} %")),
            (self.minimum, self.tr("Sparsity from {value} %")),
            (self.threshold, self.tr("Region from {value} %")),
            (self.opacity, self.tr("Heat {value} %")),
        ):
            label = self._form.labelForField(slider)
            label.setText(name.format(value=slider.value()))  # type: ignore[attr-defined]


def _slider(value: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setValue(value)
    return slider


def _short(number: int) -> str:
    """12.3 M, 45 k."""
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1000:.0f} k" if number >= 1000 else str(number or "")
