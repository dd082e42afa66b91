"""What is done with a run and its photos: dialogs, the context menu, child jobs."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QListWidget,
    QMenu,
    QPlainTextEdit,
    QVBoxLayout,
)

from petvision.app import words
from petvision.app.batch import tasks
from petvision.app.batch.preview import method_title
from petvision.app.batch.table import text_of
from petvision.app.tabs import EXPLAIN
from petvision.batch.file import FILE
from petvision.batch.rows import Row
from petvision.batch.sort import UNDO, Sorted, Step
from petvision.batch.truth import NEITHER
from petvision.images.inputs import shown

if TYPE_CHECKING:
    from petvision.app.batch.page import BatchPage
    from petvision.app.window import Window

OFFERED = ("gradcam", "occlusion", "integrated_gradients")
MOST_OPENED = 200
MOST_NAMED = 100


class Actions(QObject):
    """Acts on the page's run."""

    def __init__(self, page: BatchPage, window: Window) -> None:
        super().__init__(page)
        self._page = page
        self._window = window
        self._undo: Path | None = None
        self._items: Path | None = None

    # Opening

    def ask_folder(self) -> None:
        """Ask for a folder and run over it."""
        title = self.tr("Open folder")
        path = QFileDialog.getExistingDirectory(self._window, title, self._start_folder())
        if path:
            self._window.session.settings.put("folder", path)
            self._page.start([path])

    def ask_run(self) -> None:
        """Ask for a run's folder and show it."""
        title = self.tr("Open the folder of a run")
        path = QFileDialog.getExistingDirectory(self._window, title, self._start_folder())
        if path and (Path(path) / FILE).exists():
            self._page.open_run(Path(path))
        elif path:
            self._page.complain(self.tr("There is no run in {name}.").format(name=Path(path).name))

    def ask_table(self) -> None:
        """Ask for a CSV of truths."""
        title = self.tr("Open a table with a column path and a column truth")
        kinds = self.tr("Tables (*.csv *.tsv *.txt)")
        path, _ = QFileDialog.getOpenFileName(self._window, title, self._start_folder(), kinds)
        if path:
            self._page.work.tell_truths(Path(path))

    def _start_folder(self) -> str:
        return self._window.session.settings.get("folder", "")

    # Photos

    def menu(self, at: QPoint) -> None:
        """What can be done with the chosen photos."""
        page = self._page
        numbers, row = page.chosen(), page.current_row()
        if not numbers or row is None:
            return
        menu = QMenu(page)
        menu.addAction(self.tr("Open in Explain")).triggered.connect(self.open_in_explain)
        show = menu.addAction(self.tr("Show in folder"))
        show.setEnabled(row.kind == "file")
        show.triggered.connect(partial(self._show_in_folder, row))
        copy = menu.addAction(self.tr("Copy path"))
        copy.triggered.connect(partial(self._copy, numbers))
        menu.addSeparator()
        truths = menu.addMenu(self.tr("Set truth"))
        columns = page.work.columns
        for name in (*(columns.identity.classes if columns else ()), NEITHER):
            action = truths.addAction(words.named(name))
            action.triggered.connect(lambda _=False, name=name: page.say_truth(name))
        truths.addSeparator()
        truths.addAction(self.tr("Take back")).triggered.connect(lambda: page.say_truth(None))
        menu.addSeparator()
        explain = menu.addAction(self.tr("Explain the chosen…"))
        explain.setEnabled(not page.working)
        explain.triggered.connect(self.ask_explain)
        mean = menu.addAction(self.tr("Mean heat of the chosen"))
        mean.triggered.connect(lambda: self.show_means(numbers))
        sort = menu.addAction(self.tr("Sort the chosen into folders…"))
        sort.setEnabled(not page.working)
        sort.triggered.connect(lambda: self.ask_sort(numbers))
        menu.exec(at)

    def open_in_explain(self) -> None:
        """Open the chosen photos in the Explain tab."""
        known = [self._page.model.known(number) for number in self._page.chosen()[:MOST_OPENED]]
        places = [row.location for row in known if row is not None]
        if places:
            self._window.session.open_inputs(places)
            self._window.show_tab(EXPLAIN)

    def _show_in_folder(self, row: Row) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(row.location).parent)))

    def _copy(self, numbers: list[int]) -> None:
        rows = [row for n in numbers if (row := self._page.model.known(n)) is not None]
        QGuiApplication.clipboard().setText("\n".join(map(text_of, rows)))

    # Jobs

    def fill_save_menu(self, menu: QMenu) -> None:
        """The forms a run can be saved in."""
        forms = {
            "csv": self.tr("Table (CSV), with corrections"),
            "jsonl": self.tr("JSON lines"),
            "parquet": self.tr("Parquet"),
            "html": self.tr("Page (HTML), one file"),
        }
        for form, title in forms.items():
            menu.addAction(title).triggered.connect(
                lambda _=False, form=form: self._page.work.side_job("save", "--write", form)
            )
        menu.addSeparator()
        sort = menu.addAction(self.tr("Sort photos into folders…"))
        sort.triggered.connect(lambda: self.ask_sort(None))
        self._undo_action = menu.addAction(self.tr("Take the last sorting back"))
        self._undo_action.setEnabled(False)
        self._undo_action.triggered.connect(self._take_back)

    def ask_explain(self) -> None:
        """Ask by which methods, and explain the chosen photos (or all shown)."""
        page = self._page
        numbers = page.chosen()
        some = numbers if len(numbers) > 1 else [int(n) for n in page.model.numbers]
        dialog = ExplainDialog(len(some), self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.methods:
            trust = ["--trust"] if dialog.trust.isChecked() else []
            self._with_items("explain", some, "--explain", ",".join(dialog.methods), *trust)

    def ask_sort(self, numbers: list[int] | None) -> None:
        """Ask where to and how, and sort."""
        title = self.tr("Sort photos into this folder")
        path = QFileDialog.getExistingDirectory(self._window, title, self._start_folder())
        if not path:
            return
        work, folder = self._page.work, self._page.work.folder
        if folder is None:
            return
        dialog = SortDialog(Path(path), self._window)
        ticket = work.in_pool(
            partial(tasks.dry_sort, folder, Path(path), numbers), dialog.show_dry_run
        )
        accepted = dialog.exec() == QDialog.DialogCode.Accepted
        work.pool.cancel(ticket)
        if not accepted:
            return
        self._undo = Path(path) / UNDO
        options = ["--sort-into", path, "--by", dialog.how]
        if numbers is None:
            self._page.work.side_job("sort", *options)
        else:
            self._with_items("sort", numbers, *options)

    def _with_items(self, kind: str, numbers: list[int], *options: str) -> None:
        """A job for some photos; their numbers go by a file, since a command line has its limit."""
        with tempfile.NamedTemporaryFile(
            "w", prefix="petvision-items-", suffix=".txt", delete=False
        ) as file:
            file.write(",".join(map(str, numbers)))
        self._items = Path(file.name)
        options = (*options, "--items", f"@{file.name}", "--model", self._page.model_name)
        self._page.work.side_job(kind, *options)

    def _take_back(self) -> None:
        if self._undo is not None:
            self._page.work.undo(self._undo)

    def ended(self, kind: str) -> None:
        """A child came to its end: say what it made."""
        if self._items is not None:
            self._items.unlink(missing_ok=True)
            self._items = None
        page = self._page
        folder = page.work.folder
        if kind == "save" and folder is not None:
            text = self.tr("Saved in {place}")
            self._window.status.say(text.format(place=str(folder)))
        elif kind == "explain":
            self.show_means(None)
        elif kind in ("sort", "undo"):
            self._undo_action.setEnabled(kind == "sort" and self._undo is not None)
            said = {"sort": self.tr("Sorted"), "undo": self.tr("Taken back")}[kind]
            self._window.status.say(said)

    def show_means(self, numbers: list[int] | None) -> None:
        """The mean heat of some photos (None: of all that were explained)."""
        page = self._page
        if page.work.folder is not None:
            work = partial(tasks.mean_pictures, page.work.folder, numbers)
            page.work.in_pool(work, page.show_means)


class ExplainDialog(QDialog):
    """By which methods?"""

    def __init__(self, count: int, parent: Window) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Explain photos"))
        question = QLabel(self.tr("Explain {what} by:").format(what=words.photos(count)))
        self._list = QListWidget()
        self._list.setSelectionMode(QListWidget.SelectionMode.MultiSelection)
        for name in OFFERED:
            self._list.addItem(method_title(name))
        self._list.item(0).setSelected(True)
        hint = QLabel(
            self.tr(
                "Grad-CAM takes a fraction of a second a photo, the others seconds. "
                "With two methods or more, photos where they disagree can be found."
            )
        )
        hint.setWordWrap(True)
        hint.setProperty("quiet", True)
        layout = QVBoxLayout(self)
        self.trust = QCheckBox(self.tr("Check how far each map can be trusted (takes longer)"))
        for widget in (question, self._list, self.trust, hint, _buttons(self)):
            layout.addWidget(widget)

    @property
    def methods(self) -> list[str]:
        """The ids of the chosen methods."""
        return [OFFERED[index.row()] for index in sorted(self._list.selectedIndexes())]


class SortDialog(QDialog):
    """By copy or by link?"""

    def __init__(self, target: Path, parent: Window) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Sort photos into folders"))
        self._how = QComboBox()
        for how, title in (
            ("copy", self.tr("Copies")),
            ("hardlink", self.tr("Hard links (same drive, no space)")),
            ("symlink", self.tr("Symbolic links")),
        ):
            self._how.addItem(title, how)
        text = self.tr(
            "Each photo is put into {place}/LABEL with the folders it came in. A correction "
            "counts before the verdict. Nothing is deleted or overwritten, and it can be taken "
            "back."
        )
        sentence = QLabel(text.format(place=shown(str(target))))
        sentence.setWordWrap(True)
        form = QFormLayout()
        form.addRow(self.tr("As"), self._how)
        self._target = target
        self.dry_run = QPlainTextEdit()
        self.dry_run.setReadOnly(True)
        self.dry_run.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.dry_run.setAccessibleName(self.tr("What would be done"))
        self.dry_run.setPlainText(self.tr("Looking what would be done…"))
        layout = QVBoxLayout(self)
        layout.addWidget(sentence)
        layout.addWidget(self.dry_run, 1)
        layout.addLayout(form)
        layout.addWidget(_buttons(self))
        self.resize(560, 420)

    def show_dry_run(self, found: Sorted) -> None:
        """Show how many photos would go where, and the first of them by name."""
        lines = [
            self.tr("{photos} into {folder}").format(photos=words.photos(count), folder=folder)
            for folder, count in found.counts.items()
        ]
        if found.renamed:
            text = self.tr("{photos} under another name, because theirs is taken")
            lines.append(text.format(photos=words.photos(found.renamed)))
        lines += [str(error) for error in found.failed[:MOST_NAMED]]
        lines += ["", *(self._way(step) for step in found.steps[:MOST_NAMED])]
        if (more := len(found.steps) - MOST_NAMED) > 0:
            lines.append(self.tr("and {photos} more").format(photos=words.photos(more)))
        self.dry_run.setPlainText("\n".join(lines))

    def _way(self, step: Step) -> str:
        return f"{shown(step.source.name)} → {shown(str(step.target.relative_to(self._target)))}"

    @property
    def how(self) -> str:
        """``copy``, ``hardlink`` or ``symlink``."""
        return str(self._how.currentData())


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    kinds = QDialogButtonBox.StandardButton
    buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons
