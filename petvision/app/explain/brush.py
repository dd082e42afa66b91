"""The evidence brush: take something off the photo and see whether the answer changes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import tasks, words
from petvision.app.explain.easel import Easel
from petvision.app.lane import Failed, Job
from petvision.app.photos.model import Photo
from petvision.app.session import Session
from petvision.app.theme import RIGHT_WIDTH, Theme
from petvision.app.widgets.bars import ScoreBars
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.progress import ThinBar
from petvision.errors import PetVisionError
from petvision.events import Partial, Progress, Result
from petvision.explain.edits import Edited, Kind, mean_colour
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX
from petvision.models.results import Prediction

if TYPE_CHECKING:
    from petvision.explain.flip import Flip

BRUSH, FLIP = 3, 15
SMALLEST, LARGEST = 1, 30
"""The brush's radius in hundredths of the shorter side."""


class BrushPage(QWidget):
    """Fills the centre while a person paints. ``left``: they want the panels back."""

    left = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.easel = Easel(theme)
        self._seen: Edited | None = None
        self._canvas: tasks.Canvas | None = None
        self._other: tasks.Canvas | None = None
        self._first: Prediction | None = None
        self.prediction: Prediction | None = None
        self._busy = self._behind = False
        self._ticket = self._search = 0
        self._reading = self._fetching = 0
        self._lay_out()
        self.easel.edited.connect(self._edited)

    # Parts

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        margin = 2 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(margin)
        layout.addWidget(self.easel, 1)
        side = QFrame()
        side.setProperty("card", True)
        side.setFixedWidth(RIGHT_WIDTH + 40)
        column = QVBoxLayout(side)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(GRID_PX)
        title = heading(None, HEADING_PX)
        title.setText(self.tr("Evidence brush"))
        about = quiet()
        about.setText(
            self.tr(
                "Paint over a part of the photo: the answer follows. What changes it was evidence; "
                "what does not was none, at least not alone."
            )
        )
        column.addWidget(title)
        column.addWidget(about)
        column.addSpacing(GRID_PX)
        column.addLayout(self._make_tools())
        column.addWidget(self._others)
        column.addLayout(self._make_size())
        column.addLayout(self._make_steps())
        column.addSpacing(GRID_PX)
        self._label = heading(None, TEXT_PX)
        self._change = quiet()
        self._bars = ScoreBars(self._theme)
        column.addWidget(self._label)
        column.addWidget(self._bars)
        column.addWidget(self._change)
        column.addSpacing(GRID_PX)
        self.finder = QPushButton(self.tr("Find the smallest patch that flips it"))
        self.finder.clicked.connect(self._find_or_stop)
        self._progress = ThinBar(self._theme)
        self._found = quiet()
        column.addWidget(self.finder)
        column.addWidget(self._progress)
        column.addWidget(self._found)
        column.addStretch(1)
        back = QPushButton(self.tr("Back to the panels (Esc)"))
        back.clicked.connect(self.left)
        column.addWidget(back, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(side)

    def _make_tools(self) -> QHBoxLayout:
        self._others = QComboBox()
        self._others.setAccessibleName(self.tr("The photo to paint with"))
        self._others.activated.connect(self._other_chosen)
        self._others.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID_PX // 2)
        self._tools = QButtonGroup(self)
        kinds: tuple[tuple[Kind, str, str, str], ...] = (
            ("erase", "eraser", self.tr("Erase"), self.tr("Put the mean colour there")),
            ("blur", "droplet", self.tr("Blur"), self.tr("Take the shapes away there")),
            ("paste", "image-plus", self.tr("Photo"), self.tr("Put another photo's content there")),
        )
        self.tools: dict[Kind, QToolButton] = {}
        for kind, icon, name, tip in kinds:
            button = QToolButton()
            self._theme.set_icon(button, icon)
            button.setText(name)
            button.setToolTip(tip)
            button.setAccessibleName(name)
            button.setAccessibleDescription(tip)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setProperty("choice", True)
            button.setChecked(kind == "erase")
            button.clicked.connect(partial(self._tool_chosen, kind))
            self._tools.addButton(button)
            self.tools[kind] = button
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _make_size(self) -> QHBoxLayout:
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setValue(round(100 * self.easel.size_share))
        self.size_slider.setAccessibleName(self.tr("Size of the brush"))
        self.size_slider.setToolTip(self.tr("Size of the brush: [ and ]"))
        self.size_slider.valueChanged.connect(self._resize)
        for key, by in (("[", -1), ("]", 1)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(partial(self._grow, by))
        row = QHBoxLayout()
        row.setSpacing(2 * GRID_PX)
        row.addWidget(QLabel(self.tr("Size")))
        row.addWidget(self.size_slider, 1)
        return row

    def _make_steps(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(0)
        self.undo_button, self.redo_button = QToolButton(), QToolButton()
        self.clear_button = QToolButton()
        for button, icon, name, act in (
            (self.undo_button, "undo-2", self.tr("Undo (Ctrl+Z)"), self.easel.undo),
            (self.redo_button, "redo-2", self.tr("Redo (Ctrl+Shift+Z)"), self.easel.redo),
            (self.clear_button, "trash-2", self.tr("Take all strokes away"), self.easel.clear),
        ):
            self._theme.set_icon(button, icon)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.clicked.connect(act)
            row.addWidget(button)
        row.addStretch(1)
        return row

    # Beginning and end

    def begin(self) -> bool:
        """Take the photo in view; False where it is not judged yet."""
        session = self._session
        photo, visit, handle = session.current, session.visit, session.handle
        if photo is None or photo.prediction is None or visit is None or handle is None:
            return False
        self.end()
        self._first = self.prediction = photo.prediction
        self._offer_others(photo)
        make = partial(tasks.to_paint_on, visit.encoded, handle.spec)
        self._reading = session.in_background(make, self._ready, self._failed)
        self._show()
        self._found.setText("")
        return True

    def end(self) -> None:
        """Stop what runs and let go of the photo."""
        for ticket in (self._ticket, self._search):
            self._session.unask(ticket)
        for ticket in (self._reading, self._fetching):
            self._session.forget(ticket)
        self._ticket = self._search = self._reading = self._fetching = 0
        self._busy = self._behind = False
        self._seen = self._canvas = self._other = None
        self._show_search(None)

    @property
    def ready(self) -> bool:
        """Whether there is something to paint on."""
        return self._canvas is not None

    @property
    def answered(self) -> bool:
        """Whether the answer shown is that to what is painted."""
        return not (self._busy or self._behind)

    @property
    def searching(self) -> bool:
        """Whether the smallest patch is being looked for."""
        return bool(self._search)

    def _ready(self, canvas: tasks.Canvas) -> None:
        handle = self._session.handle
        if handle is None:
            return
        self._canvas = canvas
        colour = mean_colour(handle.spec.mean)
        self._seen = Edited(canvas.seen, colour)
        self.easel.take(canvas.shown, canvas.prepared.geometry, colour)
        self.easel.setFocus()
        self._show()
        if self.easel.kind == "paste":  # the tool of the photo before
            self._other_chosen()

    def _failed(self, error: PetVisionError) -> None:
        self._found.setText(words.error_sentence(error))

    # Another photo's content

    def _offer_others(self, photo: Photo) -> None:
        self._others.clear()
        model = self._session.photos
        for row in range(min(model.rowCount(), 200)):
            one = model.photo(row)
            if one is not None and one is not photo:
                self._others.addItem(one.source.label, one.source)
        self.tools["paste"].setEnabled(self._others.count() > 0)
        if not self._others.count():
            self.tools["paste"].setToolTip(self.tr("Open a second photo to paint with it"))
            self.tools["erase"].setChecked(True)
            self.easel.kind = "erase"
        self._others.setVisible(self.easel.kind == "paste")

    def _tool_chosen(self, kind: Kind) -> None:
        self.easel.kind = kind
        self._others.setVisible(kind == "paste")
        if kind == "paste" and self._other is None:
            self._other_chosen()
        self.easel.setFocus()

    def _other_chosen(self) -> None:
        source, handle = self._others.currentData(), self._session.handle
        if source is not None and handle is not None:
            self._session.forget(self._fetching)
            make = partial(tasks.to_paint, source, handle.spec)
            self._fetching = self._session.in_background(make, self._other_ready, self._failed)

    def _other_ready(self, other: tasks.Canvas) -> None:
        handle = self._session.handle
        if self._canvas is None or handle is None:
            return
        self._other = other
        self._seen = Edited(self._canvas.seen, mean_colour(handle.spec.mean), other.seen)
        self.easel.put_other(other.shown)
        self._edited()

    # Painting and the answer

    def _resize(self, value: int) -> None:
        self.easel.size_share = value / 100
        self.easel.update()

    def _grow(self, by: int) -> None:
        self.size_slider.setValue(self.size_slider.value() + by)

    def _edited(self) -> None:
        """Ask for the new answer; one question at a time, the newest strokes next."""
        self.stop()
        self._found.setText("")  # was said of other strokes
        self._behind = True
        self._show_steps()
        self._ask()

    def _ask(self) -> None:
        handle = self._session.handle
        if self._busy or not self._behind or self._seen is None or handle is None:
            return
        self._busy, self._behind = True, False
        strokes, unknown = self.easel.history.strokes, self._session.settings.unknown
        make = partial(tasks.predict_edited, handle, self._seen, strokes, unknown)
        self._ticket = self._session.ask(Job("brush", BRUSH, make), self._answered)

    def _answered(self, event: object) -> None:
        if isinstance(event, Progress):
            return
        self._busy = False
        if isinstance(event, Result):
            self.prediction = event.value
            self._show()
        elif isinstance(event, Failed):
            self._failed(event.error)
        self._ask()

    def _show(self) -> None:
        now, first = self.prediction, self._first
        if now is None or first is None:
            return
        name = self.tr("Unknown") if now.unknown else words.named(now.label)
        share = words.percent(now.confidence)
        self._label.setText(name if now.unknown else f"{name}  ·  {share}")
        top = sorted(now.scores.items(), key=lambda item: -item[1])[:5]
        self._bars.show_rows(top, quiet=now.unknown)
        before, after = first.scores[first.best_class], now.scores[first.best_class]
        text = self.tr("{label}: {before} before, {after} now").format(
            label=words.named(first.best_class),
            before=words.percent(before),
            after=words.percent(after),
        )
        index = list(first.scores).index(first.best_class)
        logits = f"{first.logits[index]:.2f} → {now.logits[index]:.2f}".replace("-", "−")
        self._change.setText(f"{text}\n{self.tr('Logit')} {logits}")
        self._show_steps()

    def _show_steps(self) -> None:
        history = self.easel.history
        self.undo_button.setEnabled(history.can_undo)
        self.redo_button.setEnabled(history.can_redo)
        self.clear_button.setEnabled(bool(history.strokes))
        self.finder.setEnabled(self.ready)

    # The smallest patch

    def _find_or_stop(self) -> None:
        handle = self._session.handle
        if self.searching:
            self.stop()
            return
        if self._seen is None or handle is None:
            return
        strokes, kind = self.easel.history.strokes, self.easel.kind
        unknown = self._session.settings.unknown
        make = partial(tasks.smallest_flip, handle, self._seen, strokes, kind, unknown)
        self._search = self._session.ask(Job("flip", FLIP, make), partial(self._searched, kind))
        self.easel.found = None
        self._found.setText(self.tr("Looking…"))
        self._show_search(0.0)

    def stop(self) -> None:
        """Stop looking for the smallest patch; what was found stays."""
        if self.searching and self.easel.found is None:
            self._found.setText("")
        self._session.unask(self._search)
        self._search = 0
        self._show_search(None)

    def _show_search(self, share: float | None) -> None:
        text = self.tr("Find the smallest patch that flips it")
        self.finder.setText(self.tr("Stop looking") if share is not None else text)
        self._progress.show_share(share)

    def _searched(self, kind: Kind, event: object) -> None:
        if isinstance(event, Progress):
            if event.total:
                self._show_search(event.done / event.total)
            return
        if isinstance(event, Partial):
            self._tell_found(event.value)
            return
        self.stop()
        if isinstance(event, Result):
            if event.value.box is not None:
                self.easel.cover(kind, event.value.box)
            self._tell_found(event.value)
        elif isinstance(event, Failed):
            self._failed(event.error)

    def _tell_found(self, flip: Flip) -> None:
        self.easel.found = flip.box
        self.easel.update()
        self._found.setText(words.tr(flip.words))
