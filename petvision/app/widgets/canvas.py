"""A matplotlib figure as a widget, drawn one figure a turn of the event loop.

The window must answer while five figures change, so a figure never draws within another's turn,
and painting only copies the last drawing. Importing this module imports matplotlib.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy
from shiboken6 import isValid


class Canvas(FigureCanvasQTAgg):
    """Shows a figure of its own at the widget's size; ``draw_idle`` queues one drawing."""

    _queue: ClassVar[deque[Canvas]] = deque()

    def __init__(self) -> None:
        super().__init__(Figure())  # type: ignore[no-untyped-call]
        self._drawn: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)

    def sizeHint(self) -> QSize:
        """The layout decides, not the figure."""
        return QSize(280, 200)

    def minimumSizeHint(self) -> QSize:
        """Small enough for a narrow column."""
        return QSize(120, 96)

    def draw_idle(self, *_: Any, **__: Any) -> None:
        """Draw when it is this figure's turn; several wishes are one drawing."""
        if self not in Canvas._queue:
            Canvas._queue.append(self)
            if len(Canvas._queue) == 1:
                QTimer.singleShot(0, Canvas._draw_next)

    @staticmethod
    def _draw_next() -> None:
        """Draw the first figure of the queue that can be seen, and leave the rest for later."""
        while Canvas._queue:
            canvas = Canvas._queue.popleft()
            if isValid(canvas) and canvas.on_screen():  # its window may have gone meanwhile
                canvas.draw()
                break
        if Canvas._queue:
            QTimer.singleShot(0, Canvas._draw_next)

    def on_screen(self) -> bool:
        """Whether there is anything to draw on; a figure shown later is drawn then."""
        return bool(self.isVisible() and self.width() > 0 and self.height() > 0)

    def draw(self) -> None:
        """Draw now and keep the pixels."""
        super().draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(self.buffer_rgba())  # type: ignore[no-untyped-call]
        height, width, _ = pixels.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self._drawn = image.copy()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copy the last drawing, stretched while a new one is due."""
        if self._drawn is not None:
            painter = QPainter(self)
            painter.drawImage(self.rect(), self._drawn)
            painter.end()

    def showEvent(self, event: Any) -> None:
        """What changed while it was hidden is drawn."""
        super().showEvent(event)  # type: ignore[no-untyped-call]
        self.draw_idle()

    @property
    def pending(self) -> bool:
        """Whether a drawing is due."""
        return self._drawn is None or self in Canvas._queue
