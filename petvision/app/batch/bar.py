"""Above the photos: what the run does, and which photos are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.theme import Theme
from petvision.app.widgets.labels import Elided, heading, quiet
from petvision.app.widgets.progress import ThinBar
from petvision.batch.columns import Kind, Order, Wanted
from petvision.figures.style import GRID_PX

TYPING_MS = 150


class RunBar(QWidget):
    """The run's name, its progress with rate and time left, and what can be done with it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = heading(None, 16)
        self.place = Elided(1)
        self.progress = quiet(wrap=False)
        self.bar = ThinBar(theme)
        self.open_folder = QPushButton(self.tr("Open folder…"))
        self.open_run = QPushButton(self.tr("Open run…"))
        self.watch = QCheckBox(self.tr("Watch for new photos"))
        self.pause = QPushButton(self.tr("Pause"))
        self.stop = QPushButton(self.tr("Stop"))
        self.go = QPushButton(self.tr("Run again"))
        self.explain = QPushButton(self.tr("Explain…"))
        self.save = QPushButton(self.tr("Save…"))
        self.save_menu = QMenu(self)
        self.save.setMenu(self.save_menu)
        top = QHBoxLayout()
        top.setSpacing(GRID_PX)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self.place)
        top.addLayout(names, 1)
        for widget in (self.watch, self.pause, self.stop, self.go, self.explain, self.save):
            top.addWidget(widget)
        for widget in (self.open_folder, self.open_run):
            top.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID_PX // 2)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.progress)

    def show_state(
        self, *, running: bool, kind: str, status: Mapping[str, Any], done: bool
    ) -> None:
        """Show what can be done now, and how far the child is."""
        run = running and kind == "run"
        paused = status.get("phase") == "paused"
        self.pause.setVisible(run)
        self.pause.setText(self.tr("Go on") if paused else self.tr("Pause"))
        self.stop.setVisible(running)
        self.go.setVisible(not running)
        self.go.setText(self.tr("Look for new photos") if done else self.tr("Go on"))
        for button in (self.explain, self.save, self.open_folder, self.open_run, self.watch):
            button.setEnabled(not running)
        self.progress.setText(self._words(status, kind) if running else "")
        self.progress.setVisible(running)
        total = status.get("total")
        share = status.get("done", 0) / total if total else 0.0
        self.bar.show_share(share if running else None)

    def show_elsewhere(self) -> None:
        """A run without this window is at work: what it answers appears."""
        self.go.hide()
        self.progress.setText(self.tr("A run goes on here in the background"))
        self.progress.show()

    def _words(self, status: Mapping[str, Any], kind: str) -> str:
        event = status.get("event")
        if event == "start":
            starting = {"run": self.tr("Opening the model…"), "undo": self.tr("Taking back…")}
            return starting.get(kind, self.tr("Beginning…"))
        done, total = f"{status.get('done', 0):,}", status.get("total")
        parts = [self.tr("{done} photos").format(done=done)]
        if total:
            parts = [self.tr("{done} of {total}").format(done=done, total=f"{total:,}")]
        phases = {"paused": self.tr("paused"), "watching": self.tr("waiting for new photos")}
        if (phase := status.get("phase")) in phases:
            parts.append(phases[phase])
        elif rate := status.get("rate"):
            parts.append(self.tr("{rate} a second").format(rate=f"{rate:,.1f}"))
            if (left := status.get("eta_s")) is not None and left >= 2:
                parts.append(self.tr("{eta} left").format(eta=words.duration(left)))
        if failed := status.get("failed"):
            parts.append(self.tr("{count} not readable").format(count=f"{failed:,}"))
        return "  ·  ".join(parts)


class FilterBar(QWidget):
    """Text, kind, order and the two views; ``changed`` says that another choice is wanted."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit()
        self.text.setPlaceholderText(self.tr("Search names and errors"))
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName(self.tr("Search"))
        self.kind, self.order = QComboBox(), QComboBox()
        self.kind.setAccessibleName(self.tr("Which photos"))
        self.order.setAccessibleName(self.tr("Order"))
        self.gallery, self.table = QToolButton(), QToolButton()
        self.count = QLabel()
        self.count.setProperty("quiet", True)
        self.clear = QToolButton()
        self.clear.setText(self.tr("Show all"))
        self.clear.setProperty("link", True)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self.changed)
        self.text.textChanged.connect(lambda _: self._typing.start())
        self._fill()
        for box in (self.kind, self.order):
            box.activated.connect(lambda _: self.changed.emit())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID_PX)
        for widget in (self.text, self.kind, self.order, self.count, self.clear):
            layout.addWidget(widget)
        layout.addStretch(1)
        for button, text in (
            (self.table, self.tr("Table")),
            (self.gallery, self.tr("Gallery")),
        ):
            button.setText(text)
            button.setCheckable(True)
            button.setAutoExclusive(True)
            layout.addWidget(button)
        self.table.setChecked(True)
        self.text.setMinimumWidth(220)

    def _fill(self) -> None:
        kinds: dict[Kind, str] = {
            "": self.tr("All photos"),
            "wrong": self.tr("Wrong"),
            "right": self.tr("Right"),
            "corrected": self.tr("Corrected by hand"),
            "truth": self.tr("Truth known"),
            "no truth": self.tr("Truth not known"),
            "explained": self.tr("Explained"),
        }
        orders: dict[Order, str] = {
            "number": self.tr("In order of the run"),
            "name": self.tr("By folder and name"),
            "label": self.tr("By verdict"),
            "confidence": self.tr("Least confident first"),
            "truth": self.tr("By truth"),
            "strange": self.tr("Least strange first"),
            "mistakes": self.tr("Worst mistakes first"),
            "doubt": self.tr("Most doubtful first"),
        }
        assert set(kinds) == set(get_args(Kind))
        assert set(orders) == set(get_args(Order))
        for kind, title in kinds.items():
            self.kind.addItem(title, kind)
        for order, title in orders.items():
            self.order.addItem(title, order)

    def show_wanted(self, wanted: Wanted, shown: int, total: int) -> None:
        """Show what is chosen, and how many that are."""
        self.kind.setCurrentIndex(self.kind.findData(wanted.kind))
        self.order.setCurrentIndex(self.order.findData(wanted.order))
        some = self.tr("{shown} of {total}").format(shown=f"{shown:,}", total=f"{total:,}")
        self.count.setText(some if shown != total else words.photos(total))
        filtered = wanted.label or wanted.kind or wanted.text or wanted.cell
        self.clear.setVisible(bool(filtered) or wanted.bin is not None)
        if not wanted.text and self.text.text() and not self._typing.isActive():
            self.text.blockSignals(True)
            self.text.clear()
            self.text.blockSignals(False)


def order_of_header(column: int) -> Order:
    """The order that a click on a column's head asks for."""
    from petvision.app.batch import table

    orders: dict[int, Order] = {
        table.VERDICT: "label",
        table.CONFIDENCE: "confidence",
        table.TRUTH: "truth",
        table.STRANGE: "strange",
        table.PHOTO: "name",
        table.FOLDER: "name",
    }
    return orders.get(column, "number")


def hint(parent: QWidget | None = None) -> QLabel:
    """The line that tells the keys of reviewing."""
    label = quiet(parent, wrap=False)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return label
