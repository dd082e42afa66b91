"""What is in the centre when no photo is open: an invitation."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.theme import Theme
from petvision.app.widgets.labels import Mark, heading, quiet
from petvision.figures.style import CORNER_PX, GRID_PX, HEADING_PX
from petvision.images.samples import samples
from petvision.images.types import Source

SAMPLE_PX = 112


class EmptyState(QWidget):
    """``open_photos`` and ``open_folder`` ask for a dialog; ``sample`` names a sample's path."""

    open_photos = Signal()
    open_folder = Signal()
    sample = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._buttons: dict[str, QToolButton] = {}
        self._samples = QHBoxLayout()
        self._samples.setSpacing(2 * GRID_PX)
        self._lay_out()
        theme.changed.connect(self.update)

    def _lay_out(self) -> None:
        mark = Mark(self._theme, 48)
        mark.show_mark("images", "muted")
        title = heading(None, HEADING_PX)
        title.setText(self.tr("Drop a photo here"))
        sentence = quiet(wrap=False)
        sentence.setText(
            self.tr("PetVision says cat, dog or “I don’t know”, and shows what made it say so.")
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID_PX)
        buttons.addStretch(1)
        for text, primary, signal in (
            (self.tr("Open photos…"), True, self.open_photos),
            (self.tr("Open folder…"), False, self.open_folder),
        ):
            button = QPushButton(text)
            button.setProperty("primary", primary)
            button.clicked.connect(signal)
            buttons.addWidget(button)
        buttons.addStretch(1)
        invitation = quiet(wrap=False)
        invitation.setText(self.tr("or try one of these"))
        layout = QVBoxLayout(self)
        layout.setSpacing(GRID_PX)
        layout.addStretch(2)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addWidget(mark, 0, centre)
        layout.addSpacing(GRID_PX)
        layout.addWidget(title, 0, centre)
        layout.addWidget(sentence, 0, centre)
        layout.addSpacing(2 * GRID_PX)
        layout.addLayout(buttons)
        layout.addSpacing(4 * GRID_PX)
        layout.addWidget(invitation, 0, centre)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(self._samples)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(3)
        for sample in samples():
            self._offer(sample)

    def _offer(self, sample: Source) -> None:
        """A button for a sample photo; its thumbnail comes later."""
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(SAMPLE_PX, SAMPLE_PX))
        button.setText(words.sample_name(sample))
        button.clicked.connect(lambda: self.sample.emit(sample.location))
        self._buttons[sample.label] = button
        self._samples.addWidget(button)

    def show_sample(self, sample: Source, image: QImage) -> None:
        """Show a sample's thumbnail."""
        pixmap = rounded(image, SAMPLE_PX, self.devicePixelRatioF())
        self._buttons[sample.label].setIcon(QIcon(pixmap))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the drop area's dashed frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(self._theme.style.line), 2, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(frame, 2 * CORNER_PX, 2 * CORNER_PX)
        painter.end()


def rounded(image: QImage, size: int, ratio: float) -> QPixmap:
    """An image as a square pixmap with round corners."""
    side = round(size * ratio)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setBrush(QPixmap.fromImage(image.scaled(side, side)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(0, 0, side, side, CORNER_PX * ratio, CORNER_PX * ratio)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
