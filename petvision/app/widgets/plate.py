"""A photo that can be zoomed, moved and pointed at, in step with others through a :class:`Link`."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QEnterEvent,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.app.widgets.link import Link
from petvision.figures.style import CORNER_PX, GRID_PX
from petvision.images.types import Geometry

NOTCH = 120
ZOOM_STEP = 1.2
CROSS_PX = 9
VEIL = 0.72


class Plate(QWidget):
    """Paints the photo of a geometry, and what a subclass lays on it.

    The base paints the photo (the greyer the larger ``muting``), the hatching of what the network
    does not see, and the spot with ``told`` beside it. ``pressed`` and ``enlarge`` pass on the
    clicks that the panel around it wants.
    """

    pressed = Signal()
    enlarge = Signal()

    def __init__(self, theme: Theme, link: Link, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.link = link
        self.geometry_of_photo: Geometry | None = None
        self.muting = 0.0
        self.hatched = True
        self._image = QImage()
        self._grey = QImage()
        self._scaled: dict[str, QPixmap] = {}
        self._pressed_at: QPointF | None = None
        self._moved = False
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(scaled_font(self.font(), SMALL_PX))
        link.moved.connect(self._repaint)
        link.spotted.connect(self._repaint)
        theme.changed.connect(self._repaint)

    def _repaint(self) -> None:
        self.update()

    def show_photo(self, image: QImage | None, geometry: Geometry) -> None:
        """Show a photo (None: a grey place of its shape) that a model sees by ``geometry``."""
        self.geometry_of_photo = geometry
        image = image or QImage()
        if image is not self._image:
            self._image = image
            self._grey = QImage()
            self._scaled.clear()
        self.update()

    def changed(self) -> None:
        """The pixels of the photo shown were changed in place."""
        self._grey = QImage()
        self._scaled.clear()
        self.update()

    def sizeHint(self) -> QSize:
        """Photos are mostly 4:3."""
        return QSize(280, 210)

    def minimumSizeHint(self) -> QSize:
        """Small enough for a narrow column."""
        return QSize(96, 72)

    # Places

    @property
    def room(self) -> QRectF:
        """Where the photo may be painted."""
        return QRectF(self.rect())

    @property
    def frame(self) -> QRectF:
        """Where the whole photo lies, also what is out of view."""
        geometry = self.geometry_of_photo
        if geometry is None:
            return QRectF()
        return self.link.frame(self.room, QSizeF(geometry.width, geometry.height))

    def share_at(self, point: QPointF) -> QPointF | None:
        """The place of the photo (0..1) at a point of the widget, None beside it."""
        frame = self.frame
        if frame.isEmpty() or not frame.contains(point):
            return None
        return QPointF(
            (point.x() - frame.left()) / frame.width(), (point.y() - frame.top()) / frame.height()
        )

    def point_at(self, share: QPointF) -> QPointF:
        """The point of the widget at a place of the photo."""
        frame = self.frame
        return QPointF(
            frame.left() + share.x() * frame.width(), frame.top() + share.y() * frame.height()
        )

    def box(self) -> QRectF:
        """Where what the network sees lies in the widget."""
        geometry, frame = self.geometry_of_photo, self.frame
        assert geometry is not None
        left, top, right, bottom = geometry.box
        across, down = frame.width() / geometry.width, frame.height() / geometry.height
        return QRectF(
            frame.left() + left * across,
            frame.top() + top * down,
            (right - left) * across,
            (bottom - top) * down,
        )

    # Painting

    def told(self, spot: QPointF) -> str:
        """What is written beside the spot."""
        return ""

    def lay_on(self, painter: QPainter) -> None:
        """Paint what lies on the photo; the painter is clipped to it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint photo, hatching, what lies on it, and the spot."""
        if self.geometry_of_photo is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = self.frame
        painter.setClipRect(frame.intersected(self.room))
        self._paint_photo(painter, frame)
        if self.hatched:
            self._paint_unseen(painter, frame)
        self.lay_on(painter)
        if (spot := self.link.spot) is not None:
            self._paint_spot(painter, spot)
        painter.end()

    def _paint_photo(self, painter: QPainter, frame: QRectF) -> None:
        if self._image.isNull():
            painter.fillRect(frame, QColor(self.theme.style.raised))
            return
        self._draw(painter, frame, "photo", self._image)
        if self.muting > 0:
            if self._grey.isNull():
                grey = QImage.Format.Format_Grayscale8
                self._grey = self._image.convertToFormat(grey)
            painter.setOpacity(self.muting)
            self._draw(painter, frame, "grey", self._grey)
            painter.setOpacity(1.0)

    def _draw(self, painter: QPainter, frame: QRectF, key: str, image: QImage) -> None:
        """Whole photos from a smooth copy made once a size; zoomed ones from the pixels."""
        if self.link.zoom > 1:
            painter.drawImage(frame, image)
            return
        ratio = self.devicePixelRatioF()
        size = (frame.size() * ratio).toSize()
        kept = self._scaled.get(key)
        if kept is None or kept.size() != size:
            smooth = Qt.TransformationMode.SmoothTransformation
            fit = Qt.AspectRatioMode.IgnoreAspectRatio
            kept = self._scaled[key] = QPixmap.fromImage(image.scaled(size, fit, smooth))
        painter.drawPixmap(frame, kept, QRectF(kept.rect()))

    def _paint_unseen(self, painter: QPainter, frame: QRectF) -> None:
        box = self.box()
        if box.contains(frame.adjusted(0.5, 0.5, -0.5, -0.5)):
            return
        ring = QPainterPath()
        ring.setFillRule(Qt.FillRule.OddEvenFill)
        ring.addRect(frame)
        ring.addRect(box.intersected(frame))
        style = self.theme.style
        veil, hatch = QColor(style.veil), QColor(style.hatch)
        veil.setAlphaF(VEIL)
        hatch.setAlphaF(0.55)
        painter.fillPath(ring, veil)
        painter.fillPath(ring, QBrush(hatch, Qt.BrushStyle.BDiagPattern))

    def _paint_spot(self, painter: QPainter, spot: QPointF) -> None:
        at = self.point_at(spot)
        if not self.room.contains(at):
            return
        style = self.theme.style
        for colour, thick in ((QColor(0, 0, 0, 170), 3.0), (QColor("#ffffff"), 1.4)):
            painter.setPen(QPen(colour, thick))
            for across, down in ((1, 0), (0, 1)):
                arm = QPointF(across * CROSS_PX, down * CROSS_PX)
                painter.drawLine(at - arm, at - arm * 0.35)
                painter.drawLine(at + arm * 0.35, at + arm)
            if self.link.pinned:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(at, CROSS_PX * 0.8, CROSS_PX * 0.8)
        words = self.told(spot)
        if not words:
            return
        metrics = self.fontMetrics()
        lines = words.split("\n")
        wide = max(metrics.horizontalAdvance(line) for line in lines) + GRID_PX
        high = metrics.lineSpacing() * len(lines) + GRID_PX / 2
        label = self._beside(at, wide, high)
        painter.setPen(QColor(style.line))
        painter.setBrush(QColor(style.surface))
        painter.drawRoundedRect(label, CORNER_PX / 2, CORNER_PX / 2)
        painter.setPen(QColor(style.text))
        painter.drawText(label, Qt.AlignmentFlag.AlignCenter, words)

    def _beside(self, at: QPointF, wide: float, high: float) -> QRectF:
        """Where words lie beside a spot and do not hide it: right, left, else below or above."""
        shown, away = self.frame.intersected(self.room), CROSS_PX + 4
        left, top = at.x() + away, at.y() - high / 2
        if left + wide > shown.right():
            left = at.x() - away - wide
        if left < shown.left():
            left, top = at.x() - wide / 2, at.y() + away
            if top + high > shown.bottom():
                top = at.y() - away - high
        left = min(max(left, shown.left()), max(shown.left(), shown.right() - wide))
        top = min(max(top, shown.top()), max(shown.top(), shown.bottom() - high))
        return QRectF(left, top, wide, high)

    # The mouse

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Ctrl and the wheel zoom where the mouse is; a zoomed photo needs no Ctrl."""
        turned = event.angleDelta().y()
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if not turned or not (control or self.link.zoom > 1):
            event.ignore()  # the page scrolls
            return
        place = self.share_at(event.position())
        self.link.zoom_to(self.link.zoom * ZOOM_STEP ** (turned / NOTCH), place)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press may become a click (the spot is pinned) or move a zoomed photo."""
        self.pressed.emit()
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at, self._moved = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The spot follows; a pressed mouse moves what is in view."""
        if self._pressed_at is None:
            self.link.hover(self.share_at(event.position()))
            return
        by = event.position() - self._pressed_at
        if not self._moved and by.manhattanLength() < QApplication.startDragDistance():
            return
        self._moved = True
        frame = self.frame
        if self.link.zoom > 1 and not frame.isEmpty():
            shift = QPointF(by.x() / frame.width(), by.y() / frame.height())
            self.link.look_at(self.link.middle - shift)
            self._pressed_at = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click pins the spot; where it is pinned already, it is let go."""
        if self._pressed_at is not None and not self._moved:
            place = self.share_at(event.position())
            self.link.pin(None if self.link.pinned else place)
        self._pressed_at = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click is the panel's; what its first click pinned is let go."""
        self._pressed_at = None
        self.link.pin(None)
        self.enlarge.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        """The mouse comes."""
        self.setCursor(Qt.CursorShape.CrossCursor)
        super().enterEvent(event)

    def leaveEvent(self, event: object) -> None:
        """The mouse goes: no spot, unless it is pinned."""
        self.link.hover(None)

    def hideEvent(self, event: QHideEvent) -> None:
        """What is hidden shows no spot."""
        self.link.hover(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Scaled copies of another size are of no use."""
        self._scaled.clear()
