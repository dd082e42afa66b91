"""The chosen photo, large enough to judge, with its heat where it was explained."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.batch.tasks import Preview
from petvision.app.theme import Theme
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.photo import PhotoView
from petvision.figures.style import GRID_PX, HEADING_PX

HEIGHT = 210
_TITLES = {
    "gradcam": "Grad-CAM",
    "gradcam_plusplus": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "smoothgrad": "SmoothGrad",
    "integrated_gradients": "Integrated Gradients",
    "occlusion": "Occlusion sensitivity",
}


def method_title(name: str) -> str:
    """A method's title without its room, which would bring torch into the window's thread."""
    return words.tr(_TITLES.get(name, words.named(name)))


class PreviewCard(QFrame):
    """Photo, verdict, truth; which heat lies on it is chosen below."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._shown: Preview | None = None
        self._photo = PhotoView(theme)
        self._photo.setFixedHeight(HEIGHT)
        self._name = quiet(wrap=False)
        self._verdict = heading(None, HEADING_PX)
        self._truth = QLabel()
        self._why = quiet()
        self.heat = QComboBox()
        self.heat.setAccessibleName(self.tr("Heat"))
        self.heat.currentIndexChanged.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX // 2)
        layout.addWidget(self._photo)
        layout.addWidget(self._name)
        line = QHBoxLayout()
        line.addWidget(self._verdict, 1)
        line.addWidget(self._truth)
        layout.addLayout(line)
        layout.addWidget(self._why)
        layout.addWidget(self.heat)
        self.hide()

    def show_preview(self, preview: Preview | None, truth: str) -> None:
        """Show a photo (None: nothing); ``truth`` is in words."""
        self._shown = preview
        self.setVisible(preview is not None)
        if preview is None:
            return
        row, answer = preview.row, preview.row.answer
        metrics = self._name.fontMetrics()
        name = row.place.replace("\\", "/").rpartition("/")[2]
        self._name.setText(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, 260))
        self._name.setToolTip(row.place)
        why = ""
        if row.failed is not None:
            self._verdict.setText(self.tr("Not readable"))
            why = row.failed.message
        elif answer is not None and answer.unknown:
            self._verdict.setText(self.tr("Unknown"))
            nearest = f"{answer.best}, {words.percent(answer.confidence)}"
            why = self.tr("It is unlike the photos the model knows; nearest: {what}")
            why = why.format(what=nearest)
        elif answer is not None:
            share = words.short_percent(answer.confidence)
            self._verdict.setText(f"{words.named(answer.label)}  {share}")
        self._truth.setText(truth)
        self._why.setText(why)
        self._why.setVisible(bool(why))
        self._offer({method: preview.lights.get(method, "") for method in preview.heats})
        self._draw()

    def _offer(self, lights: dict[str, str]) -> None:
        """Offer the methods (by id, with their badges) to choose from; a choice stays."""
        self.heat.setVisible(bool(lights))
        titles = {"": self.tr("Without heat")}
        titles |= {method: self._title(method, light) for method, light in lights.items()}
        if [self.heat.itemText(place) for place in range(self.heat.count())] != [*titles.values()]:
            chosen = self.heat.currentData()
            self.heat.blockSignals(True)
            self.heat.clear()
            for method, title in titles.items():
                self.heat.addItem(title, method)
            place = self.heat.findData(chosen) if chosen else 1 if lights else 0
            self.heat.setCurrentIndex(max(0, place))
            self.heat.blockSignals(False)

    def _title(self, method: str, light: str) -> str:
        badges = {
            "red": self.tr("{method}: not to be trusted"),
            "amber": self.tr("{method}: trust it with care"),
            "green": self.tr("{method}: passed its checks"),
        }
        return badges.get(light, "{method}").format(method=method_title(method))

    def _draw(self) -> None:
        if self._shown is not None:
            image = self._shown.heats.get(self.heat.currentData() or "", self._shown.plain)
            self._photo.show_image(image, self._shown.row.place)
