"""The centre: the photo in view with its verdict and panels, or an invitation, or an error."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.explain.adder import MethodAdder
from petvision.app.explain.brush import BrushPage
from petvision.app.explain.card import PredictionCard
from petvision.app.explain.empty import EmptyState
from petvision.app.explain.grid import PanelGrid
from petvision.app.explain.trouble import Trouble
from petvision.app.explain.why import WhyUnknown
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.app.widgets.look import Look
from petvision.app.widgets.photo import PhotoView
from petvision.figures.style import GRID_PX

HEAD_PX = 176
PHOTO_PX = 240


class ExplainView(QStackedWidget):
    """Follows a :class:`Session`. ``large_changed``: a panel fills the centre, or none does."""

    large_changed = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.empty = EmptyState(theme)
        self.trouble = Trouble(theme)
        self.look = Look(session.settings, self)
        self.grid = PanelGrid(theme, self.look)
        self.adder = MethodAdder()
        self.adder.chosen.connect(self._add)
        self.card = PredictionCard(theme)
        self.card.why.connect(self._tell_why)
        self._photo = PhotoView(theme)
        self._head = self._make_head()
        margin = 2 * GRID_PX
        around = QWidget()
        around_empty = QVBoxLayout(around)
        around_empty.setContentsMargins(margin, margin, margin, margin)
        around_empty.addWidget(self.empty)
        self.invitation = around
        self.results = self._make_results()
        self.brush = BrushPage(session, theme)
        self.brush.left.connect(self.stop_painting)
        for page in (self.invitation, self.trouble, self.results, self.brush):
            self.addWidget(page)
        session.current_changed.connect(self._turn)
        session.known.connect(self.refresh)
        session.model_changed.connect(self.refresh)
        session.explanations.offered.connect(self._offered)
        session.explanations.changed.connect(self._panel_changed)
        session.sampled.connect(self.empty.show_sample)
        self.grid.large.connect(self._enlarged)
        theme.changed.connect(self._redraw_panels)
        self.refresh()

    def _make_head(self) -> QWidget:
        head = QWidget()
        layout = QHBoxLayout(head)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * GRID_PX)
        self._photo.setFixedWidth(PHOTO_PX)
        layout.addWidget(self._photo)
        layout.addWidget(self.card, 1)
        head.setMinimumHeight(HEAD_PX)
        return head

    def _make_results(self) -> QScrollArea:
        self._inner = inner = QWidget()
        layout = QVBoxLayout(inner)
        margin = 2 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, GRID_PX // 2)
        layout.setSpacing(margin)
        layout.addWidget(self._head)
        below = self._below = QVBoxLayout()
        below.setSpacing(GRID_PX // 2)
        below.addWidget(self.grid, 1)
        below.addWidget(self.adder, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(below, 1)
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return scroll

    # What is shown

    def refresh(self) -> None:
        """Show what is known of the photo in view."""
        photo = self._session.current
        if photo is None:
            self.setCurrentWidget(self.invitation)
            return
        if photo.error is not None:
            self.trouble.show_error(photo.error)
            self.setCurrentWidget(self.trouble)
            return
        display = self._session.display
        self._photo.show_image(display.image if display else None, photo.source.label)
        self._show_verdict()
        self._redraw_panels()
        if self.currentWidget() is not self.brush:
            self.setCurrentWidget(self.results)

    def _show_verdict(self) -> None:
        session = self._session
        photo = session.current
        if photo is None:
            return
        if photo.prediction is not None:
            self.card.show_prediction(photo.prediction)
        elif session.model_error is not None:
            sentence = words.error_sentence(session.model_error)
            head = self.tr("No model is open")
            self.card.show_waiting(head, sentence, mark="triangle-alert")
        elif session.opening:
            sentence = self.tr("Opening the model: only the first time takes a few seconds.")
            self.card.show_waiting(self.tr("One moment…"), sentence)
        elif session.judging:
            self.card.show_waiting(self.tr("Looking…"), "")
        else:
            self.card.show_waiting(self.tr("Stopped"), self.tr("Choose the photo again to go on."))

    def _tell_why(self) -> None:
        """Say why the photo in view is unknown, with the photos it is most like."""
        photo, prepared = self._session.current, self._session.prepared
        if photo is not None and photo.prediction is not None and prepared is not None:
            WhyUnknown(self._session, photo.prediction, prepared, self).show()

    def _turn(self) -> None:
        """Another photo: from the top, all panels."""
        self.stop_painting()
        self.grid.show_alone("")
        self.grid.link.reset()
        self.results.verticalScrollBar().setValue(0)
        self.refresh()

    def _panel_changed(self, name: str) -> None:
        """A panel has news; while matplotlib is not there yet only words change."""
        if self._session.figures_ready:
            self.grid.refresh(name, self._session.display)
        trusts = self._session.explanations.trusts
        if name in self.grid.panels:
            panel = self.grid.panels[name]
            panel.show_trust(trusts.of(name), judging=trusts.judging(name))

    def _redraw_panels(self) -> None:
        for name in self.grid.panels:
            self._panel_changed(name)

    # Which methods

    def _offered(self) -> None:
        explanations = self._session.explanations
        self.grid.offer(explanations.panels)
        self.adder.offer(explanations.more)
        self._show_adder()

    def _show_adder(self) -> None:
        """Offer more methods in the margin under the panels: it takes no height from them."""
        shown = bool(self._session.explanations.more) and not self.grid.alone
        self._below.setContentsMargins(0, 0, 0, 0 if shown else 2 * GRID_PX - GRID_PX // 2)
        self.adder.setVisible(shown)

    def _add(self, name: str) -> None:
        """Show one more method, from now on, and bring its panel into sight."""
        self._session.explanations.add(name)
        self.grid.choose(name)
        for widget in (self._inner, self.results):  # it has its place only then
            QApplication.sendEvent(widget, QEvent(QEvent.Type.LayoutRequest))
        self.results.ensureWidgetVisible(self.grid.panels[name])

    # Painting on the photo

    @property
    def painting(self) -> bool:
        """Whether the evidence brush fills the centre."""
        return self.currentWidget() is self.brush

    def paint(self) -> None:
        """Give the centre to the evidence brush."""
        if self.brush.begin():
            self.setCurrentWidget(self.brush)
            self.large_changed.emit()

    def stop_painting(self) -> None:
        """Bring the panels back."""
        if self.painting:
            self.brush.end()
            self.setCurrentWidget(self.results)
            self.large_changed.emit()
            self.refresh()

    def back(self) -> None:
        """From the brush or the panel that fills the centre to all panels."""
        if self.painting:
            self.stop_painting()
        else:
            self.grid.show_alone("")

    # One panel in the whole centre

    def _enlarged(self, name: str) -> None:
        self._head.setVisible(not name)
        self._show_adder()
        self._session.explanations.bring_to_front(name or None)
        self.large_changed.emit()
