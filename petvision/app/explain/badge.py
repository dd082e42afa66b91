"""The trust badge in a panel's head, and what it shows when asked."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.icons import tinted
from petvision.app.theme import ICON_PX, Theme
from petvision.app.widgets.labels import Mark, heading, quiet
from petvision.app.widgets.link import Link
from petvision.app.widgets.look import Look
from petvision.explain.results import Attribution, Trust
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX

LOOKS = {
    "green": ("shield-check", "good"),
    "amber": ("shield-alert", "unknown"),
    "red": ("shield-x", "bad"),
}


def light_words(light: str) -> str:
    """What a light says in a word."""
    return {
        "green": words.tr("Holds up"),
        "amber": words.tr("Doubtful"),
        "red": words.tr("Fails a check"),
    }[light]


class Badge(QToolButton):
    """A shield, a word, and the reason as its tip; a click shows what stands behind it."""

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._title = title
        self.trust: Trust | None = None
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.hide()
        theme.changed.connect(self._tint)

    def show_trust(self, trust: Trust | None, *, judging: bool) -> None:
        """Show a badge, that it is being found out, or nothing."""
        self.trust = trust
        self.setVisible(trust is not None or judging)
        self.setEnabled(trust is not None and trust.own is not None)
        if trust is not None:
            self.setText(light_words(trust.light))
            self.setToolTip(words.tr(trust.words))
        else:
            self.setText(self.tr("Checking…"))
            self.setToolTip(self.tr("Finding out whether this map deserves belief"))
        self.setAccessibleName(f"{self._title}: {self.text()}")
        self.setAccessibleDescription(self.toolTip())
        self._tint()

    def _tint(self) -> None:
        style = self._theme.style
        name, colour = "shield-question-mark", "muted"
        if self.trust is not None:
            name, colour = LOOKS[self.trust.light]
        tint = str(getattr(style, colour))
        self.setIcon(tinted(name, tint, tint))


class TrustDialog(QDialog):
    """What stands behind a badge: reasons, the map beside the shuffled network's, curves."""

    def __init__(
        self,
        trust: Trust,
        found: Attribution,
        theme: Theme,
        look: Look,
        photo: QImage | None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = self.tr("Can this map be believed?")
        self.setWindowTitle(title)
        layout = QVBoxLayout(self)
        margin = 2 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(GRID_PX)
        head = QHBoxLayout()
        name, colour = LOOKS[trust.light]
        mark = Mark(theme, 24)
        mark.show_mark(name, colour)
        label = heading(None, HEADING_PX)
        label.setText(f"{found.card.title}: {light_words(trust.light)}")
        head.addWidget(mark)
        head.addWidget(label, 1)
        layout.addLayout(head)
        layout.addLayout(self._reasons(trust, theme))
        layout.addLayout(self._maps(trust, found, theme, look, photo), 3)
        curves = heading(None, TEXT_PX)
        curves.setText(self.tr("How the answer changes as the photo is uncovered and covered"))
        layout.addSpacing(GRID_PX)
        layout.addWidget(curves)
        layout.addWidget(self._curves(trust, theme), 2)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.resize(860, 820)

    def _reasons(self, trust: Trust, theme: Theme) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID_PX)
        grid.setVerticalSpacing(GRID_PX // 2)
        for row, check in enumerate(trust.checks):
            name, colour = LOOKS[check.light]
            mark = Mark(theme, ICON_PX)
            mark.show_mark(name, colour)
            sentence = quiet()
            sentence.setText(words.tr(check.words))
            grid.addWidget(mark, row, 0)
            grid.addWidget(sentence, row, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _maps(
        self, trust: Trust, found: Attribution, theme: Theme, look: Look, photo: QImage | None
    ) -> QHBoxLayout:
        from petvision.app.widgets.heat import HeatPage

        row = QHBoxLayout()
        row.setSpacing(2 * GRID_PX)
        link = Link(self)
        for name, one in (
            (self.tr("This network"), found),
            (self.tr("The same network with its weights shuffled"), trust.twin),
        ):
            if one is None:
                continue
            column = QVBoxLayout()
            title = heading(None, TEXT_PX)
            title.setText(name)
            page = HeatPage(theme, link, look)
            page.show_heat(one, photo)
            column.addWidget(title)
            column.addWidget(page, 1)
            row.addLayout(column, 1)
        return row

    def _curves(self, trust: Trust, theme: Theme) -> QWidget:
        from petvision.app.widgets.canvas import Canvas
        from petvision.figures.trust import TrustFigure

        canvas = Canvas()
        canvas.setMinimumHeight(220)
        canvas.setAccessibleName(self.tr("Insertion and deletion curves"))
        TrustFigure(canvas.figure, theme.style).show(trust)
        return canvas
