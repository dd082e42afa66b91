"""The second view of the tab: the run while it goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.theme import Theme
from petvision.app.widgets.canvas import Canvas
from petvision.app.widgets.labels import Elided, Mark, heading, quiet
from petvision.app.widgets.progress import ThinBar
from petvision.evaluate.results import Moment
from petvision.figures.confusion import ConfusionGrid
from petvision.figures.style import GRID_PX, HEADING_PX
from petvision.figures.training import Curves
from petvision.reports.history import moment_of

FACTS = ("accuracy", "f1", "loss", "best", "speed", "left")


class RunView(QWidget):
    """Follows the events of ``petvision train --json``."""

    stop = Signal()
    resume = Signal()
    finish = Signal()
    back = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.moments: list[Moment] = []
        self._epochs = 0
        self._mark = Mark(theme, 24)
        self._title = heading(None, HEADING_PX)
        self._words = quiet(wrap=False)
        self._bar = ThinBar(theme)
        self._trouble = QLabel()
        self._trouble.setWordWrap(True)
        self._trouble.setProperty("error", True)
        self._facts = {name: heading(None, HEADING_PX) for name in FACTS}
        self._canvas, self._matrix_canvas = Canvas(), Canvas()
        self._curves = Curves(self._canvas.figure, theme.style)
        self._matrix = ConfusionGrid(self._matrix_canvas.figure, theme.style)
        self.stop_button = self._button(self.tr("Stop"), self.stop)
        self.resume_button = self._button(self.tr("Go on"), self.resume)
        self.finish_button = self._button(self.tr("Make the model of the best epoch"), self.finish)
        self.back_button = self._button(self.tr("Back"), self.back)
        self._log = Elided(2)
        self._lay_out()
        theme.changed.connect(self._restyle)

    def _button(self, text: str, signal: Any) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(signal)
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID_PX)
        head.addWidget(self._mark)
        head.addWidget(self._title, 1)
        for button in (
            self.back_button, self.finish_button, self.resume_button, self.stop_button,
        ):  # fmt: skip
            head.addWidget(button)
        layout = QVBoxLayout(self)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(GRID_PX)
        layout.addLayout(head)
        layout.addWidget(self._words)
        layout.addWidget(self._bar)
        layout.addWidget(self._trouble)
        layout.addSpacing(GRID_PX)
        layout.addLayout(self._fact_cards())
        layout.addSpacing(GRID_PX)
        charts = QHBoxLayout()
        charts.setSpacing(2 * GRID_PX)
        for canvas, stretch, name in (
            (self._canvas, 5, self.tr("Curves of loss, accuracy and F1")),
            (self._matrix_canvas, 3, self.tr("Confusion matrix of the last epoch")),
        ):
            card = QFrame()
            card.setProperty("card", True)
            inside = QVBoxLayout(card)
            inside.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, GRID_PX)
            inside.addWidget(canvas)
            canvas.setAccessibleName(name)
            charts.addWidget(card, stretch)
        layout.addLayout(charts, 1)
        layout.addWidget(self._log)

    def _fact_cards(self) -> QGridLayout:
        titles = {
            "accuracy": self.tr("Validation accuracy"),
            "f1": self.tr("F1"),
            "loss": self.tr("Validation loss"),
            "best": self.tr("Best so far"),
            "speed": self.tr("Photos a second"),
            "left": self.tr("Time left"),
        }
        grid = QGridLayout()
        grid.setSpacing(2 * GRID_PX)
        for column, (name, title) in enumerate(titles.items()):
            card = QFrame()
            card.setProperty("card", True)
            inside = QVBoxLayout(card)
            inside.setContentsMargins(2 * GRID_PX, GRID_PX, 2 * GRID_PX, GRID_PX)
            inside.setSpacing(0)
            label = quiet(wrap=False)
            label.setText(title)
            inside.addWidget(self._facts[name])
            inside.addWidget(label)
            grid.addWidget(card, 0, column)
        return grid

    # What happens

    def begin(self, name: str, history: list[Moment]) -> None:
        """A run starts or goes on; ``history`` are its epochs so far."""
        self.moments = list(history)
        self._mark.show_mark("paw-print", "muted")
        self._title.setText(self.tr("Training {name}").format(name=name))
        self._words.setText(self.tr("Starting…"))
        self._bar.show_share(0.0)
        self._trouble.hide()
        self._log.say("")
        for label in self._facts.values():
            label.setText("–")
        if self.moments:
            self._tell(self.moments[-1])
        self._matrix.show((), ())
        self._buttons(running=True)
        self._show_moments()

    def measuring(self, name: str) -> None:
        """It is an evaluation: there are no epochs to show."""
        self._title.setText(self.tr("Measuring {name}").format(name=name))

    def heard(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        kind = event.get("event")
        if kind == "begun":
            self._begun(event)
        elif kind == "step":
            self._stepped(event)
        elif kind == "epoch":
            self._judged(event)
        elif kind == "word":
            self._log.say(str(event.get("words", "")))
        elif kind == "progress":
            self._progressed(event)

    def ended(self, sentence: str, *, stopped: bool) -> None:
        """The run ended before its end: stopped by the person, or by the world."""
        self._buttons(running=False)
        self._bar.show_share(None)
        self._facts["left"].setText("–")
        if stopped:
            self._words.setText(self.tr("Stopped. What was learned is kept: it can go on."))
            return
        self._mark.show_mark("triangle-alert", "bad")
        self._words.setText(self.tr("It could not go on. What was learned is kept."))
        self._trouble.setText(sentence)
        self._trouble.show()

    def elsewhere(self) -> None:
        """The run is another process's: it can be looked at, as far as it came."""
        self._words.setText(self.tr("At work in the background. Come back to see how far it is."))
        self._bar.show_share(None)
        self.stop_button.hide()
        self.back_button.show()

    def stopping(self) -> None:
        """Stop was pressed; the child is ending."""
        self._words.setText(self.tr("Stopping…"))
        self.stop_button.setEnabled(False)

    def _begun(self, event: Mapping[str, Any]) -> None:
        self._epochs = int(event.get("epochs", 0))
        photos = words.photos(int(event.get("train", 0)))
        device = event.get("device", "")
        self._log.say(self.tr("{photos} to learn from, on {device}").format(
            photos=photos, device=device))  # fmt: skip

    def _stepped(self, event: Mapping[str, Any]) -> None:
        epoch, done, total = (int(event.get(k, 0)) for k in ("epoch", "done", "total"))
        where = self.tr("Epoch {epoch} of {epochs}").format(epoch=epoch, epochs=self._epochs)
        self._words.setText(f"{where}  ·  {done:,} / {total:,}")
        if total and self._epochs:
            self._bar.show_share((max(epoch, 1) - 1 + done / total) / self._epochs)
        self._facts["speed"].setText(f"{float(event.get('images_per_second', 0)):.0f}")
        left = float(event.get("seconds_left", math.nan))
        self._facts["left"].setText("–" if math.isnan(left) else words.duration(left))

    def _progressed(self, event: Mapping[str, Any]) -> None:
        done, total = int(event.get("done", 0)), int(event.get("total", 0))
        what = words.named(words.tr(str(event.get("words", ""))))
        self._words.setText(f"{what}  ·  {done:,} / {total:,}" if total else f"{what}  ·  {done:,}")
        if not self._epochs:
            self._bar.show_share(done / total if total else 0.0)

    def _judged(self, event: Mapping[str, Any]) -> None:
        moment = moment_of(event)
        if moment is None:
            return
        self.moments = [m for m in self.moments if m.epoch != moment.epoch] + [moment]
        self._tell(moment)
        if table := event.get("confusion"):
            self._matrix.show(table, event.get("classes") or ())
            self._matrix_canvas.draw_idle()
        self._show_moments()

    def _tell(self, moment: Moment) -> None:
        self._facts["accuracy"].setText(_share(moment.accuracy))
        self._facts["f1"].setText(_number(moment.f1))
        self._facts["loss"].setText(_number(moment.validation_loss))
        best = min(self.moments, key=lambda m: _or_infinite(m.validation_loss))
        self._facts["best"].setText(
            self.tr("{accuracy}, epoch {epoch}").format(
                accuracy=_share(best.accuracy), epoch=f"{best.epoch:g}"
            )
        )

    def _show_moments(self) -> None:
        self._curves.show(self.moments)
        self._canvas.draw_idle()
        self._matrix_canvas.draw_idle()

    def know_classes(self, classes: tuple[str, ...]) -> None:
        """The names along the confusion matrix."""
        self._matrix.classes = classes

    def _buttons(self, *, running: bool) -> None:
        self.stop_button.setVisible(running)
        self.stop_button.setEnabled(True)
        self.resume_button.setVisible(not running)
        self.back_button.setVisible(not running)
        self.finish_button.setVisible(not running and bool(self.moments))

    def _restyle(self) -> None:
        self._curves.restyle(self._theme.style)
        self._matrix.restyle(self._theme.style)
        self._canvas.draw_idle()
        self._matrix_canvas.draw_idle()


def _or_infinite(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"
