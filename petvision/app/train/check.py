"""What the integrity check found: counts, warnings, a batch as the network sees it, leftovers."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from petvision.app.theme import Theme
from petvision.app.train.gallery import Gallery, Shown
from petvision.app.widgets.areas import see_through
from petvision.app.widgets.labels import Mark, heading, quiet
from petvision.app.widgets.progress import ThinBar
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX

CLASSES_MOST = 12
LEFT_OUT_MOST = 40
BATCH_PX = 620


class CheckView(QFrame):
    """An invitation, then work in progress, then the result or what is wrong."""

    def __init__(self, theme: Theme, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self._mark = Mark(theme, 32)
        self._title = heading(None, HEADING_PX)
        self._words = quiet()
        self._bar = ThinBar(theme)
        self._counts = QLabel()
        self._counts.setTextFormat(Qt.TextFormat.RichText)
        self._warnings = QLabel()
        self._warnings.setWordWrap(True)
        self._batch_title = heading(None, TEXT_PX)
        self._batch = QLabel()
        self._batch.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._photos_title = heading(None, TEXT_PX)
        self.gallery = gallery
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(3 * GRID_PX, 3 * GRID_PX, 3 * GRID_PX, 3 * GRID_PX)
        layout.setSpacing(GRID_PX)
        layout.addWidget(self._mark)
        for widget in (
            self._title, self._words, self._bar, self._counts, self._warnings, self._batch_title,
            self._batch, self._photos_title,
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addWidget(gallery, 1)
        layout.addStretch(0)
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        see_through(scroll)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)
        self.invite()

    def invite(self) -> None:
        """Nothing is chosen yet."""
        self._say(
            "folder-open",
            "muted",
            self.tr("Choose your photos"),
            self.tr(
                "A folder with one folder of photos for each class, named after it: for example "
                "“tabby” and “siamese”. Some thirty photos of each are a beginning. Drop it here, "
                "or press the button on the left."
            ),
        )

    def working(self, done: int, total: int, words: str) -> None:
        """The check is running."""
        self._say("images", "muted", self.tr("Looking at the photos…"), words)
        self._bar.show()
        self._bar.show_share(done / total if total else 0.0)

    def failed(self, sentence: str) -> None:
        """These photos cannot be trained on."""
        self._say("triangle-alert", "bad", self.tr("This does not work yet"), sentence)

    def show_found(self, found: Mapping[str, Any], root: Path) -> None:
        """Show the JSON of ``petvision train --check``."""
        counts = found.get("counts", {})
        total = sum(sum(part.values()) for part in counts.values())
        classes = found.get("classes") or list(next(iter(counts.values()), {}))
        title = self.tr("{photos:,} photos of {classes} classes")
        self._say("images", "good", title.format(photos=total, classes=len(classes)), "")
        self._counts.setText(self._table(counts, list(classes)))
        self._counts.show()
        warnings = [f"⚠  {escape(str(sentence))}" for sentence in found.get("warnings", ())]
        self._warnings.setText("<br>".join(warnings))
        self._warnings.setVisible(bool(warnings))
        self._show_batch(found.get("batch"))
        left_out = found.get("left_out", [])
        if left_out:
            title = self.tr("Left out: {count:,}")
            self._photos_title.setText(title.format(count=len(left_out)))
            some = left_out[:LEFT_OUT_MOST]
            self.gallery.show_photos([Shown(_place(root, e), _why(e), True) for e in some])
        self._photos_title.setVisible(bool(left_out))
        self.gallery.setVisible(bool(left_out))

    def _table(self, counts: Mapping[str, Mapping[str, int]], classes: list[str]) -> str:
        parts = {
            "train": self.tr("to learn"),
            "validation": self.tr("to choose"),
            "test": self.tr("to measure"),
        }
        known = [part for part in parts if part in counts]
        pad = "style='padding:2px 28px 2px 0'"
        number = "align='right' style='padding:2px 12px'"
        head = "".join(f"<td {number}>{parts[part]}</td>" for part in known)
        lines = [f"<tr><td {pad}></td>{head}</tr>"]
        for name in classes[:CLASSES_MOST]:
            cells = "".join(f"<td {number}>{counts[p].get(name, 0):,}</td>" for p in known)
            lines.append(f"<tr><td {pad}>{escape(name.replace('_', ' '))}</td>{cells}</tr>")
        if len(classes) > CLASSES_MOST:
            more = self.tr("and {count} more").format(count=len(classes) - CLASSES_MOST)
            lines.append(f"<tr><td {pad}>{more}</td></tr>")
        return f"<table cellspacing='0'>{''.join(lines)}</table>"

    def _show_batch(self, path: object) -> None:
        pixmap = QPixmap(str(path)) if path else QPixmap()
        shown = not pixmap.isNull()
        if shown:
            wide = min(pixmap.width(), BATCH_PX)
            smooth = Qt.TransformationMode.SmoothTransformation
            self._batch.setPixmap(pixmap.scaledToWidth(wide, smooth))
            self._batch_title.setText(self.tr("As the network sees them"))
        self._batch.setVisible(shown)
        self._batch_title.setVisible(shown)

    def _say(self, icon: str, colour: str, title: str, words: str) -> None:
        self._mark.show_mark(icon, colour)
        self._title.setText(title)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        for widget in (
            self._bar, self._counts, self._warnings, self._batch, self._batch_title,
            self._photos_title, self.gallery,
        ):  # fmt: skip
            widget.hide()
        self.setAccessibleName(f"{title}. {words}")


def _place(root: Path, entry: Mapping[str, Any]) -> Path:
    """The file of an entry, which is named below the data's folder, or whole where it is not."""
    return root / str(entry.get("file", ""))


def _why(entry: Mapping[str, Any]) -> str:
    return f"{Path(str(entry.get('file', ''))).name}\n{entry.get('why', '')}"
