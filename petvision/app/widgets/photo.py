"""A photo, scaled to fit, corners rounded."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from petvision.app.icons import picture
from petvision.app.theme import Theme
from petvision.figures.style import CORNER_PX

ICON_PX = 32


class PhotoView(QWidget):
    """Shows one image as large as fits, or an icon where there is none."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image: QImage | None = None
        self._scaled: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_image(self, image: QImage | None, name: str) -> None:
        """Show an image (None: the icon); ``name`` is read out."""
        if image is not self._image:
            self._image = image
            self._scaled = None
            self.update()
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        """Photos are mostly 4:3."""
        return QSize(240, 180)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the scaled copy, which is made once for each size."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio = self.devicePixelRatioF()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.style.raised))
        painter.drawRoundedRect(self.rect(), CORNER_PX, CORNER_PX)
        if self._image is None:
            corner = self.rect().center()
            icon = picture("image", self._theme.style.muted, ICON_PX, ratio)
            painter.drawPixmap(corner.x() - ICON_PX // 2, corner.y() - ICON_PX // 2, icon)
        else:
            pixmap = self._fitted(self._image, ratio)
            box = QRect(0, 0, round(pixmap.width() / ratio), round(pixmap.height() / ratio))
            box.moveCenter(self.rect().center())
            corners = QPainterPath()
            corners.addRoundedRect(QRectF(self.rect()), CORNER_PX, CORNER_PX)
            painter.setClipPath(corners)
            painter.drawPixmap(box, pixmap)
        painter.end()

    def _fitted(self, image: QImage, ratio: float) -> QPixmap:
        room = self.size() * ratio
        wanted = image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        if self._scaled is None or self._scaled.size() != wanted:
            smooth = Qt.TransformationMode.SmoothTransformation
            fit = Qt.AspectRatioMode.IgnoreAspectRatio
            self._scaled = QPixmap.fromImage(image.scaled(wanted, fit, smooth))
        return self._scaled
