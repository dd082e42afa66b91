"""*Model → Export…*: writes the model in use for other programs, in a child process."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QWidget,
)

from petvision.app.children import Child
from petvision.app.dialogs import Page
from petvision.app.widgets.labels import quiet
from petvision.figures.style import GRID_PX

KINDS = {
    "onnx": ("ONNX", ".onnx"),
    "onnx-int8": ("ONNX, 8-bit integers", ".onnx"),
    "torchscript": ("TorchScript", ".pt"),
    "torch-export": ("torch.export", ".pt2"),
}
WIDTH = 560


class ExportDialog(Page):
    """Kind of file, a button, and what the comparison found."""

    def __init__(self, model: str, name: str, folder: str, parent: QWidget) -> None:
        super().__init__(parent.tr("Export {name}").format(name=name), parent)
        self._model, self._name, self._folder = model, name, folder
        self._child: Child | None = None
        what = quiet()
        what.setText(
            self.tr(
                "The file holds everything from pixels to the verdict. It is opened again and "
                "compared with PetVision on 100 pictures; one that disagrees is not kept."
            )
        )
        self.kind = QComboBox()
        for key, (words, _) in KINDS.items():
            self.kind.addItem(words, key)
        self.kind.setAccessibleName(self.tr("Kind of file"))
        self.button = QPushButton(self.tr("Export…"))
        self.button.clicked.connect(self._ask)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID_PX // 2)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(9 * GRID_PX)
        self.words.setAccessibleName(self.tr("What was found"))
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        row = QHBoxLayout()
        row.setSpacing(GRID_PX)
        row.addWidget(self.kind, 1)
        row.addWidget(self.button)
        form.addRow(self.tr("Kind of file"), row)
        self.body.addWidget(what)
        self.body.addSpacing(GRID_PX)
        self.body.addLayout(form)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.words, 1)
        self.setFixedWidth(WIDTH)

    def _ask(self) -> None:
        words, suffix = KINDS[self.kind.currentData()]
        start = str(Path(self._folder or Path.home()) / f"{self._name}{suffix}")
        path, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export"), start, f"{words} (*{suffix})"
        )
        if path:
            self.export(Path(path))

    def export(self, path: Path) -> None:
        """Write and compare; the words tell how it went."""
        if self._child is not None:
            return
        # The person said yes to replacing it, and to this one file only.
        with contextlib.suppress(OSError):  # the child tells of a place that cannot be written
            path.unlink()
        self._child = child = Child(self)
        child.told.connect(self._told)
        child.ended.connect(self._ended)
        self.button.setEnabled(False)
        self.bar.show()
        self.words.setText(self.tr("Writing and comparing; this takes about a minute …"))
        kind = self.kind.currentData()
        child.start(["export", self._model, "--to", kind, "--out", str(path), "--json"])

    def done(self, result: int) -> None:
        """The dialog closes: what is being written is given up."""
        if self._child is not None:
            self._child.end()
        super().done(result)

    def _told(self, certificate: Any) -> None:
        difference = certificate["difference"]
        labels = (
            self.tr("every label is the same")
            if not difference["flips"]
            else self.tr("{count} labels differ").format(count=difference["flips"])
        )
        text = self.tr(
            "{file} was written ({size} MB), opened again and compared on {n} pictures: {labels}, "
            "scores differ by at most {distance}. The certificate lies beside it."
        )
        self.words.setText(
            text.format(
                file=certificate["file"],
                size=round(certificate["bytes"] / 1e6),
                n=certificate["n"],
                labels=labels,
                distance=f"{difference['scores']:.7f}",
            )
        )

    def _ended(self, code: int) -> None:
        child, self._child = self._child, None
        self.bar.hide()
        self.button.setEnabled(True)
        if code != 0 and child is not None:
            words = child.last_words[-1] if child.last_words else self.tr("It ended by itself.")
            self.words.setText(words.removeprefix("petvision: "))
