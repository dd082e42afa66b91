"""The table and the gallery: one model, one selection, the same keys."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QIcon,
    QKeyEvent,
    QPainter,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
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
    RunModel,
    stand_in,
)
from petvision.app.icons import picture
from petvision.app.photos.delegate import mark_of
from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.batch.rows import Row
from petvision.figures.style import CORNER_PX, GRID_PX, Style

ROW_PX, ICON_PX, CELL_PX = 44, 36, 112
MARK_PX, SIGN_PX, STAND_IN_PX = 16, 20, 24
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
    view = Gallery(PhotoTiles(model, theme))
    view.setModel(model)
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


class PhotoTiles:
    """A thumbnail, its verdict under it; right, wrong, unknown and errors differ by their marks.

    A page of them is painted while threads read the next one, and every call into Qt may have to
    wait for those: what is equal for all is set once, and marks are kept as pictures.
    """

    def __init__(self, model: RunModel, theme: Theme) -> None:
        self._model, self._theme = model, theme

    def size(self, metrics: QFontMetrics) -> QSize:
        """All are equal."""
        lines = metrics.height() + GRID_PX
        return QSize(CELL_PX + 2 * GRID_PX, CELL_PX + 2 * GRID_PX + lines)

    def begin(self, painter: QPainter) -> None:
        """Set what is equal for all."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(scaled_font(painter.font(), SMALL_PX))
        self._metrics = painter.fontMetrics()
        self._line_px = self._metrics.height()
        self._ratio = painter.device().devicePixelRatioF()
        self._texts: dict[str, str] = {}

    def paint(
        self, painter: QPainter, cell: QRect, place: int, *, selected: bool, focused: bool
    ) -> None:
        """Paint one."""
        if selected or focused:
            self._frame(painter, cell.adjusted(3, 3, -3, -3), selected)
        left = cell.left() + (cell.width() - CELL_PX) // 2
        box = QRect(left, cell.top() + GRID_PX, CELL_PX, CELL_PX)
        row = self._model.row_at(place)
        image = None if row is None else self._model.thumbnail_of(row)
        if image is None:
            self._empty(painter, box, row)
        else:
            painter.drawImage(box, image)
        if row is not None:
            self._badge(painter, box, row)
            truth = self._model.truth_words(row)
            if truth:
                sign = _truth_sign(truth[0], self._theme.style, painter.font(), self._ratio)
                painter.drawPixmap(box.right() - 24, box.top() + 4, sign)

    def _frame(self, painter: QPainter, box: QRect, selected: bool) -> None:
        style = self._theme.style
        dotted = QPen(QColor(style.accent), 1, Qt.PenStyle.DotLine)
        painter.setPen(QPen(QColor(style.accent), 2) if selected else dotted)
        painter.setBrush(QColor(style.raised) if selected else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, CORNER_PX, CORNER_PX)

    def _empty(self, painter: QPainter, box: QRect, row: Row | None) -> None:
        style = self._theme.style
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(style.raised))
        painter.drawRoundedRect(box, CORNER_PX, CORNER_PX)
        if row is not None:
            mark = picture(stand_in(row), style.muted, STAND_IN_PX, self._ratio)
            spot = box.center() - QPoint(STAND_IN_PX // 2, STAND_IN_PX // 2)
            painter.drawPixmap(spot, mark)

    def _badge(self, painter: QPainter, box: QRect, row: Row) -> None:
        style = self._theme.style
        mark, colour, text = "triangle-alert", style.bad, words.tr("Cannot be opened")
        if row.answer is not None:
            share = words.short_percent(row.answer.confidence)
            unknown = row.answer.unknown
            mark = "circle-question-mark" if unknown else mark_of(row.answer.label)
            colour = style.unknown if unknown else style.text
            text = words.tr("Unknown") if unknown else f"{words.named(row.answer.label)} {share}"
        line = QRect(box.left(), box.bottom() + 4, box.width(), self._line_px)
        top = line.center().y() - MARK_PX // 2
        painter.drawPixmap(line.left(), top, picture(mark, colour, MARK_PX, self._ratio))
        painter.setPen(QColor(colour))
        room = line.adjusted(MARK_PX + 4, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self._fitting(text, room.width()))

    def _fitting(self, text: str, width: int) -> str:
        if text not in self._texts:
            elided = self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            self._texts[text] = elided
        return self._texts[text]


@lru_cache(maxsize=32)
def _truth_sign(sign: str, style: Style, font: QFont, ratio: float) -> QPixmap:
    """Whether an answer was right, as a mark over the photo's corner."""
    sign = sign if sign in "✓✗" else "•"
    mark = QPixmap(round(SIGN_PX * ratio), round(SIGN_PX * ratio))
    mark.setDevicePixelRatio(ratio)
    mark.fill(Qt.GlobalColor.transparent)
    painter = QPainter(mark)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(style.surface))
    spot = QRect(0, 0, SIGN_PX, SIGN_PX)
    painter.drawEllipse(spot)
    painter.setPen(QColor({"✓": style.good, "✗": style.bad}.get(sign, style.muted)))
    painter.drawText(spot, Qt.AlignmentFlag.AlignCenter, sign)
    painter.end()
    return mark
