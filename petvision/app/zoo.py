"""*Model → Models…*: the models there are, their cards, and fetching, adding and removing some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.dialogs import Page
from petvision.app.exporting import ExportDialog
from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.app.session import DEFAULT_MODEL, Session
from petvision.app.theme import Theme
from petvision.app.widgets.labels import heading, quiet
from petvision.app.widgets.progress import ThinBar
from petvision.app.widgets.prose import Prose
from petvision.errors import PetVisionError
from petvision.events import Progress, Result
from petvision.figures.style import GRID_PX, HEADING_PX

if TYPE_CHECKING:
    from petvision.models.zoo import Entry

SIZE = (940, 640)
LIST_PX = 300
WAIT_MS = 1000
NAME = Qt.ItemDataRole.UserRole


class Zoo(QObject):
    """The models there are and the one that is on its way; lives as long as the window.

    ``changed``: the list is another. ``told``: progress, or ``said`` (what happened last).
    """

    changed = Signal()
    told = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.entries: tuple[Entry, ...] = ()
        self.fetching = ""
        self.progress: Progress | None = None
        self.said = ""
        self._lane: ComputeLane | None = None
        self._ticket = 0

    @property
    def in_use(self) -> str:
        """The name or path of the model that answers."""
        return self.session.settings.get("model", "") or DEFAULT_MODEL

    def look(self) -> None:
        """See which models there are."""
        self.session.in_background(_entries, self._found, self._failed)

    def fetch(self, name: str) -> None:
        """Bring a model; closing the dialog does not stop it."""
        if self._lane is None:
            # A server that does not answer must not keep the program alive.
            self._lane = ComputeLane(self, daemon=True)
            self._lane.happened.connect(self._happened, Qt.ConnectionType.QueuedConnection)
            self._lane.start()
        self.fetching, self.progress, self.said = name, None, ""
        self._ticket = self._lane.submit(Job("fetch", 0, partial(_fetch, name)))
        self.told.emit()

    def stop(self) -> None:
        """Stop the fetching; what has come is kept, and it goes on there next time."""
        if self._lane is not None:
            self._lane.cancel(self._ticket)
        self._ticket, self.fetching = 0, ""
        self._say(self.tr("Stopped; what has come is kept."))

    def add(self, path: str) -> None:
        """Copy a model file among one's own, once it was seen to be whole."""
        self._say(self.tr("Reading {name} …").format(name=Path(path).name))
        self.session.in_background(partial(_add, path), self._added, self._failed)

    def remove(self, name: str) -> None:
        """Delete one of one's own; the bundled model answers if it was in use."""
        if name == self.in_use:
            self.session.use_model("")
        self.session.in_background(partial(_remove, name), self._removed, self._failed)

    def end(self) -> None:
        """The window closes."""
        if self._lane is not None:
            self._lane.close()
            self._lane.wait(WAIT_MS)

    def _found(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self.changed.emit()

    def _added(self, name: str) -> None:
        self._say(self.tr("{name} is among your own now.").format(name=name))
        self.look()

    def _removed(self, name: str) -> None:
        self._say(self.tr("{name} was removed.").format(name=name))
        self.look()

    def _failed(self, error: PetVisionError) -> None:
        self._say(words.error_sentence(error))

    def _say(self, sentence: str) -> None:
        self.said = sentence
        self.told.emit()

    @Slot(int, object)
    def _happened(self, ticket: int, event: object) -> None:
        if ticket != self._ticket:
            return
        if isinstance(event, Progress):
            self.progress = event if event.total else None
            self.told.emit()
        elif isinstance(event, (Result, Failed, Crashed)):
            name, self.fetching, self._ticket = self.fetching, "", 0
            if isinstance(event, Result):
                self._say(
                    self.tr("{name} is here; its sha256 is the recorded one.").format(name=name)
                )
                self.look()
            elif isinstance(event, Failed):
                self._failed(event.error)
            else:
                self.session.crashed.emit(event.report)
                self._say("")


class ZooDialog(Page):
    """A list of models; the chosen one's card, and what can be done with it."""

    def __init__(
        self, zoo: Zoo, theme: Theme, ask_file: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(parent.tr("Models"), parent)
        self._zoo, self._ask_file = zoo, ask_file
        self._card_of = ""
        self._reading = 0
        self.list = QTreeWidget()
        self.title = heading(None, HEADING_PX)
        self.facts, self.said = quiet(), quiet()
        self.card = Prose()
        self.use, self.fetch = QPushButton(self.tr("Use")), QPushButton(self.tr("Fetch"))
        self.stop = QPushButton(self.tr("Stop"))
        self.export = QPushButton(self.tr("Export…"))
        self.remove = QPushButton(self.tr("Remove…"))
        self.open_file = QPushButton(self.tr("Open a File…"))
        self.add_file = QPushButton(self.tr("Add a File…"))
        self._bar = ThinBar(theme)
        self._lay_out()
        self._connect()
        self.resize(*SIZE)
        zoo.look()
        self._show()

    def _lay_out(self) -> None:
        self.list.setHeaderHidden(True)
        self.list.setColumnCount(2)
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(GRID_PX)
        self.list.setFixedWidth(LIST_PX)
        self.list.setAccessibleName(self.tr("Models"))
        self.card.setAccessibleName(self.tr("Card"))
        self.use.setToolTip(self.tr("Answer with this model, now and after the next start"))
        self.add_file.setToolTip(self.tr("Copy a model file among your own"))
        self.open_file.setToolTip(self.tr("Use a model file where it lies"))
        left, right = QVBoxLayout(), QVBoxLayout()
        files, acts = QHBoxLayout(), QHBoxLayout()
        for button in (self.open_file, self.add_file):
            files.addWidget(button)
        for button in (self.use, self.fetch, self.stop, self.export, self.remove):
            acts.addWidget(button)
        acts.addStretch(1)
        left.addWidget(self.list, 1)
        left.addLayout(files)
        for widget in (self.title, self.facts):
            right.addWidget(widget)
        right.addWidget(self.card, 1)
        right.addWidget(self._bar)
        right.addWidget(self.said)
        right.addLayout(acts)
        both = QHBoxLayout()
        both.setSpacing(3 * GRID_PX)
        both.addLayout(left)
        both.addLayout(right, 1)
        self.body.addLayout(both, 1)

    def _connect(self) -> None:
        zoo = self._zoo
        zoo.changed.connect(self._show)
        zoo.told.connect(self._show_chosen)
        zoo.session.model_changed.connect(self._show)
        self.list.currentItemChanged.connect(lambda: self._show_chosen())
        self.use.clicked.connect(lambda: self._with_chosen(lambda e: self._use(e.name)))
        self.fetch.clicked.connect(lambda: self._with_chosen(lambda e: zoo.fetch(e.name)))
        self.stop.clicked.connect(zoo.stop)
        self.export.clicked.connect(lambda: self._with_chosen(self._export))
        self.remove.clicked.connect(lambda: self._with_chosen(self._ask_remove))
        self.open_file.clicked.connect(self._ask_file)
        self.add_file.clicked.connect(self._ask_add)

    # What is shown

    @property
    def chosen(self) -> Entry | None:
        """The model that is marked in the list."""
        item = self.list.currentItem()
        name = item.data(0, NAME) if item is not None else None
        return next((entry for entry in self._zoo.entries if entry.name == name), None)

    def choose(self, name: str) -> None:
        """Mark a model in the list."""
        for group in range(self.list.topLevelItemCount()):
            above = self.list.topLevelItem(group)
            for number in range(above.childCount() if above else 0):
                item = above.child(number) if above else None
                if item is not None and item.data(0, NAME) == name:
                    self.list.setCurrentItem(item)

    def _show(self) -> None:
        kept = self.chosen.name if self.chosen else self._zoo.in_use
        with QSignalBlocker(self.list):
            self._fill()
            self.choose(kept)
            if self.chosen is None and self._zoo.entries:
                self.choose(self._zoo.entries[0].name)
        self._show_chosen()

    def _fill(self) -> None:
        self.list.clear()
        groups: tuple[tuple[str, tuple[str, ...]], ...] = (
            (self.tr("On this computer"), ("bundled", "folder", "package", "pretrained")),
            (self.tr("Your own"), ("own",)),
            (self.tr("To fetch"), ("available",)),
        )
        for title, origins in groups:
            found = [entry for entry in self._zoo.entries if entry.origin in origins]
            if not found:
                continue
            above = QTreeWidgetItem([title])
            above.setFlags(Qt.ItemFlag.ItemIsEnabled)
            above.setForeground(0, self.palette().placeholderText())
            self.list.addTopLevelItem(above)
            for entry in found:
                item = QTreeWidgetItem([entry.name, self._mark(entry)])
                item.setData(0, NAME, entry.name)
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight)
                above.addChild(item)
        self.list.expandAll()
        self.list.resizeColumnToContents(0)

    def _mark(self, entry: Entry) -> str:
        if entry.name == self._zoo.in_use:
            return self.tr("in use")
        if entry.fault:
            return self.tr("unusable")
        return _megabytes(entry.bytes)

    def _show_chosen(self) -> None:
        zoo, entry = self._zoo, self.chosen
        here = entry is not None and entry.path is not None
        usable = here and entry is not None and not entry.fault
        in_use = entry is not None and entry.name == zoo.in_use
        self.use.setVisible(here)
        self.use.setEnabled(usable and not in_use and not zoo.session.opening)
        self.fetch.setVisible(entry is not None and not here)
        self.fetch.setEnabled(not zoo.fetching)
        self.stop.setVisible(bool(zoo.fetching))
        self.export.setVisible(here)
        self.export.setEnabled(usable)
        self.remove.setVisible(entry is not None and entry.origin == "own")
        self._show_progress()
        if entry is None:
            for label in (self.title, self.facts):
                label.clear()
            self.card.clear()
            return
        self.title.setText(entry.name)
        self.facts.setText(self._facts(entry))
        if self._card_of != f"{entry.name} {entry.path}":
            self._card_of = f"{entry.name} {entry.path}"
            self._ask_card(entry)

    def _facts(self, entry: Entry) -> str:
        classes = self.tr("{count} classes").format(count=entry.classes) if entry.classes else ""
        parts = (entry.architecture, classes, _megabytes(entry.bytes), entry.licence)
        return " · ".join(part for part in parts if part)

    def _show_progress(self) -> None:
        zoo = self._zoo
        said = zoo.said
        if zoo.fetching:
            come = zoo.progress
            text = (
                self.tr("Fetching {name}")
                if come is None
                else self.tr("Fetching {name}: {done} of {total}")
            )
            said = text.format(
                name=zoo.fetching,
                done=_megabytes(come.done if come else 0),
                total=_megabytes(come.total if come else 0),
            )
        self.said.setText(said)
        share = zoo.progress.done / zoo.progress.total if zoo.progress else 0.0
        self._bar.show_share(share if zoo.fetching else None)

    def _ask_card(self, entry: Entry) -> None:
        session = self._zoo.session
        session.forget(self._reading)
        self.card.clear()
        if entry.path is None:
            self.card.setPlainText(
                self.tr(
                    "Not on this computer yet. It is fetched from {host}, can be stopped and goes "
                    "on where it was, and is kept only if its sha256 is the recorded one."
                ).format(host="download.pytorch.org")
            )
        else:
            self._reading = session.in_background(
                partial(_card, entry.path),
                self.card.tell,
                lambda error: self.card.setPlainText(words.error_sentence(error)),
            )

    def done(self, result: int) -> None:
        """The dialog closes; what is being fetched goes on."""
        self._zoo.session.forget(self._reading)
        super().done(result)

    # What a person does

    def _with_chosen(self, act: Callable[[Entry], None]) -> None:
        if (entry := self.chosen) is not None:
            act(entry)

    def _use(self, name: str) -> None:
        self._zoo.session.use_model("" if name == DEFAULT_MODEL else name)

    def _export(self, entry: Entry) -> None:
        folder = self._zoo.session.settings.get("folder", "")
        ExportDialog(str(entry.path), entry.name, folder, self).open()

    def _ask_remove(self, entry: Entry) -> None:
        text = self.tr("Remove {name} ({size}) from this computer?")
        box = QMessageBox(
            QMessageBox.Icon.Question,
            self.tr("Remove a model"),
            text.format(name=entry.name, size=_megabytes(entry.bytes)),
            QMessageBox.StandardButton.Cancel,
            self,
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        yes = box.addButton(self.tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        yes.clicked.connect(lambda: self._zoo.remove(entry.name))
        box.open()

    def _ask_add(self) -> None:
        kinds = self.tr("Model files ({suffixes})").format(suffixes="*.safetensors *.pth *.pt")
        folder = self._zoo.session.settings.get("folder", "")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Add a model"), folder, kinds)
        if path:
            self._zoo.add(path)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


# For the lane and the pool


def _entries() -> tuple[Entry, ...]:
    from petvision.models import zoo

    return tuple(zoo.models())


def _fetch(name: str) -> Iterator[Any]:
    from petvision.models import zoo

    yield from zoo.fetch(name)


def _add(path: str) -> str:
    from petvision.models import zoo

    return zoo.add(path).name


def _remove(name: str) -> str:
    from petvision.models import zoo

    zoo.remove(name)
    return name


def _card(path: Path) -> str:
    from petvision.models import cards, files

    return cards.markdown(files.read_card(path))
