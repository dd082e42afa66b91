"""The Help menu's windows: the guide that travels with the program, the licences, about."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import petvision
from petvision.app.dialogs import Page
from petvision.app.icons import program
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.prose import Prose
from petvision.figures.style import GRID_PX, HEADING_PX
from petvision.places import bundled

if TYPE_CHECKING:
    from petvision.app.session import Session

SIZE = (860, 620)
CONTENTS_PX = 200
LOGO_PX = 64
METHODS = "The methods"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A title for the contents, and the text below it: Markdown, or plain where it is a licence."""

    title: str
    text: str
    plain: bool = False


def chapters(markdown: str) -> list[Chapter]:
    """A document cut at its headings of the first order."""
    pieces = re.split(r"^# (.+)$", markdown, flags=re.MULTILINE)[1:]
    return [
        Chapter(title, text.strip()) for title, text in zip(pieces[::2], pieces[1::2], strict=True)
    ]


def methods() -> str:
    """The card of every method, as Markdown. Imports torch."""
    from petvision.explain import registry

    parts = []
    for method in registry.METHODS.values():
        card = method.card
        parts += [f"## {card.title}", card.sentence]
        parts += [f"*How to read it:* {card.sign}", f"*What it costs:* {card.cost}"]
        parts += [f"*Where it is from:* {card.paper}."] if card.paper else []
    return "\n\n".join(parts)


def licences() -> list[Chapter]:
    """Whose works these are, and what may be done with them."""
    beside = Path(petvision.__file__).parents[1]  # a checkout's folder, or the packaged program's
    own = beside / "LICENSE"
    found = [("PetVision", own), ("The model files", bundled("weights", "LICENSE"))]
    found += [("The sample photos", bundled("resources", "samples", "LICENCES.md"))]
    found += [("The icons (Lucide)", bundled("resources", "icons", "lucide", "LICENSE"))]
    found += [("The works of others", beside / "THIRD-PARTY-NOTICES.txt")]
    texts = {title: file.read_text("utf-8") for title, file in found if file.is_file()}
    if "PetVision" not in texts:  # installed by pip, which keeps it apart
        kept = importlib.metadata.distribution("petvision").read_text("licenses/LICENSE")
        texts = {"PetVision": kept or "MIT", **texts}
    return [
        Chapter(title, text, plain=title != "The sample photos") for title, text in texts.items()
    ]


class Book(Page):
    """Chapters on the left, the chosen one on the right; words that are looked for narrow both."""

    def __init__(self, title: str, written: Sequence[Chapter], parent: QWidget) -> None:
        super().__init__(title, parent)
        self.setModal(False)  # to be read beside the window
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find in the text"))
        self.search.textChanged.connect(self._narrow)
        self.contents = QListWidget()
        self.contents.setProperty("contents", True)
        self.contents.setAccessibleName(self.tr("Contents"))
        self.contents.currentRowChanged.connect(self._show)
        self.text = Prose()
        self.text.setAccessibleName(self.tr("Text"))
        self._lay_out()
        self.chapters = list(written)
        self.contents.addItems([chapter.title for chapter in self.chapters])
        self.contents.setCurrentRow(0)
        self.resize(*SIZE)

    def rewrite(self, title: str, text: str) -> None:
        """Put another text under a title."""
        self.chapters = [
            Chapter(title, text) if chapter.title == title else chapter for chapter in self.chapters
        ]
        self._show(self.contents.currentRow())

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(GRID_PX)
        left.addWidget(self.search)
        left.addWidget(self.contents, 1)
        for widget in (self.search, self.contents):
            widget.setFixedWidth(CONTENTS_PX)
        both = QHBoxLayout()
        both.setSpacing(2 * GRID_PX)
        both.addLayout(left)
        both.addWidget(self.text, 1)
        self.body.addLayout(both)

    def _show(self, row: int) -> None:
        if row < 0:
            return
        chapter = self.chapters[row]
        if chapter.plain:
            self.text.setPlainText(chapter.text)
        else:
            self.text.tell(f"# {chapter.title}\n\n{chapter.text}")
        self._find()

    def _narrow(self) -> None:
        words = self.search.text().casefold()
        fitting = [words in f"{one.title}\n{one.text}".casefold() for one in self.chapters]
        for row, fits in enumerate(fitting):
            self.contents.item(row).setHidden(not fits)
        row = self.contents.currentRow()
        if any(fitting) and not fitting[row]:
            self.contents.setCurrentRow(fitting.index(True))
        self._find()

    def _find(self) -> None:
        """Select the first place of the words that are looked for."""
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        if self.search.text():
            self.text.find(self.search.text())


class Guide(Book):
    """The guide. The methods' chapter follows once torch is there: nobody waits for that here."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        text = bundled("resources", "guide.md").read_text("utf-8")
        super().__init__(parent.tr("Guide"), chapters(text), parent)
        self._session = session
        session.model_changed.connect(self._complete)
        self._complete()

    def _complete(self) -> None:
        if not self._session.opening:
            self.rewrite(METHODS, methods())


class Licences(Book):
    """The licences of the program and of everything in it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent.tr("Licences"), licences(), parent)


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
    whose = quiet()
    whose.setText(
        parent.tr(
            "The program: MIT licence. The model files: licences of their own, most of them "
            "CC BY-NC 4.0, not for commercial use. Icons: Lucide, ISC licence. Built with Qt for "
            "Python (LGPL 3), PyTorch, OpenVINO, ncnn, NumPy, SciPy, Matplotlib and Pillow."
        )
    )
    texts = QPushButton(parent.tr("Licences…"))
    texts.clicked.connect(lambda: Licences(page).show())
    for widget in (logo, title, what, whose):
        page.body.addWidget(widget)
    page.body.addWidget(texts, 0, Qt.AlignmentFlag.AlignLeft)
    page.setFixedWidth(440)
    return page
