"""What pictures of one photo share: which part is in view, and the spot that is looked at."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, QRectF, QSizeF, Signal

MOST = 16.0
MIDDLE = QPointF(0.5, 0.5)


class Link(QObject):
    """Zoom, place and spot, in shares of the photo's sides, so that photos of any size can share.

    ``moved``: another part is in view. ``spotted``: the spot is another, or none. A pinned spot
    stays where it is until it is let go.
    """

    moved = Signal()
    spotted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.zoom = 1.0
        self.middle = QPointF(MIDDLE)
        self._hovered: QPointF | None = None
        self._pinned: QPointF | None = None

    @property
    def spot(self) -> QPointF | None:
        """The place looked at (0..1 across and down), None for none."""
        return self._pinned if self._pinned is not None else self._hovered

    @property
    def pinned(self) -> bool:
        """Whether the spot stays when the mouse goes."""
        return self._pinned is not None

    def hover(self, place: QPointF | None) -> None:
        """The mouse is over a place, or over none."""
        if place != self._hovered:
            self._hovered = place
            if self._pinned is None:
                self.spotted.emit()

    def pin(self, place: QPointF | None) -> None:
        """Keep a place as the spot; None lets it go."""
        self._pinned = place
        self.spotted.emit()

    def step(self, across: float, down: float) -> None:
        """Move the pinned spot (the middle where there is none) by shares of the sides."""
        at = self.spot or self.middle
        self.pin(QPointF(_within(at.x() + across), _within(at.y() + down)))

    def zoom_to(self, zoom: float, keep: QPointF | None = None) -> None:
        """Zoom; the place ``keep`` stays where it is on the screen."""
        zoom = min(max(zoom, 1.0), MOST)
        keep = keep or self.middle
        factor = self.zoom / zoom
        self.zoom = zoom
        self.look_at(keep + (self.middle - keep) * factor)

    def look_at(self, middle: QPointF) -> None:
        """Bring a place into the middle, as far as the photo reaches."""
        half = 0.5 / self.zoom
        self.middle = QPointF(
            min(max(middle.x(), half), 1 - half), min(max(middle.y(), half), 1 - half)
        )
        self.moved.emit()

    def reset(self) -> None:
        """The whole photo, no spot."""
        self._hovered = self._pinned = None
        self.zoom_to(1.0)
        self.spotted.emit()

    def frame(self, room: QRectF, photo: QSizeF) -> QRectF:
        """Where the whole photo lies so that the part in view fills ``room``, unstretched."""
        if photo.isEmpty() or room.isEmpty():
            return QRectF()
        scale = self.zoom * min(room.width() / photo.width(), room.height() / photo.height())
        wide, high = photo.width() * scale, photo.height() * scale
        left = _placed(room.left(), room.width(), wide, self.middle.x())
        top = _placed(room.top(), room.height(), high, self.middle.y())
        return QRectF(left, top, wide, high)


def _placed(start: float, length: float, side: float, middle: float) -> float:
    """Where a side begins: centred where it fits, else with ``middle`` in the middle, no gap."""
    if side <= length:
        return start + (length - side) / 2
    return min(start, max(start + length - side, start + length / 2 - middle * side))


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)
