"""The table and the gallery: one model, one selection, the same keys."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QImage, QKeyEvent, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from petvision.app import words
from petvision.app.batch.gallery import Gallery
from petvision.app.batch.table import (
    CONFIDENCE,
    FOLDER,
    PHOTO,
    SIZE,
    STRANGE,
    TRUTH,
    VERDICT,
    RowRole,
    RunModel,
)
from petvision.app.icons import picture
from petvision.app.photos.delegate import mark_of
from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.batch.rows import Row
from petvision.figures.style import CORNER_PX, GRID_PX

ROW_PX, ICON_PX, CELL_PX = 44, 36, 112
MARK_PX = 16
GAP = "\N{EM SPACE}"
WIDTHS = {PHOTO: 240, VERDICT: 120, CONFIDENCE: 92, TRUTH: 140, STRANGE: 92, SIZE: 104, FOLDER: 260}

Index = QModelIndex | QPersistentModelIndex


class Keys(QObject):
    """The keys of reviewing, in both views: ``pressed`` carries the text, or "open", "next"."""

    pressed = Signal(str)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take letters, space and return; what the views do themselves stays theirs."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        quiet = Qt.KeyboardModifier.NoModifier | Qt.KeyboardModifier.KeypadModifier
        if event.modifiers() & ~quiet:
            return False
        named = {
            int(Qt.Key.Key_Space): "next",
            int(Qt.Key.Key_Return): "open",
            int(Qt.Key.Key_Enter): "open",
            int(Qt.Key.Key_Backspace): "back",
        }
        word = named.get(event.key()) or event.text().lower()
        if not word or not (word in named.values() or word.isalnum()):
            return False
        self.pressed.emit(word)
        return True


def table_view(model: RunModel, keys: Keys) -> QTableView:
    """Rows with their figures, sorted by their headers."""
    view = QTableView()
    view.setModel(model)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setShowGrid(False)
    view.setAlternatingRowColors(True)
    view.setWordWrap(False)
    view.setItemDelegate(RowDelegate(view))
    view.setCornerButtonEnabled(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.verticalHeader().setDefaultSectionSize(ROW_PX)
    head = view.horizontalHeader()
    head.setHighlightSections(False)
    head.setSectionsClickable(True)
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    head.setStretchLastSection(True)
    for column, width in WIDTHS.items():
        view.setColumnWidth(column, width)
    view.setAccessibleName(view.tr("Photos of the run"))
    _shared(view, keys)
    return view


def gallery_view(model: RunModel, theme: Theme, keys: Keys) -> Gallery:
    """Thumbnails with a badge each."""
    view = Gallery()
    view.setModel(model)
    view.setItemDelegate(GalleryDelegate(theme, view))
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setAccessibleName(view.tr("Photos of the run"))
    _shared(view, keys)
    return view


def _shared(view: QAbstractItemView, keys: Keys) -> None:
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setDragEnabled(True)
    view.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.verticalScrollBar().setSingleStep(ROW_PX)
    view.installEventFilter(keys)


class RowDelegate(QStyledItemDelegate):
    """A table's cell: a photo's thumbnail as high as the row, other pictures as marks."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        """Say how large the picture is; figures keep off the next column's words."""
        super().initStyleOption(option, index)
        side = ICON_PX if index.column() == PHOTO else MARK_PX
        option.decorationSize = QSize(side, side)
        if index.column() in (CONFIDENCE, STRANGE, SIZE):
            option.text += GAP
        elif index.column() == PHOTO and option.state & QStyle.StateFlag.State_Selected:
            plain = option.icon.pixmap(option.decorationSize)
            option.icon = QIcon()  # a selected row's photo keeps its colours
            option.icon.addPixmap(plain, QIcon.Mode.Normal)
            option.icon.addPixmap(plain, QIcon.Mode.Selected)


class GalleryDelegate(QStyledItemDelegate):
    """A thumbnail, its verdict under it; right, wrong, unknown and errors differ by their marks."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All are equal."""
        lines = option.fontMetrics.height() + GRID_PX
        return QSize(CELL_PX + 2 * GRID_PX, CELL_PX + 2 * GRID_PX + lines)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one."""
        row = index.data(RowRole)
        style = self._theme.style
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell = option.rect.adjusted(2, 2, -2, -2)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor(style.accent), 2))
            painter.setBrush(QColor(style.raised))
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), CORNER_PX, CORNER_PX)
        elif option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(style.accent), 1, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), CORNER_PX, CORNER_PX)
        box = QRect(0, 0, CELL_PX, CELL_PX)
        box.moveCenter(cell.center())
        box.moveTop(cell.top() + GRID_PX - 2)
        self._thumbnail(painter, box, index.data(Qt.ItemDataRole.DecorationRole))
        if isinstance(row, Row):
            self._badge(painter, box, index, row)
        painter.restore()

    def _thumbnail(self, painter: QPainter, box: QRect, image: object) -> None:
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.style.raised))
        painter.drawRoundedRect(box, CORNER_PX, CORNER_PX)
        if isinstance(image, QImage):  # cutting the corners off takes longest
            corner = QPainterPath()
            corner.addRoundedRect(box, CORNER_PX, CORNER_PX)
            painter.setClipPath(corner)
            painter.drawImage(box, image)
        elif isinstance(image, QIcon):
            spot = QRect(0, 0, 24, 24)
            spot.moveCenter(box.center())
            image.paint(painter, spot)
        painter.restore()

    def _badge(self, painter: QPainter, box: QRect, index: Index, row: Row) -> None:
        style = self._theme.style
        mark, colour, text = "triangle-alert", style.bad, words.tr("Cannot be opened")
        if row.answer is not None:
            share = words.short_percent(row.answer.confidence)
            unknown = row.answer.unknown
            mark = "circle-question-mark" if unknown else mark_of(row.answer.label)
            colour = style.unknown if unknown else style.text
            text = words.tr("Unknown") if unknown else f"{words.named(row.answer.label)} {share}"
        painter.setFont(scaled_font(painter.font(), SMALL_PX))
        metrics = painter.fontMetrics()
        line = QRect(box.left(), box.bottom() + 4, box.width(), metrics.height())
        ratio = painter.device().devicePixelRatioF()
        top = line.center().y() - MARK_PX // 2
        painter.drawPixmap(line.left(), top, picture(mark, colour, MARK_PX, ratio))
        painter.setPen(QColor(colour))
        room = line.adjusted(MARK_PX + 4, 0, 0, 0)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        truth = index.model().index(index.row(), TRUTH).data() or ""
        if truth:
            self._truth(painter, box, truth)

    def _truth(self, painter: QPainter, box: QRect, truth: str) -> None:
        style = self._theme.style
        sign = truth[0] if truth[0] in "✓✗" else "•"
        colour = {"✓": style.good, "✗": style.bad}.get(sign, style.muted)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(style.surface))
        spot = QRect(box.right() - 24, box.top() + 4, 20, 20)
        painter.drawEllipse(spot)
        painter.setPen(QColor(colour))
        painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, sign)
