"""Prediction: what the model says, how far to trust that, and what silencing filters changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from petvision.app.neurons.controls import tr
from petvision.app.neurons.tiles import TileView, scrolled
from petvision.app.neurons.views import SubTab
from petvision.app.neurons.work import NeuronsWork, Silencing
from petvision.app.theme import Theme
from petvision.app.widgets.bars import ScoreBars
from petvision.app.widgets.labels import heading, quiet
from petvision.figures.style import GRID_PX, TEXT_PX
from petvision.images.types import Geometry, Picture
from petvision.models.results import Prediction

if TYPE_CHECKING:
    from petvision.figures.neurons import Tile
    from petvision.figures.neurons_sheet import Sheet

BARS = 5
MANY = 100


class Verdict(SubTab):
    """The five likeliest classes, and the same without the silenced filters."""

    news = frozenset({"sight", "silencing", "photo"})

    def __init__(self, work: NeuronsWork, theme: Theme) -> None:
        super().__init__(work, theme)
        self.before, self.after = ScoreBars(theme), ScoreBars(theme)
        self.meaning = quiet()
        self.change = QLabel()
        self.change.setWordWrap(True)
        self.silent = quiet()
        self.heats = TileView(theme, 2, most=420)
        self.heats.setAccessibleName(self.tr("Evidence with everything and without"))
        self.one = QPushButton(self.tr("Silence the chosen filter"))
        self.undo = QPushButton(self.tr("Undo"))
        self.restore = QPushButton(self.tr("Let all speak again"))
        self._lay_out()
        self.one.clicked.connect(lambda: work.silence(work.state.selected))
        self.undo.clicked.connect(work.undo)
        self.restore.clicked.connect(work.restore)

    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, GRID_PX)
        column.setSpacing(GRID_PX)
        column.addWidget(_head(self.tr("With every filter")))
        column.addWidget(self.before)
        column.addWidget(self.meaning)
        column.addSpacing(2 * GRID_PX)
        column.addWidget(_head(self.tr("Without some filters")))
        column.addWidget(self.silent)
        buttons = QHBoxLayout()
        for button in (self.one, self.undo, self.restore):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addWidget(self.after)
        column.addWidget(self.change)
        column.addWidget(self.heats)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(inner))

    def select(self, index: int) -> None:
        """The button names the filter."""
        maps = self.work.maps
        known = maps is not None and index >= 0
        silent = maps is not None and (maps.layer.name, index) in self.work.state.silenced
        text = self.tr("Let filter {index} speak") if silent else self.tr("Silence filter {index}")
        self.one.setText(
            text.format(index=index) if known else self.tr("Silence the chosen filter")
        )
        self.one.setEnabled(known)

    def sheet(self) -> Sheet | None:
        """Both verdicts in lines, and the evidence."""
        lines = [self.before.accessibleName(), self.meaning.text(), self.silent.text()]
        found = self.work.state.silencing
        if found is None:
            return self.titled(lines, (), 2)
        return self.titled(
            [*lines, self.after.accessibleName(), self.change.text()], self.heats.tiles, 2
        )

    def refresh(self) -> None:
        """Show the verdicts."""
        sight, state = self.work.state.sight, self.work.state
        self.undo.setEnabled(self.work.can_undo)
        self.restore.setEnabled(bool(state.silenced))
        self.select(state.selected)
        if sight is None:
            self.before.show_rows([])
            self.meaning.clear()
        else:
            self.before.show_rows(_best(sight.prediction), quiet=sight.prediction.unknown)
            self.meaning.setText(self._meaning(sight.prediction))
        names = ", ".join(f"{layer}: {index}" for layer, index in state.silenced)
        none = self.tr("Silence a filter here or under Detail, and see the verdict change.")
        text = self.tr("Silenced: {names}. The model itself is not changed.")
        self.silent.setText(text.format(names=names) if names else none)
        found = state.silencing
        for widget in (self.after, self.change, self.heats):
            widget.setVisible(found is not None)
        if found is not None and sight is not None:
            self.after.show_rows(_best(found.after), quiet=found.after.unknown)
            self.change.setText(self._change(found))
            make = partial(_heats, found, self.work.photo, sight.lens.maps.geometry)
            self.in_pool(make, self.heats.show_tiles)

    def _meaning(self, prediction: Prediction) -> str:
        text = self.tr(
            "The share is how the model divides one whole among its {count} classes; it is not the "
            "chance to be right, and it must give the whole away even to a photo of none of them."
        ).format(count=len(prediction.scores))
        if len(prediction.scores) >= MANY:
            text += " " + self.tr(
                "These are the {count} ImageNet classes: finer than cat and dog, so the share of "
                "an animal is often spread over several breeds."
            ).format(count=len(prediction.scores))
        return text

    def _change(self, found: Silencing) -> str:
        best = found.before.best_class
        classes = list(found.before.scores)
        index = classes.index(best)
        fall = found.before.logits[index] - found.after.logits[index]
        falls = self.tr("The logit of {name} falls by {fall}.")
        rises = self.tr("The logit of {name} rises by {fall}.")
        text = (falls if fall >= 0 else rises).format(name=best, fall=f"{abs(fall):.2f}")
        if found.after.best_class != best:
            now = self.tr("The model would now say {name}.")
            text += " " + now.format(name=found.after.best_class)
        return text


def _head(text: str) -> QLabel:
    label = heading(None, TEXT_PX)
    label.setText(text)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
    return label


def _best(prediction: Prediction) -> list[tuple[str, float]]:
    return sorted(prediction.scores.items(), key=lambda item: -item[1])[:BARS]


def _heats(found: Silencing, photo: Picture | None, geometry: Geometry) -> list[Tile]:
    from petvision.figures import neurons as drawn

    under = drawn.small_photo(photo, geometry, 480)
    name = found.before.best_class
    return [
        drawn.Tile(drawn.heat_over(under, heat, geometry), words.format(name=name))
        for words, heat in (
            (tr("evidence with every filter: {name}"), found.heat_before),
            (tr("without: {name}"), found.heat_after),
        )
    ]
