"""The right side of the tab: counts and confidences that filter, truth, threshold, mean heat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.theme import SMALL_PX, Theme, scaled_font
from petvision.app.widgets.labels import heading, quiet
from petvision.batch.columns import BINS, UNKNOWN, Columns, Threshold, at_threshold, confusion
from petvision.batch.truth import NEITHER
from petvision.figures.style import GRID_PX

STEPS = 1000  # of the threshold's slider
MOST_CLASSES = 8  # a side of the confusion matrix that can still be read


def card(title: str) -> tuple[QFrame, QVBoxLayout]:
    """A framed part of the column with its heading."""
    frame = QFrame()
    frame.setProperty("card", True)
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(12, 10, 12, 12)
    layout.setSpacing(GRID_PX)
    label = heading(None, 13)
    label.setText(title)
    layout.addWidget(label)
    return frame, layout


class Histogram(QWidget):
    """Confidences in bins; a click (or the arrows and the space bar) chooses one."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts: list[int] = [0] * BINS
        self._first = 0
        self._bin: int | None = None
        self._cursor = BINS - 1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Confidence"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_counts(self, counts: Sequence[int], chosen: int | None) -> None:
        """Show how many are in each bin; bins below the first possible confidence are left out."""
        first = next((place for place, count in enumerate(counts) if count), BINS // 2)
        self._counts, self._bin, self._first = list(counts), chosen, min(first, BINS // 2)
        self.update()

    def sizeHint(self) -> QSize:
        """A low, wide chart."""
        return QSize(240, 84)

    def _place(self, x: float) -> int:
        wide = self.width() / (BINS - self._first)
        return min(BINS - 1, max(self._first, self._first + int(x / wide)))

    def _words(self, place: int) -> str:
        low, high = 100 * place // BINS, 100 * (place + 1) // BINS
        count = f"{self._counts[place]:,}"
        return self.tr("{low} to {high} %: {count}").format(low=low, high=high, count=count)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the bin under the mouse; the chosen one again lets go."""
        self._choose(self._place(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right move, space chooses."""
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step = -1 if key == Qt.Key.Key_Left else 1
            self._cursor = min(BINS - 1, max(self._first, self._cursor + step))
            self.setAccessibleDescription(self._words(self._cursor))
            self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return):
            self._choose(self._cursor)
        else:
            super().keyPressEvent(event)

    def _choose(self, place: int) -> None:
        self._cursor = place
        self.chosen.emit(None if self._bin == place else place)

    def event(self, event: QEvent) -> bool:
        """A tip for each bin."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._words(self._place(event.pos().x())), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars whose height is the root of the count: rare ones can still be seen and hit."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style = self._theme.style
        painter.setFont(scaled_font(self.font(), SMALL_PX))
        text = painter.fontMetrics().height()
        floor, wide = self.height() - text - 4, self.width() / (BINS - self._first)
        most = max(1, *self._counts)
        painter.setPen(Qt.PenStyle.NoPen)
        for place in range(self._first, BINS):
            count = self._counts[place]
            high = 2 + (floor - 6) * math.sqrt(count / most) if count else 1.0
            bar = QRectF((place - self._first) * wide + 1, floor - high, wide - 2, high)
            chosen = self._bin is None or place == self._bin
            painter.setBrush(QColor(style.accent if chosen and count else style.line))
            painter.drawRoundedRect(bar, 2, 2)
            if self.hasFocus() and place == self._cursor:
                painter.setBrush(QColor(style.text))
                painter.drawRect(QRectF(bar.left(), floor + 1, bar.width(), 2))
        painter.setPen(QColor(style.muted))
        low = f"{100 * self._first // BINS} %"
        line = QRectF(0, floor + 4, self.width(), text)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, "100 %")
        painter.end()


class Labels(QWidget):
    """A row a verdict, with its count; the chosen one filters."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._buttons: dict[str, QPushButton] = {}

    def show_counts(self, counts: Mapping[str, int], chosen: str) -> None:
        """Show the counts by verdict ("" all, "!" not readable), each where it first stood."""
        for name in counts:
            if name not in self._buttons:
                self._buttons[name] = self._button(name)
        for name, button in self._buttons.items():
            button.setVisible(name in counts)
            button.setText(f"{self._title(name)}\t{counts.get(name, 0):,}")
            button.setChecked(name == chosen)

    def _button(self, name: str) -> QPushButton:
        button = _Counted()
        button.setCheckable(True)
        button.clicked.connect(lambda: self.chosen.emit(name))
        self._layout.addWidget(button)
        return button

    def _title(self, name: str) -> str:
        return {"": self.tr("All"), "!": self.tr("Not readable")}.get(name, words.named(name))


class _Counted(QPushButton):
    """A flat button with a title on its left and a number on its right (parted by a tab)."""

    def sizeHint(self) -> QSize:
        return QSize(200, self.fontMetrics().height() + 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        if self.isChecked() or self.underMouse() or self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            fill = palette.highlight() if self.isChecked() else palette.light()
            painter.setBrush(fill)
            painter.drawRoundedRect(self.rect(), 4, 4)
        if self.hasFocus():
            painter.setPen(palette.link().color())
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.setPen((palette.highlightedText() if self.isChecked() else palette.text()).color())
        title, _, number = self.text().partition("\t")
        box = self.rect().adjusted(GRID_PX, 0, -GRID_PX, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | middle, title)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, number)
        painter.end()


class Confusion(QWidget):
    """Truths by verdicts; a cell filters the table."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)

    def show_cells(self, columns: Columns, chosen: tuple[str, str] | None) -> None:
        """Show how many of each truth came out as what."""
        cells = confusion(columns)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        classes = columns.identity.classes[:MOST_CLASSES]
        truths = [name for name in (*classes, NEITHER) if any(t == name for t, _ in cells)]
        verdicts = [*classes, UNKNOWN]
        for column, verdict in enumerate(verdicts, 1):
            self._grid.addWidget(self._small(words.named(verdict)), 0, column)
        for line, truth in enumerate(truths, 1):
            self._grid.addWidget(self._small(self.tr("is {what}").format(what=truth)), line, 0)
            for column, verdict in enumerate(verdicts, 1):
                cell = self._cell(truth, verdict, cells.get((truth, verdict), 0), chosen)
                self._grid.addWidget(cell, line, column)

    def _cell(
        self, truth: str, verdict: str, count: int, chosen: tuple[str, str] | None
    ) -> QToolButton:
        button = QToolButton()
        button.setText(f"{count:,}")
        button.setCheckable(True)
        button.setChecked(chosen == (truth, verdict))
        button.setEnabled(count > 0)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        told = self.tr("{count} photos of {truth} came out as {verdict}")
        button.setToolTip(told.format(count=f"{count:,}", truth=truth, verdict=verdict))
        button.setAccessibleName(button.toolTip())
        right = truth == verdict or (truth == NEITHER and verdict == UNKNOWN)
        style = self._theme.style
        colour = style.good if right else style.bad
        ink = style.on_accent if button.isChecked() else colour if count else style.muted
        fill = style.accent if button.isChecked() else style.raised
        button.setStyleSheet(f"background: {fill}; color: {ink}; padding: 6px;")
        button.clicked.connect(
            lambda on, cell=(truth, verdict): self.chosen.emit(cell if on else None)
        )
        return button

    @staticmethod
    def _small(text: str) -> QLabel:
        label = quiet(wrap=False)
        label.setText(text)
        label.setFont(scaled_font(label.font(), SMALL_PX))
        return label


class ThresholdExplorer(QWidget):
    """Drag the unknown threshold: counts and accuracy follow; nothing is changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: Columns | None = None
        self._range = (0.0, 1.0)
        self._touched = False
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setAccessibleName(self.tr("Unknown threshold"))
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderPressed.connect(self._touch)
        self._words = quiet()
        self._back = QToolButton()
        self._back.setText(self.tr("The run’s own"))
        self._back.setProperty("link", True)
        self._back.clicked.connect(self._restore)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider)
        layout.addWidget(self._words)
        layout.addWidget(self._back, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def usable(self) -> bool:
        """Whether the model has an unknown score at all."""
        columns = self._columns
        return columns is not None and bool((~np.isnan(columns.strange)).any())

    def show_columns(self, columns: Columns) -> None:
        """Explore these; a threshold that was dragged stays where it is."""
        self._columns = columns
        if not self.usable:
            return
        scores = columns.strange[~np.isnan(columns.strange)]
        own = columns.identity.threshold
        low, high = float(scores.min()), float(scores.max())
        if own is not None:
            low, high = min(low, own), max(high, own)
        self._range = (low, high if high > low else low + 1.0)
        if not self._touched:
            self._restore()
        else:
            self._moved(self.slider.value())

    @property
    def threshold(self) -> float:
        """Where the slider stands."""
        low, high = self._range
        return low + (high - low) * self.slider.value() / STEPS

    def _touch(self) -> None:
        self._touched = True

    def _restore(self) -> None:
        assert self._columns is not None
        own, (low, high) = self._columns.identity.threshold, self._range
        place = STEPS if own is None else round(STEPS * (own - low) / (high - low))
        self.slider.blockSignals(True)
        self.slider.setValue(place)
        self.slider.blockSignals(False)
        self._touched = False
        self._tell(at_threshold(self._columns, own))

    def _moved(self, value: int) -> None:
        self._touched = True
        if self._columns is not None:
            self._tell(at_threshold(self._columns, self.threshold))

    def _tell(self, found: Threshold) -> None:
        own = self._columns is not None and found.threshold == self._columns.identity.threshold
        at = self.tr("never unknown") if found.threshold is None else f"{found.threshold:.3f}"
        lines = [self.tr("{at} (the run’s own)").format(at=at) if own else at]
        shown = [f"{count:,} {name}" for name, count in found.counts.items() if count]
        lines.append(", ".join(shown))
        if found.accuracy is not None and found.interval is not None:
            low, high = found.interval
            text = self.tr("{right} of {n} answered are right ({low} to {high} %)")
            right = f"{round(found.accuracy * found.judged):,}"
            shares = {"low": f"{100 * low:.2f}", "high": f"{min(99.99, 100 * high):.2f}"}
            lines.append(text.format(right=right, n=f"{found.judged:,}", **shares))
        if found.refused is not None:
            lines.append(self.tr("{share} refused").format(share=f"{100 * found.refused:.2f} %"))
        if found.caught is not None:
            text = self.tr("{share} of what is neither is refused")
            lines.append(text.format(share=f"{100 * found.caught:.1f} %"))
        self._words.setText("\n".join(lines))
        self._back.setVisible(not own)


class Side(QScrollArea):
    """The column: it scrolls as a whole, nothing in it by itself."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.labels, self.histogram = Labels(), Histogram(theme)
        self.confusion, self.threshold = Confusion(theme), ThresholdExplorer()
        self.accuracy, self.truth_hint = quiet(), quiet()
        self.from_folders = QPushButton(self.tr("From folder names"))
        self.from_table = QPushButton(self.tr("From a CSV file…"))
        inside = QWidget()
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(GRID_PX, 0, GRID_PX, GRID_PX)
        self._layout.setSpacing(GRID_PX)
        self.heat, self.heat_layout = card(self.tr("Mean heat"))
        self._layout.addWidget(self.heat)
        self.heat.hide()
        self._counts()
        self._truth()
        self._thresholds()
        self._layout.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inside = inside

    def minimumSizeHint(self) -> QSize:
        """As wide as what is in it, so that nothing is cut off."""
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self._inside.minimumSizeHint().width() + bar, 200)

    def _counts(self) -> None:
        frame, layout = card(self.tr("Verdicts"))
        layout.addWidget(self.labels)
        title = quiet()
        title.setText(self.tr("Confidence"))
        layout.addWidget(title)
        layout.addWidget(self.histogram)
        self._layout.addWidget(frame)

    def _truth(self) -> None:
        frame, layout = card(self.tr("Truth"))
        layout.addWidget(self.accuracy)
        layout.addWidget(self.confusion)
        self.truth_hint.setText(
            self.tr("What is on the photos? Review them with the keys below, or take it")
        )
        layout.addWidget(self.truth_hint)
        for button in (self.from_folders, self.from_table):
            layout.addWidget(button)
        self._layout.addWidget(frame)

    def _thresholds(self) -> None:
        self._explorer, layout = card(self.tr("Unknown threshold"))
        layout.addWidget(self.threshold)
        self._layout.addWidget(self._explorer)

    def show_columns(self, columns: Columns, cell: tuple[str, str] | None) -> None:
        """Show accuracy, confusion and threshold of a run."""
        self.confusion.show_cells(columns, cell)
        known = (columns.truth >= 0).any()
        self.confusion.setVisible(bool(known))
        self.truth_hint.setVisible(not known)
        judged = int(columns.judged.sum())
        self.accuracy.setVisible(judged > 0)
        if judged:
            found = at_threshold(columns, None)
            low, high = found.interval or (0.0, 0.0)
            right = judged - int(columns.wrong.sum())
            text = self.tr("{right} of {n} are right: {share} % ({low} to {high} %)")
            if right == judged:
                text = self.tr("All {n} are right (so at least {low} % of photos like these)")
            self.accuracy.setText(
                text.format(
                    right=f"{right:,}",
                    share=f"{100 * (found.accuracy or 0):.2f}",
                    n=f"{judged:,}",
                    low=f"{100 * low:.2f}",
                    high=f"{100 * high:.2f}",
                )
            )
        self.threshold.show_columns(columns)
        self._explorer.setVisible(self.threshold.usable)
