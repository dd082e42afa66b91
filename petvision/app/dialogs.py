"""The small windows: the model's card, the shortcuts, about."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

import petvision
from petvision.app.icons import program
from petvision.app.widgets.labels import heading, quiet
from petvision.figures.style import GRID_PX, HEADING_PX

LOGO_PX = 64


class Page(QDialog):
    """A dialog with a Close button; widgets go into ``body``."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.body = QVBoxLayout()
        self.body.setSpacing(GRID_PX)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, 2 * GRID_PX)
        layout.setSpacing(2 * GRID_PX)
        layout.addLayout(self.body, 1)
        layout.addWidget(buttons)


def model_card(markdown: str, name: str, parent: QWidget) -> Page:
    """What the model file says of itself."""
    page = Page(parent.tr("Model card: {name}").format(name=name), parent)
    browser = QTextBrowser()
    browser.setMarkdown(markdown)
    browser.setOpenExternalLinks(True)
    page.body.addWidget(browser)
    page.resize(720, 560)
    return page


def shortcuts(actions: Iterable[QAction], parent: QWidget) -> Page:
    """Every action that has a key, and the keys of panels."""
    page = Page(parent.tr("Keyboard shortcuts"), parent)
    grid = QGridLayout()
    grid.setHorizontalSpacing(4 * GRID_PX)
    grid.setVerticalSpacing(GRID_PX)
    rows = [
        (one.shortcut().toString(QKeySequence.SequenceFormat.NativeText), one.text())
        for one in actions
        if not one.shortcut().isEmpty()
    ]
    rows += [
        (parent.tr("Up, Down"), parent.tr("Another photo, in the list")),
        (parent.tr("Tab"), parent.tr("The next panel or field")),
        (parent.tr("Enter"), parent.tr("Show the chosen panel large, and back")),
    ]
    for row, (keys, words) in enumerate(rows):
        key = QLabel(keys)
        key.setProperty("quiet", True)
        grid.addWidget(QLabel(words.replace("&", "").rstrip("…")), row, 0)
        grid.addWidget(key, row, 1, Qt.AlignmentFlag.AlignRight)
    page.body.addLayout(grid)
    return page


def about(parent: QWidget) -> Page:
    """Name, version, what it is, licences."""
    page = Page(parent.tr("About PetVision"), parent)
    logo = QLabel()
    logo.setPixmap(program().pixmap(QSize(LOGO_PX, LOGO_PX), parent.devicePixelRatioF()))
    title = heading(None, HEADING_PX)
    title.setText(f"PetVision {petvision.__version__}")
    what = quiet()
    what.setText(
        parent.tr(
            "Cat, dog or “I don’t know”, and why. Everything is computed on this computer; "
            "nothing is sent anywhere."
        )
    )
    licences = quiet()
    licences.setOpenExternalLinks(True)
    licences.setText(
        parent.tr(
            "Code: MIT licence. The bundled model descends from weights under CC BY-NC 4.0; its "
            "card says more. Icons: Lucide, ISC licence. Built with Qt for Python (LGPL 3), "
            "PyTorch, OpenVINO, NumPy, SciPy, Matplotlib and Pillow."
        )
    )
    for widget in (logo, title, what, licences):
        page.body.addWidget(widget)
    page.setFixedWidth(440)
    return page
