"""One panel: title, sentence, figure, progress, facts, menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.explain.badge import Badge
from petvision.app.explain.work import PanelState
from petvision.app.theme import Theme
from petvision.app.widgets.labels import Elided, Mark, elided_heading, quiet
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import Look
from petvision.app.widgets.progress import ThinBar
from petvision.explain.results import Attribution, ChannelMaps, KernelSet, Trust
from petvision.figures.style import GRID_PX, TEXT_PX

if TYPE_CHECKING:
    from petvision.app.tasks import Display
    from petvision.app.widgets.canvas import Canvas
    from petvision.app.widgets.heat import HeatPage
    from petvision.figures.panels import Panel

ETA_FROM = 2.0
MIN_HEIGHT = 272
BADGE_WORD_FROM = 420
"""How wide a panel is that shows a badge's word beside a title; narrower ones show its shield."""
STEP = 1 / 32
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class PanelWidget(QFrame):
    """Shows a :class:`PanelState`.

    ``chosen``: it was clicked or got the focus. ``enlarge``: it should fill the centre, or go
    back. ``wanted`` (command): "png", "svg", "npy", "copy", "parameters", "run",
    "trust", "drag", "remove". ``filter_wanted``: a feature map or kernel was clicked; its
    convolution and number.
    """

    chosen = Signal()
    enlarge = Signal()
    wanted = Signal(str)
    filter_wanted = Signal(str, int)

    def __init__(
        self,
        panel: PanelState,
        theme: Theme,
        link: Link,
        look: Look,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.panel = panel
        self._theme = theme
        self._link = link
        self._look = look
        self._pressed_at: QPointF | None = None
        self._clicked = QTimer(self)  # a click opens a map, once it is no double click
        self._clicked.setSingleShot(True)
        self._clicked.timeout.connect(self._open_filter)
        self._tile: tuple[str, int] | None = None
        self.setMouseTracking(True)
        self.heat: HeatPage | None = None
        self.canvas: Canvas | None = None
        self._drawing: Panel[Any] | None = None
        self._shown: tuple[object, object] = (None, None)
        self.setProperty("card", True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._progress = ThinBar(theme)
        self._facts = Elided(2)
        self._menu_button = self._tool("ellipsis-vertical", self.tr("What to do with this panel"))
        self.badge = Badge(theme, panel.method.card.title)
        self.badge.clicked.connect(lambda: self.wanted.emit("trust"))
        self._large_button = self._tool("maximize-2", self.tr("Show large (double click)"))
        self._lay_out()
        self._make_menu()
        theme.changed.connect(self._restyle)

    def _lay_out(self) -> None:
        card = self.panel.method.card
        self._title = title = elided_heading(TEXT_PX)
        title.say(words.tr(card.title))
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(title, 1)
        head.addWidget(self.badge)
        head.addWidget(self._large_button)
        head.addWidget(self._menu_button)
        self._sentence = Elided(3)
        self._sentence.say(words.tr(card.shows), words.tr(card.sentence))
        self._middle = QStackedLayout()
        self._middle.addWidget(self._message())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX // 2)
        layout.addLayout(head)
        layout.addWidget(self._sentence)
        layout.addLayout(self._middle, 1)
        layout.addWidget(self._progress)
        layout.addWidget(self._facts)
        self.setAccessibleName(card.title)
        self.setAccessibleDescription(card.sentence)

    def _message(self) -> QWidget:
        page = QWidget()
        self._mark = Mark(self._theme, 24)
        self._words = quiet()
        self._words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout = QVBoxLayout(page)
        layout.addStretch(1)
        layout.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._words)
        layout.addStretch(1)
        return page

    def _tool(self, icon: str, name: str) -> QToolButton:
        button = QToolButton()
        self._theme.set_icon(button, icon)
        button.setToolTip(name)
        button.setAccessibleName(f"{self.panel.method.card.title}: {name}")
        return button

    def _make_menu(self) -> None:
        menu = QMenu(self)
        self._large_action = menu.addAction(self.tr("Show large"), self.enlarge.emit)
        menu.addAction(self.tr("Parameters"), lambda: self.wanted.emit("parameters"))
        self._again = menu.addAction(self.tr("Run again"), lambda: self.wanted.emit("run"))
        menu.addSeparator()
        self._savers = [
            menu.addAction(self.tr("Copy picture"), lambda: self.wanted.emit("copy")),
            menu.addAction(self.tr("Save as PNG…"), lambda: self.wanted.emit("png")),
            menu.addAction(self.tr("Save as SVG…"), lambda: self.wanted.emit("svg")),
            menu.addAction(self.tr("Save the numbers (NPY)…"), lambda: self.wanted.emit("npy")),
        ]
        if self.panel.added:
            menu.addSeparator()
            menu.addAction(self.tr("Remove this panel"), lambda: self.wanted.emit("remove"))
        menu.aboutToShow.connect(self._enable)
        self._menu_button.setMenu(menu)
        self._menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._large_button.clicked.connect(self.enlarge)

    def _enable(self) -> None:
        self._again.setEnabled(self.panel.status in ("stopped", "failed"))
        for action in self._savers:
            action.setEnabled(self.panel.status == "done")

    # What it shows

    def show_trust(self, trust: Trust | None, *, judging: bool) -> None:
        """Show the badge of the map that is there."""
        shown = isinstance(self.panel.explanation, Attribution) and self.panel.status == "done"
        self.badge.show_trust(trust if shown else None, judging=judging and shown)

    def refresh(self, photo: Display | None) -> None:
        """Show the state as it is now; ``photo`` lies under the heat."""
        panel = self.panel
        share = None
        if panel.status == "working":
            known = panel.progress and panel.progress.total
            share = panel.progress.done / panel.progress.total if known and panel.progress else 0.0
        self._progress.show_share(share)
        self._facts.say(self._line())
        if panel.explanation is None:
            self._show_message()
        elif isinstance(panel.explanation, Attribution):
            self._show_heat(panel.explanation, photo)
        else:
            self._show_figure(panel.explanation, photo)

    def _line(self) -> str:
        """The line under the figure: what is left while it works, then the facts."""
        panel = self.panel
        if panel.status == "working":
            left = panel.seconds_left
            eta = words.duration(left) if left is not None and left >= ETA_FROM else ""
            return self.tr("{eta} left").format(eta=eta) if eta else ""
        if panel.status == "stopped" and panel.explanation is not None:
            return self.tr("Stopped before the end.")
        if panel.explanation is None:
            return ""
        remark = panel.explanation.remark
        facts = "  ·  ".join(str(fact) for fact in panel.explanation.facts)
        return remark[:1].upper() + remark[1:] if remark else facts

    def _show_message(self) -> None:
        panel = self.panel
        failed = panel.status == "failed" and panel.error is not None
        self._mark.show_mark("triangle-alert", "bad")
        self._mark.setVisible(failed)
        text = ""
        if failed and panel.error is not None:
            text = words.error_sentence(panel.error)
        elif panel.status == "stopped":
            text = self.tr("Stopped.")
        self._words.setText(text)
        self._middle.setCurrentIndex(0)

    def _show_heat(self, attribution: Attribution, photo: Display | None) -> None:
        """Paint a map; that is quick enough to follow a slider."""
        if self.heat is None:
            from petvision.app.widgets.heat import HeatPage

            self.heat = HeatPage(self._theme, self._link, self._look)
            self.heat.map.setAccessibleName(self.panel.method.card.title)
            self.heat.map.pressed.connect(self.chosen)
            self.heat.map.enlarge.connect(self.enlarge)
            self._middle.addWidget(self.heat)
        self.heat.show_heat(attribution, photo.image if photo else None)
        title = words.tr(self.panel.method.card.title)
        self._title.say(f"{title}: {attribution.target.replace('_', ' ')}")
        self._middle.setCurrentWidget(self.heat)

    def _show_figure(self, explanation: ChannelMaps | KernelSet, photo: Display | None) -> None:
        """Update the figure in place; it is made once, with the first explanation."""
        if self.canvas is None:
            self.canvas = self._make_canvas()
        if self._drawing is None:
            from petvision.figures.panels import panel as drawing_of

            self._drawing = drawing_of(
                type(explanation), self.canvas.figure, self._theme.style, bare=True
            )
        if self._shown[0] is not explanation or self._shown[1] is not photo:
            self._shown = (explanation, photo)
            self._drawing.show(explanation, photo.picture if photo else None)
            self.canvas.draw_idle()
        self._middle.setCurrentWidget(self.canvas)

    def _make_canvas(self) -> Canvas:
        from petvision.app.widgets.canvas import Canvas

        canvas = Canvas()
        canvas.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        canvas.setAccessibleName(self.panel.method.card.title)
        self._middle.addWidget(canvas)
        return canvas

    def _restyle(self) -> None:
        """Draw the figure in the new scheme's colours."""
        if self._drawing is not None and self.canvas is not None:
            self._drawing.restyle(self._theme.style)
            self.canvas.draw_idle()

    # How it is handled

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the title goes before the badge's word."""
        super().resizeEvent(event)
        styles = Qt.ToolButtonStyle
        narrow = self.width() < BADGE_WORD_FROM
        self.badge.setToolButtonStyle(
            styles.ToolButtonIconOnly if narrow else styles.ToolButtonTextBesideIcon
        )

    def mark_chosen(self, chosen: bool) -> None:
        """Frame the panel whose parameters are shown."""
        if self.property("chosen") != chosen:
            self.setProperty("chosen", chosen)
            self.style().unpolish(self)
            self.style().polish(self)

    def mark_large(self, large: bool) -> None:
        """Offer the way back while it fills the centre."""
        card = self.panel.method.card
        self._sentence.say(words.tr(card.sentence if large else card.shows), card.sentence)
        icon, name = ("minimize-2", self.tr("Back to all panels (Esc)"))
        if not large:
            icon, name = ("maximize-2", self.tr("Show large (double click)"))
        self._theme.set_icon(self._large_button, icon)
        self._large_button.setToolTip(name)
        self._large_action.setText(
            self.tr("Back to all panels") if large else self.tr("Show large")
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click chooses; where the mouse then goes on, the panel is dragged out as a file."""
        super().mousePressEvent(event)
        self._pressed_at = event.position()
        self.chosen.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin a drag from the panel's head."""
        start = self._pressed_at
        if start is None or not event.buttons() & Qt.MouseButton.LeftButton:
            self._point_at(self.filter_at(event.position()))
            return
        if (event.position() - start).manhattanLength() >= QApplication.startDragDistance():
            self._pressed_at = None
            self.wanted.emit("drag")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """It was a click; on a feature map or kernel it opens that filter."""
        if self._pressed_at is not None:
            self._tile = self.filter_at(event.position())
            if self._tile is not None:
                self._clicked.start(QApplication.doubleClickInterval())
        self._pressed_at = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click enlarges."""
        self._clicked.stop()
        self.enlarge.emit()

    def filter_at(self, place: QPointF) -> tuple[str, int] | None:
        """The convolution and filter whose map or kernel lies at a place of the panel."""
        canvas = self.canvas
        if canvas is None or self._drawing is None:
            return None
        on = canvas.mapFrom(self, place)
        across, down = on.x() / max(canvas.width(), 1), on.y() / max(canvas.height(), 1)
        return self._drawing.filter_at(across, down)

    def _point_at(self, tile: tuple[str, int] | None) -> None:
        """Say what a click on a feature map or kernel would open."""
        if tile is None:
            self.unsetCursor()
            self.setToolTip("")
            return
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        text = self.tr("Filter {number} of {layer}: click to look into it")
        self.setToolTip(text.format(number=tile[1], layer=tile[0]))

    def _open_filter(self) -> None:
        if self._tile is not None:
            self.filter_wanted.emit(*self._tile)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The focus chooses as well."""
        super().focusInEvent(event)
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter enlarges; the arrows move the spot over the maps."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.enlarge.emit()
        elif key in ARROWS and self.heat is not None:
            self._link.step(*(STEP * way for way in ARROWS[key]))
        else:
            super().keyPressEvent(event)

    @property
    def drawn(self) -> bool:
        """Whether the figure as it is now was drawn."""
        if self.heat is not None:
            return self.heat.map.attribution is self.panel.explanation
        return self.canvas is not None and not self.canvas.pending
