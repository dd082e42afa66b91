"""A photo to paint on: strokes lie on a copy, and only what they cover is painted again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from petvision.app.theme import Theme
from petvision.app.widgets.link import Link
from petvision.app.widgets.plate import Plate
from petvision.explain.edits import Edited, History, Kind, Stroke
from petvision.images.types import Box, Geometry, Picture

STEP = 1 / 40


class Easel(Plate):
    """Paints with the mouse, or with the arrows and the space bar.

    ``edited``: the strokes are others. ``size`` is the brush's radius as a share of the photo's
    shorter side.
    """

    edited = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, Link(), parent)
        self.link.setParent(self)
        self.history = History()
        self.kind: Kind = "erase"
        self.size_share = 0.08
        self.found: Box | None = None
        self._edited: Edited | None = None
        self._painting = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("The photo to paint on"))

    def take(self, picture: Picture, geometry: Geometry, colour: tuple[int, int, int]) -> None:
        """Begin with a photo, unedited."""
        self._picture, self._colour = picture, colour
        self.history = History()
        self.found = None
        self.link.reset()
        self.geometry_of_photo = geometry
        self.put_other(None)

    def put_other(self, other: Picture | None) -> None:
        """Give another photo to paint with (None: painting erases); the strokes stay."""
        self._edited = Edited(self._picture, self._colour, other)
        pixels = self._edited.pixels
        assert pixels.flags.c_contiguous
        high, wide = pixels.shape[:2]
        # The image looks at the very pixels that strokes change.
        view = QImage(pixels.data, wide, high, 3 * wide, QImage.Format.Format_RGB888)
        assert self.geometry_of_photo is not None
        self.show_photo(view, self.geometry_of_photo)
        self.refresh()

    def refresh(self) -> None:
        """Bring the pixels to the strokes, and paint what changed."""
        if self._edited is None:
            return
        dirty = self._edited.show(self.history.strokes)
        if dirty is None:
            return
        high, wide = self._edited.pixels.shape[:2]
        frame, (left, top, right, bottom) = self.frame, dirty
        across, down = frame.width() / wide, frame.height() / high
        place = QRectF(
            frame.left() + left * across,
            frame.top() + top * down,
            (right - left) * across,
            (bottom - top) * down,
        )
        self.update(place.adjusted(-2, -2, 2, 2).toAlignedRect())

    def _draw(self, painter: QPainter, frame: QRectF, key: str, image: QImage) -> None:
        """Straight from the pixels: a scaled copy would be made for each stroke."""
        painter.drawImage(frame, image)

    @property
    def radius(self) -> float:
        """The brush's, in original pixels."""
        geometry = self.geometry_of_photo
        assert geometry is not None
        return self.size_share * min(geometry.width, geometry.height)

    def lay_on(self, painter: QPainter) -> None:
        """Paint what the search found, and the brush's ring."""
        geometry, frame = self.geometry_of_photo, self.frame
        assert geometry is not None
        scale = frame.width() / geometry.width
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.found is not None:
            left, top, right, bottom = self.found
            box = QRectF(left, top, right - left, bottom - top)
            place = QRectF(box.topLeft() * scale + frame.topLeft(), box.size() * scale)
            self._outline(painter, lambda: painter.drawRect(place))
        if (spot := self.link.spot) is not None:
            at, ring = self.point_at(spot), self.radius * scale
            self._outline(painter, lambda: painter.drawEllipse(at, ring, ring))

    def _outline(self, painter: QPainter, draw: Callable[[], None]) -> None:
        for colour, thick in ((QColor(0, 0, 0, 150), 3.0), (QColor("#ffffff"), 1.4)):
            painter.setPen(QPen(colour, thick))
            draw()

    def _paint_spot(self, painter: QPainter, spot: QPointF) -> None:
        """The ring shows it."""

    # Painting

    def _begin(self, place: QPointF) -> None:
        geometry = self.geometry_of_photo
        assert geometry is not None
        self.found = None
        point = (place.x() * geometry.width, place.y() * geometry.height)
        self.history.begin(Stroke(self.kind, (point,), self.radius))
        self._tell()

    def _go_on(self, place: QPointF) -> None:
        geometry = self.geometry_of_photo
        assert geometry is not None
        self.history.extend(place.x() * geometry.width, place.y() * geometry.height)
        self._tell()

    def cover(self, kind: Kind, box: Box) -> None:
        """Cover a rectangle of the original as one step."""
        self.found = box
        self.history.begin(Stroke(kind, box=box))
        self._tell()
        self.update()

    def _tell(self) -> None:
        self.refresh()
        self.edited.emit()

    def undo(self) -> None:
        """Take the last step back."""
        self.found = None
        self.history.undo()
        self._tell()

    def redo(self) -> None:
        """Do it again."""
        self.history.redo()
        self._tell()

    def clear(self) -> None:
        """Take all strokes away."""
        self.found = None
        self.history.clear()
        self._tell()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left button paints; the others move a zoomed photo."""
        place = self.share_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton:
            self._pressed_at, self._moved = event.position(), True
        elif place is not None:
            self._painting = True
            self.link.hover(place)
            self._begin(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Paint on, or show the ring."""
        if self.link.pinned:  # by the arrows
            self.link.pin(None)
        if not self._painting:
            super().mouseMoveEvent(event)
            return
        place = self.share_at(event.position())
        self.link.hover(place)
        if place is not None:
            self._go_on(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The stroke ends."""
        self._painting = False
        self._pressed_at = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two dabs are two dabs."""
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrows move the brush, the space bar dabs."""
        ways = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if key in ways:
            across, down = ways[key]
            self.link.step(across * STEP, down * STEP)
            self.link.hover(self.link.spot)
        elif key == Qt.Key.Key_Space:
            self._begin(self.link.spot or QPointF(0.5, 0.5))
        else:
            super().keyPressEvent(event)
