"""The Batch tab: a folder becomes a table and a gallery that can be acted on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.batch import tasks
from petvision.app.batch.actions import Actions
from petvision.app.batch.bar import FilterBar, RunBar, hint, order_of_header
from petvision.app.batch.overview import Side
from petvision.app.batch.preview import PreviewCard, method_title
from petvision.app.batch.table import RunModel
from petvision.app.batch.views import Keys, gallery_view, table_view
from petvision.app.batch.work import Work, run_folder_for
from petvision.app.incoming import Incoming
from petvision.app.session import DEFAULT_MODEL
from petvision.app.tabs import Page
from petvision.app.theme import RIGHT_WIDTH
from petvision.app.widgets.labels import Mark, heading, quiet
from petvision.batch.columns import Ints, Wanted, counts, histogram
from petvision.batch.file import FILE
from petvision.batch.rows import Row
from petvision.batch.truth import NEITHER
from petvision.figures.style import GRID_PX, HEADING_PX

if TYPE_CHECKING:
    from petvision.app.window import Window


class BatchPage(Page):
    """Runs, their photos, and what is done with them."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        theme = window.theme
        self.work = Work(self)
        self.model = RunModel(theme, self)
        self.keys = Keys(self)
        self.run_bar, self.filters = RunBar(theme), FilterBar()
        self.table = table_view(self.model, self.keys)
        self.gallery = gallery_view(self.model, theme, self.keys)
        self.gallery.setSelectionModel(self.table.selectionModel())
        self.side, self.preview = Side(theme), PreviewCard(theme)
        self.message = quiet()
        self._hint = hint()
        self._previewed: int | None = None
        self._ticket = 0
        self._views, self._stack = QStackedWidget(), QStackedWidget()
        self.actions_ = Actions(self, window)
        self._lay_out()
        self._connect()
        self._show_state()

    def _lay_out(self) -> None:
        for view in (self.table, self.gallery):
            self._views.addWidget(view)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID_PX)
        column.addWidget(self.preview)
        column.addWidget(self.side, 1)
        body = QSplitter(Qt.Orientation.Horizontal)
        body.addWidget(self._views)
        body.addWidget(right)
        body.setStretchFactor(0, 1)
        body.setHandleWidth(1)
        body.setChildrenCollapsible(False)
        body.setSizes([900, RIGHT_WIDTH + 2 * GRID_PX])
        run = QWidget()
        layout = QVBoxLayout(run)
        layout.setContentsMargins(2 * GRID_PX, GRID_PX, GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX)
        layout.addWidget(self.run_bar)
        layout.addWidget(self.message)
        layout.addWidget(self.filters)
        layout.addWidget(body, 1)
        layout.addWidget(self._hint)
        self.message.setProperty("error", True)
        self.message.hide()
        self._stack.addWidget(self._invitation())
        self._stack.addWidget(run)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _invitation(self) -> QWidget:
        """What is there before there is a run."""
        empty = QWidget()
        mark = Mark(self._window.theme, 48)
        mark.show_mark("images", "muted")
        title = heading(None, HEADING_PX)
        title.setText(self.tr("Drop a folder of photos here"))
        sentence = quiet(wrap=False)
        sentence.setText(
            self.tr("Every photo gets its verdict in a table you can filter, correct and save.")
        )
        self.choose_folder = QPushButton(self.tr("Open folder…"))
        self.choose_folder.setProperty("primary", True)
        self.choose_run = QPushButton(self.tr("Open an earlier run…"))
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.choose_folder)
        buttons.addWidget(self.choose_run)
        buttons.addStretch(1)
        layout = QVBoxLayout(empty)
        layout.setSpacing(GRID_PX)
        layout.addStretch(2)
        for widget in (mark, title, sentence):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(2 * GRID_PX)
        layout.addLayout(buttons)
        layout.addStretch(3)
        return empty

    def _connect(self) -> None:
        work, model, bar, side = self.work, self.model, self.run_bar, self.side
        work.opened.connect(self._opened)
        work.changed.connect(self._changed)
        work.listed.connect(self._listed)
        work.rows.connect(self._rows_came)
        work.thumbnail.connect(model.take_thumbnail)
        work.told.connect(self._show_state)
        work.done.connect(self.actions_.ended)
        work.failed.connect(self.complain)
        work.pool.crashed.connect(self._window.session.crashed)
        model.wanted.connect(work.fetch)
        model.pictured.connect(work.picture)
        self.keys.pressed.connect(self._pressed)
        self.table.horizontalHeader().sectionClicked.connect(self._sort_by)
        self.table.selectionModel().currentRowChanged.connect(self._current_changed)
        for view in (self.table, self.gallery):
            view.doubleClicked.connect(lambda _: self.actions_.open_in_explain())
            view.customContextMenuRequested.connect(
                lambda at, view=view: self.actions_.menu(view.viewport().mapToGlobal(at))
            )
        self.filters.changed.connect(self._filter)
        self.filters.clear.clicked.connect(self._show_all)
        self.filters.gallery.toggled.connect(self._show_view)
        side.labels.chosen.connect(lambda label: self.want(label=label))
        side.histogram.chosen.connect(lambda place: self.want(bin=place))
        side.confusion.chosen.connect(lambda cell: self.want(cell=cell))
        side.from_folders.clicked.connect(lambda: work.tell_truths(None))
        side.from_table.clicked.connect(self.actions_.ask_table)
        for button in (bar.open_folder, self.choose_folder):
            button.clicked.connect(self.actions_.ask_folder)
        for button in (bar.open_run, self.choose_run):
            button.clicked.connect(self.actions_.ask_run)
        bar.pause.clicked.connect(lambda: work.order("go" if work.paused else "pause"))
        bar.stop.clicked.connect(work.stop)
        bar.go.clicked.connect(self.go_on)
        bar.explain.clicked.connect(self.actions_.ask_explain)
        self.actions_.fill_save_menu(bar.save_menu)

    # What the window asks

    def take(self, arrived: Incoming) -> bool:
        """Folders become a run, a run's folder is opened; single photos are Explain's."""
        folders = [place for place in arrived.inputs if Path(place).is_dir()]
        if not folders:
            return False
        if len(folders) == 1 and (Path(folders[0]) / FILE).exists():
            self.open_run(Path(folders[0]))
        else:
            self.start(folders)
        return True

    @property
    def working(self) -> bool:
        """Whether a child is at work."""
        return self.work.running

    def stop(self) -> None:
        """Stop the child after the batch in hand."""
        self.work.stop()

    def may_close(self) -> bool:
        """Ask what becomes of a run when the window closes."""
        if not self.work.running or self.work.folder is None:
            return True
        box = QMessageBox(self)
        box.setWindowTitle(self.tr("Work goes on"))
        box.setText(self.tr("{name} is not done yet.").format(name=self.run_bar.title.text()))
        box.setInformativeText(
            self.tr("What is done is kept, and the rest can be done another time.")
        )
        roles = QMessageBox.ButtonRole
        on = None
        if self.work.kind == "run":
            on = box.addButton(self.tr("Let it go on"), roles.AcceptRole)
        box.addButton(self.tr("Stop it"), roles.DestructiveRole)
        stay = box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is stay:
            return False
        if box.clickedButton() is on:
            self.work.leave_behind()
        return True

    def end(self) -> None:
        """The window closes: the run stops, and goes on where it was another time."""
        self.work.end()

    # Runs

    def start(self, inputs: list[str]) -> None:
        """Run over folders."""
        if self.work.running:
            self.complain(self.tr("One run at a time: stop this one first."))
            return
        self._begin(inputs, run_folder_for(Path(inputs[0])))

    def open_run(self, folder: Path) -> None:
        """Show a run that was made before."""
        if self.work.running:
            self.complain(self.tr("One run at a time: stop this one first."))
            return
        self.complain("")
        self.work.open(folder)

    def go_on(self) -> None:
        """Run again over what the run was asked to look at."""
        if self.work.folder is not None and self.work.inputs:
            self._begin(list(self.work.inputs), self.work.folder)

    def _begin(self, inputs: list[str], folder: Path) -> None:
        self.complain("")
        options = ["--watch"] if self.run_bar.watch.isChecked() else []
        self.work.start(inputs, folder, self.model_name, *options)

    @property
    def model_name(self) -> str:
        """The model in use, as the command line takes it."""
        return self._window.session.settings.get("model", "") or DEFAULT_MODEL

    def complain(self, sentence: str) -> None:
        """Show what went wrong ("" nothing)."""
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))

    # What the work says

    def _opened(self) -> None:
        self.model.clear()
        self._previewed = None
        self.preview.show_preview(None, "")
        self.side.heat.hide()
        self._stack.setCurrentIndex(1)
        folder = self.work.folder
        assert folder is not None
        self.run_bar.title.setText(folder.name.encode("utf-8", "replace").decode())
        self.run_bar.place.say(str(folder).encode("utf-8", "replace").decode())
        self.table.setFocus()
        self._show_state()

    def _changed(self) -> None:
        columns = self.work.columns
        if columns is None:
            return
        wanted = self.work.wanted
        self.side.labels.show_counts({"": len(columns), **counts(columns)}, wanted.label)
        self.side.histogram.show_counts(histogram(columns), wanted.bin)
        self.side.show_columns(columns, wanted.cell)
        self.model.forget()
        self._hint.setText(self._keys_in_words())
        self._show_state()

    def _keys_in_words(self) -> str:
        known = [f"{key.upper()} {name}" for key, name in self._truth_keys().items()]
        more = [
            self.tr("Backspace takes it back"),
            self.tr("Space next"),
            self.tr("Enter opens it in Explain"),
        ]
        return "   ·   ".join([*known, *more])

    def _listed(self, numbers: Ints) -> None:
        chosen = self._current_number()
        self.model.show_numbers(numbers)
        columns = self.work.columns
        total = 0 if columns is None else len(columns)
        self.filters.show_wanted(self.work.wanted, len(numbers), total)
        if len(numbers) and not self.table.currentIndex().isValid():
            row = max(0, self.model.row_of(chosen) if chosen is not None else 0)
            self._choose_row(row)

    def _rows_came(self, rows: list[Row]) -> None:
        self.model.take_rows(rows)
        if any(row.number == self._current_number() for row in rows):
            self._show_preview()

    def _show_state(self) -> None:
        work = self.work
        columns = work.columns
        done = columns is not None and work.status.get("phase") != "stopped"
        focus = self.focusWidget()
        self.run_bar.show_state(running=work.running, kind=work.kind, status=work.status, done=done)
        if work.elsewhere and not work.running:
            self.run_bar.show_elsewhere()
        usable = columns is not None and len(columns) > 0
        usable = usable and not work.running and not work.elsewhere
        self.run_bar.save.setEnabled(usable)
        self.run_bar.explain.setEnabled(usable)
        view = self._views.currentWidget()
        if view is not None and focus is not None and self.focusWidget() is not focus:
            view.setFocus()  # else the keys of reviewing would be a search
        self._window.session.work_changed.emit()

    # Which photos

    def want(self, **changes: object) -> None:
        """Show other photos, or in another order."""
        self.work.choose(replace(self.work.wanted, **changes))  # type: ignore[arg-type]
        self._changed_wish()

    def _filter(self) -> None:
        self.want(
            text=self.filters.text.text().strip(),
            kind=self.filters.kind.currentData(),
            order=self.filters.order.currentData(),
        )

    def _show_all(self) -> None:
        self.filters.text.clear()
        wanted = self.work.wanted
        self.work.choose(Wanted(order=wanted.order, backwards=wanted.backwards))
        self._changed_wish()

    def _changed_wish(self) -> None:
        columns, wanted = self.work.columns, self.work.wanted
        if columns is not None:
            self.side.labels.show_counts({"": len(columns), **counts(columns)}, wanted.label)
            self.side.histogram.show_counts(histogram(columns), wanted.bin)
            self.side.confusion.show_cells(columns, wanted.cell)

    def _sort_by(self, column: int) -> None:
        order = order_of_header(column)
        wanted = self.work.wanted
        backwards = order == wanted.order and not wanted.backwards
        self.want(order=order, backwards=backwards)
        way = Qt.SortOrder.DescendingOrder if backwards else Qt.SortOrder.AscendingOrder
        header = self.table.horizontalHeader()
        header.setSortIndicatorShown(True)
        header.setSortIndicator(column, way)

    def _show_view(self, gallery: bool) -> None:
        view = self.gallery if gallery else self.table
        self._views.setCurrentWidget(view)
        view.scrollTo(self.table.currentIndex())
        view.setFocus()

    # The chosen photos

    def chosen(self) -> list[int]:
        """The numbers of the chosen photos, in the order shown."""
        selection = self.table.selectionModel()
        rows = sorted({index.row() for index in selection.selectedRows()})
        return [self.model.number_at(row) for row in rows]

    def current_row(self) -> Row | None:
        """The photo the cursor is on, where it is at hand."""
        number = self._current_number()
        return None if number is None else self.model.known(number)

    def _current_number(self) -> int | None:
        index = self.table.currentIndex()
        if not index.isValid() or index.row() >= len(self.model.numbers):
            return self._previewed
        return self.model.number_at(index.row())

    def _choose_row(self, row: int) -> None:
        index = self.model.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        view = self.gallery if self.filters.gallery.isChecked() else self.table
        view.scrollTo(index)

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self._show_preview()

    def _show_preview(self) -> None:
        number, folder = self._current_number(), self.work.folder
        if number is None or folder is None:
            return
        self._previewed = number
        self.work.pool.cancel(self._ticket)
        self._ticket = self.work.pool.submit(
            partial(tasks.preview, folder, number),
            self._previewed_now,
            lambda error: None,  # the row itself says what is wrong with the photo
            urgency=1,
        )

    def _previewed_now(self, preview: tasks.Preview | None) -> None:
        if preview is not None and preview.row.number == self._previewed:
            self.preview.show_preview(preview, self.model.truth_words(preview.row))

    # Reviewing

    def _truth_keys(self) -> dict[str, str]:
        """The key of each truth: a class's first letter where it is free, else a digit."""
        columns = self.work.columns
        classes = () if columns is None else columns.identity.classes
        letters = [name[0].lower() for name in classes]
        keys: dict[str, str] = {}
        for place, name in enumerate(classes, 1):
            letter = name[0].lower()
            if letter.isalpha() and letter != "n" and letters.count(letter) == 1:
                keys[letter] = name
            elif place <= 9:
                keys[str(place)] = name
        return {**keys, "n": NEITHER} if classes else {}

    def _pressed(self, key: str) -> None:
        if key == "open":
            self.actions_.open_in_explain()
        elif key == "next":
            self.step(1)
        elif key == "back":
            self.say_truth(None)
        elif (label := self._truth_keys().get(key)) is not None:
            self.say_truth(label)

    def say_truth(self, label: str | None) -> None:
        """Keep what is on the chosen photos (None: take it back)."""
        numbers = self.chosen()
        if not numbers:
            return
        self.model.say_truth(numbers, label)
        self.work.say_truth(numbers, label)
        row = self.current_row()
        if row is not None:
            kept = self.tr("Kept: {what}").format(what=words.named(label or ""))
            self._window.status.say(self.tr("Taken back") if label is None else kept)

    def step(self, by: int) -> None:
        """Go to the next photo."""
        row = self.table.currentIndex().row() + by
        if 0 <= row < len(self.model.numbers):
            self._choose_row(row)

    # The mean heat

    def show_means(self, pictures: list[tasks.MeanPicture]) -> None:
        """Show the mean heats of explained photos, and the alarms that ring."""
        layout = self.side.heat_layout
        while layout.count() > 1:
            item = layout.takeAt(1)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        for one in pictures:
            mean = one.mean
            title = quiet()
            text = self.tr("{method}, {target}: {n} photos")
            title.setText(
                text.format(method=method_title(mean.method), target=mean.target, n=mean.photos)
            )
            picture = QLabel()
            picture.setPixmap(QPixmap.fromImage(one.image))
            picture.setAccessibleName(title.text())
            layout.addWidget(title)
            layout.addWidget(picture)
            if mean.alarm is not None:
                alarm = QLabel(f"⚠ {mean.alarm.sentence}")
                alarm.setWordWrap(True)
                alarm.setProperty("error", True)
                layout.addWidget(alarm)
        self.side.heat.setVisible(bool(pictures))
