"""The right column: which class is explained, and the parameters of the chosen panel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.explain.classes import ClassSlider
from petvision.app.explain.form import ParameterForm
from petvision.app.explain.look import LookForm
from petvision.app.explain.work import PanelState
from petvision.app.theme import RIGHT_WIDTH
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.look import Look
from petvision.figures.style import GRID_PX, TEXT_PX

SEARCHABLE = 12


class Inspector(QFrame):
    """The forms beside the panels.

    ``target_chosen``: a class name, or None for the predicted one. ``values_chosen``: a method's
    id and its parameters.
    """

    target_chosen = Signal(object)
    values_chosen = Signal(str, object)

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("column", True)
        self.setMinimumWidth(RIGHT_WIDTH * 3 // 4)
        self._target = QComboBox()
        self._target.setAccessibleName(self.tr("Class to explain"))
        self._target.activated.connect(lambda: self.target_chosen.emit(self._target.currentData()))
        self.panel: PanelState | None = None
        self._form: ParameterForm | None = None
        self._known: Sequence[str] = ()
        self._title = heading(None, TEXT_PX)
        self._about = quiet()
        self._about.setTextFormat(Qt.TextFormat.PlainText)
        self._reset = QPushButton(self.tr("Use the defaults"))
        self.look_form = LookForm(look)
        self.classes = ClassSlider()
        self._lay_out()
        self.show_panel(None)

    def _lay_out(self) -> None:
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        self._column.setSpacing(GRID_PX)
        why = heading(None, TEXT_PX)
        why.setText(self.tr("Explain why it would be"))
        self._column.addWidget(why)
        self._column.addWidget(self._target)
        self._column.addSpacing(2 * GRID_PX)
        self._column.addWidget(self.classes)
        self._column.addSpacing(GRID_PX)
        shown = heading(None, TEXT_PX)
        shown.setText(self.tr("Show heat"))
        self._column.addWidget(shown)
        self._column.addWidget(self.look_form)
        self._column.addSpacing(2 * GRID_PX)
        self._column.addWidget(self._title)
        self._place = QVBoxLayout()
        self._column.addLayout(self._place)
        self._column.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addSpacing(GRID_PX)
        self._column.addWidget(self._about)
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setWidgetResizable(True)
        inner.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self._reset.clicked.connect(self._use_defaults)

    def offer_classes(self, classes: Sequence[str], layers: Sequence[str]) -> None:
        """Take a model's classes and layers; many classes can be searched by typing."""
        self._known = layers
        self.classes.offer(classes)
        self._target.clear()
        self._target.addItem(self.tr("The likeliest class"), None)
        for name in classes:
            self._target.addItem(words.named(name), name)
        self._target.setEditable(len(classes) > SEARCHABLE)
        if (completer := self._target.completer()) is not None:
            self._target.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)

    def show_predicted(self, label: str | None) -> None:
        """Name the predicted class in the first entry (None: not known)."""
        if self._target.count():
            likeliest = self.tr("The likeliest class")
            text = f"{likeliest} ({words.named(label)})" if label else likeliest
            self._target.setItemText(0, text)

    def follow(self, target: str | None) -> None:
        """Show a target (None: the likeliest class) and parameters that were chosen elsewhere."""
        place = 0 if target is None else self._target.findData(target)
        self._target.setCurrentIndex(max(0, place))
        self.show_panel(self.panel)

    def show_panel(self, panel: PanelState | None) -> None:
        """Show the parameters of a panel (None: a hint what to do)."""
        if self._form is not None:
            self._form.deleteLater()
            self._form = None
        self.panel = panel
        self._title.setVisible(panel is not None)
        self._reset.setVisible(panel is not None)
        if panel is None:
            self._about.setText(self.tr("Click a panel to see how it was made and to change it."))
            return
        card = panel.method.card
        self._title.setText(card.title)
        parts = [card.shows, card.cannot, card.sign, card.cost, card.paper]
        self._about.setText("\n\n".join(words.tr(part) for part in parts if part))
        self._form = ParameterForm(
            panel.method.Parameters.model_json_schema(), panel.values, {"layer": self._known}
        )
        self._form.changed.connect(lambda values: self.values_chosen.emit(panel.method.id, values))
        self._place.addWidget(self._form)

    def _use_defaults(self) -> None:
        panel = self.panel
        if panel is not None:
            self.values_chosen.emit(
                panel.method.id, panel.method.Parameters().model_dump(mode="json")
            )
            self.show_panel(panel)
