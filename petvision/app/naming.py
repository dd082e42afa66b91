"""What the classes of a file of weights only are called: asked once, and remembered by its path."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app.settings import Settings
from petvision.app.widgets.labels import heading, quiet
from petvision.figures.style import GRID_PX, TEXT_PX

TABLE = "classes"


def known_names(settings: Settings, model: str) -> tuple[str, ...] | None:
    """The names a person gave the classes of a model file; None when they were not asked."""
    names = settings.table(TABLE).get(_key(model))
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def remember_names(settings: Settings, model: str, names: Sequence[str]) -> None:
    """Keep the names a person gave."""
    settings.put(f"{TABLE}.{_key(model)}", list(names))


def _key(model: str) -> str:
    return hashlib.sha256(model.encode(errors="surrogateescape")).hexdigest()[:16]


def nameless(classes: Sequence[str]) -> bool:
    """Whether the classes are only numbered: nobody has said what they are."""
    return all(name == f"class {number}" for number, name in enumerate(classes))


class NamesDialog(QDialog):
    """Asks for as many names as there are classes; ``named`` carries them."""

    named = Signal(object)

    def __init__(self, file: str, classes: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._wanted = len(classes)
        self.setWindowTitle(self.tr("What does this model tell apart?"))
        title = heading(None, TEXT_PX)
        title.setText(
            self.tr("{file} tells {count} classes apart, and does not say what they are called.")
            .format(file=file, count=len(classes))
        )  # fmt: skip
        title.setWordWrap(True)
        hint = quiet()
        hint.setText(
            self.tr(
                "One name a line, in the order of the training: mostly the alphabetical order of "
                "its folders. Names can be given later, too: open the file again."
            )
        )
        self.edit = QPlainTextEdit("\n".join(classes))
        self.edit.setAccessibleName(self.tr("Names of the classes"))
        self.edit.textChanged.connect(self._count)
        self._told = quiet(wrap=False)
        file_button = QPushButton(self.tr("From a text file…"))
        file_button.clicked.connect(self._from_file)
        folder_button = QPushButton(self.tr("From the folders in…"))
        folder_button.clicked.connect(self._from_folder)
        row = QHBoxLayout()
        row.addWidget(file_button)
        row.addWidget(folder_button)
        row.addStretch(1)
        row.addWidget(self._told)
        kind = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kind.Ok | kind.Cancel)
        self.buttons.button(kind.Ok).setText(self.tr("Use these names"))
        self.buttons.button(kind.Cancel).setText(self.tr("Leave the numbers"))
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID_PX, 3 * GRID_PX, 3 * GRID_PX, 2 * GRID_PX)
        layout.setSpacing(GRID_PX)
        for widget in (title, hint, self.edit):
            layout.addWidget(widget)
        layout.addLayout(row)
        layout.addWidget(self.buttons)
        self.resize(520, 460)
        self._count()

    @property
    def names(self) -> list[str]:
        """The lines that are not empty."""
        lines = (line.strip() for line in self.edit.toPlainText().splitlines())
        return [line for line in lines if line]

    def offer(self, names: Sequence[str]) -> None:
        """Put names into the field."""
        self.edit.setPlainText("\n".join(names))

    def _count(self) -> None:
        names = self.names
        fits = len(names) == self._wanted and len(set(names)) == len(names)
        words = self.tr("{count} of {wanted}").format(count=len(names), wanted=self._wanted)
        if len(set(names)) < len(names):
            words += self.tr(", one is there twice")
        self._told.setText(words)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(fits)

    def _accept(self) -> None:
        self.named.emit(tuple(self.names))
        self.accept()

    def _from_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Names, one a line"))
        if path:
            self.offer(Path(path).read_text("utf-8", "replace").splitlines())

    def _from_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("A folder with one folder a class"))
        if path:
            folders = (f.name for f in Path(path).iterdir() if f.is_dir())
            self.offer(sorted(name for name in folders if not name.startswith(".")))
