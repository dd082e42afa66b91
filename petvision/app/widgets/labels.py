"""Labels in the window's few kinds of text."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from petvision.app.icons import picture
from petvision.app.theme import SMALL_PX, Theme, scaled_font


def heading(parent: QWidget | None, pixels: int) -> QLabel:
    """A label in bold at ``pixels`` (relative to the base text)."""
    label = QLabel(parent)
    label.setFont(scaled_font(label.font(), pixels, bold=True))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def quiet(parent: QWidget | None = None, *, wrap: bool = True) -> QLabel:
    """A label in the muted colour."""
    label = QLabel(parent)
    label.setProperty("quiet", True)
    label.setWordWrap(wrap)
    return label


class Elided(QLabel):
    """Muted text in at most ``lines`` lines; what does not fit ends in "…" and is in the tip."""

    def __init__(self, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = self._more = ""
        self._lines = lines
        self.setProperty("quiet", True)
        self.setFont(scaled_font(self.font(), SMALL_PX))
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str, more: str = "") -> None:
        """Show a text; ``more`` is the tip, otherwise the whole text where it does not fit."""
        self._whole = text
        self._more = more
        self.setAccessibleName(more or text)
        self._fit()

    def sizeHint(self) -> QSize:
        """Always as high as its lines, so that neighbours keep their place."""
        metrics = self.fontMetrics()
        return QSize(0, metrics.lineSpacing() * (self._lines - 1) + metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """As the hint."""
        return self.sizeHint()

    def heightForWidth(self, _: int) -> int:
        """The same for every width."""
        return self.sizeHint().height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = elided(self, self._whole, self.width(), self._lines)
        self.setText(shown)
        fits = shown.replace("\n", " ") == self._whole
        self.setToolTip(self._more or ("" if fits else self._whole))


def elided_heading(pixels: int) -> Elided:
    """A heading of one line that gives way to what stands beside it."""
    label = Elided(1)
    label.setProperty("quiet", False)
    label.setFont(scaled_font(QLabel().font(), pixels, bold=True))
    return label


def elided(widget: QWidget, text: str, width: int, lines: int) -> str:
    """``text`` broken at words into at most ``lines`` lines of ``width`` pixels."""
    metrics = widget.fontMetrics()
    done: list[str] = []
    rest = text.split()
    while rest and len(done) < lines:
        line = [rest.pop(0)]
        while rest and metrics.horizontalAdvance(" ".join([*line, rest[0]])) <= width:
            line.append(rest.pop(0))
        done.append(" ".join(line))
    if rest:
        done[-1] = f"{done[-1]} {' '.join(rest)}"
    cut = Qt.TextElideMode.ElideRight
    return "\n".join(metrics.elidedText(line, cut, max(1, width)) for line in done)


class Mark(QLabel):
    """An icon beside words, in one of the style's colours ("muted", "bad", "unknown")."""

    def __init__(self, theme: Theme, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._size = size
        self._look = ("image", "muted")
        self.setFixedSize(size, size)
        theme.follow(self._tint)

    def show_mark(self, name: str, colour: str) -> None:
        """Show the named icon in the named colour of the style."""
        self._look = (name, colour)
        self._tint()

    def _tint(self) -> None:
        name, colour = self._look
        tint = str(getattr(self._theme.style, colour))
        self.setPixmap(picture(name, tint, self._size, self.devicePixelRatioF()))
