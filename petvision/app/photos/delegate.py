"""How a row of the photo list is painted: thumbnail, name, badge."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from petvision.app.icons import picture
from petvision.app.photos.model import Photo, PhotoRole
from petvision.app.theme import Theme
from petvision.figures.style import CORNER_PX, GRID_PX

THUMBNAIL_PX = 56
MARK_PX = 16


class PhotoDelegate(QStyledItemDelegate):
    """Paints rows; a verdict, a doubt and an error differ by mark and word, not only by colour."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All rows are equal: the thumbnail, or two lines where the text is large."""
        lines = 2 * QFontMetrics(option.font).height() + GRID_PX // 2
        return QSize(THUMBNAIL_PX, max(THUMBNAIL_PX, lines) + 2 * GRID_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint one row."""
        photo = index.data(PhotoRole)
        if not isinstance(photo, Photo):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        row = option.rect.adjusted(GRID_PX, 2, -GRID_PX, -2)
        self._background(painter, row, option)
        thumbnail = QRect(0, 0, THUMBNAIL_PX, THUMBNAIL_PX)
        thumbnail.moveCenter(row.center())
        thumbnail.moveLeft(row.left() + GRID_PX // 2)
        self._thumbnail(painter, thumbnail, index.data(Qt.ItemDataRole.DecorationRole), photo)
        text = row.adjusted(THUMBNAIL_PX + GRID_PX * 2, 0, -GRID_PX, 0)
        self._text(painter, text, photo)
        painter.restore()

    def _background(self, painter: QPainter, row: QRect, option: QStyleOptionViewItem) -> None:
        style = self._theme.style
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(style.raised))
            painter.drawRoundedRect(row, CORNER_PX, CORNER_PX)
            bar = QRectF(row.left(), row.top() + CORNER_PX, 3, row.height() - 2 * CORNER_PX)
            active = option.state & QStyle.StateFlag.State_Active
            painter.setBrush(QColor(style.accent if active else style.muted))
            painter.drawRoundedRect(bar, 1.5, 1.5)
        elif option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(style.accent), 1))
            painter.drawRoundedRect(row, CORNER_PX, CORNER_PX)

    def _thumbnail(self, painter: QPainter, box: QRect, image: object, photo: Photo) -> None:
        style = self._theme.style
        corner = QPainterPath()
        corner.addRoundedRect(QRectF(box), CORNER_PX, CORNER_PX)
        if isinstance(image, QImage):
            painter.save()
            painter.setClipPath(corner)
            painter.drawImage(box, image)
            painter.restore()
            return
        painter.fillPath(corner, QColor(style.background))
        name = "triangle-alert" if photo.error is not None else "image"
        self._mark(painter, box.center().x() - 12, box.center().y() - 12, name, style.muted, 24)

    def _text(self, painter: QPainter, box: QRect, photo: Photo) -> None:
        style = self._theme.style
        metrics = painter.fontMetrics()
        height = metrics.height()
        badge = photo.badge
        top = box.center().y() - (height if badge else height // 2) - (2 if badge else 0)
        painter.setPen(QColor(style.text))
        name = metrics.elidedText(photo.source.label, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box.left(), top + metrics.ascent(), name)
        if not badge:
            return
        mark, colour = self._look(photo)
        top += height + 4
        self._mark(painter, box.left(), top + (height - MARK_PX) // 2, mark, colour, MARK_PX)
        painter.setPen(QColor(colour))
        left = box.left() + MARK_PX + GRID_PX // 2
        words = metrics.elidedText(badge, Qt.TextElideMode.ElideRight, box.right() - left)
        painter.drawText(left, top + metrics.ascent(), words)

    def _look(self, photo: Photo) -> tuple[str, str]:
        """The mark and the colour of a badge."""
        style = self._theme.style
        if photo.error is not None:
            return "triangle-alert", style.bad
        if photo.prediction is None or photo.prediction.unknown:
            return "circle-question-mark", style.unknown
        return mark_of(photo.prediction.label), style.muted

    @staticmethod
    def _mark(painter: QPainter, x: int, y: int, name: str, colour: str, size: int) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(x, y, picture(name, colour, size, ratio))


def mark_of(label: str) -> str:
    """The icon of a class: its own animal, or a paw."""
    return label if label in ("cat", "dog") else "paw-print"
