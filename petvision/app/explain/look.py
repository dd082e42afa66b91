"""The controls of how maps are shown."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFormLayout, QSlider, QWidget

from petvision.app.widgets.look import PALETTES, Look
from petvision.figures.style import GRID_PX


class LookForm(QWidget):
    """A slider for the cover and a choice of colours; all maps follow at once."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        blend = QSlider(Qt.Orientation.Horizontal)
        blend.setRange(0, 100)
        blend.setValue(round(100 * look.blend))
        blend.setAccessibleName(self.tr("Heat over the photo"))
        blend.setToolTip(self.tr("How strongly the heat covers the photo"))
        blend.valueChanged.connect(lambda value: look.choose_blend(value / 100))
        self.colours = QComboBox()
        self.colours.setAccessibleName(self.tr("Colours"))
        self.colours.setToolTip(
            self.tr(
                "All but jet are even to the eye: a step on the scale looks like a step. Jet "
                "makes edges that are not in the map."
            )
        )
        names = {
            "heat": self.tr("Heat (even to the eye)"),
            "viridis": self.tr("Viridis"),
            "cividis": self.tr("Cividis"),
            "grey": self.tr("Grey"),
            "jet": self.tr("Jet (makes false edges)"),
        }
        for name in PALETTES:
            self.colours.addItem(names[name], name)
        self.colours.setCurrentIndex(PALETTES.index(look.palette))
        self.colours.activated.connect(lambda: look.choose_palette(str(self.colours.currentData())))
        self.blend = blend
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(2 * GRID_PX)
        layout.setVerticalSpacing(GRID_PX)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        layout.addRow(self.tr("Heat"), blend)
        layout.addRow(self.tr("Colours"), self.colours)
