"""The main window: the photo list, the tabs and the parameters, wired to the session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.arrivals import Arrivals
from petvision.app.explain.badge import TrustDialog
from petvision.app.explain.inspector import Inspector
from petvision.app.explain.view import ExplainView
from petvision.app.explain.work import ALL_CLASSES
from petvision.app.icons import program
from petvision.app.incoming import Incoming
from petvision.app.local_api import LocalApi
from petvision.app.menus import Menus
from petvision.app.naming import NamesDialog, nameless
from petvision.app.photos.column import PhotoColumn
from petvision.app.photos.model import Photo
from petvision.app.printing import Printing
from petvision.app.saving import Saving
from petvision.app.session import Session
from petvision.app.settings import Settings
from petvision.app.status import StatusLine
from petvision.app.tabs import EXPLAIN, TABS, Page
from petvision.app.theme import LEFT_WIDTH, RIGHT_WIDTH, Theme
from petvision.app.widgets.offer import Offer
from petvision.app.zoo import Zoo
from petvision.explain.results import Attribution

if TYPE_CHECKING:
    from petvision.app.neurons.page import NeuronsPage

SIZE = (1440, 900)
SMALLEST = (640, 480)
MANY = 50  # photos of a folder from which the Batch tab is offered


def has_folders(folder: str) -> bool:
    """Whether there are folders in a folder (False where it cannot be listed)."""
    try:
        return any(inside.is_dir() for inside in Path(folder).iterdir())
    except OSError:
        return False


class Window(QMainWindow):
    """The one window of the program."""

    def __init__(self, settings: Settings, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.session = Session(settings, self)
        self.column = PhotoColumn(self.session.photos, theme)
        self.view = ExplainView(self.session, theme)
        self.inspector = Inspector(self.view.look)
        self.status = StatusLine(self.session, theme)
        self.arrivals = Arrivals(self)
        self.saving = Saving(self)
        self.printing = Printing(self)
        self.local_api = LocalApi(settings, self)
        self.zoo = Zoo(self.session, self)
        self.wants = {"photos": True, "parameters": True}
        self._asked_names: set[str] = set()
        self._started = self._closed = False
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self.tabs = QTabBar()
        self.offer = Offer()
        self._offered: tuple[str, ...] = ()
        self._stack = QStackedWidget()
        self._pages: dict[str, QWidget] = {EXPLAIN: self.view}
        self._lay_out()
        self._restore()
        self.menus = Menus(self)
        self._connect()

    def _lay_out(self) -> None:
        self._stack.addWidget(self.view)
        for widget in (self.column, self._stack, self.inspector):
            self._splitter.addWidget(widget)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        for tab in TABS:
            self.tabs.addTab(tab.words)
        self.tabs.setAutoHide(True)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addWidget(self.offer)
        layout.addWidget(self._splitter, 1)
        self.setCentralWidget(centre)
        self.statusBar().addWidget(self.status, 1)
        self.statusBar().setSizeGripEnabled(False)
        self.setWindowTitle("PetVision")
        self.setWindowIcon(program())
        self.setMinimumSize(*SMALLEST)
        self.setAcceptDrops(True)

    def _connect(self) -> None:
        session, view = self.session, self.view
        self.tabs.currentChanged.connect(self._tab_chosen)
        self.column.chosen.connect(self._photo_chosen)
        session.current_changed.connect(self._current_changed)
        session.known.connect(self._known)
        session.model_changed.connect(self._model_changed)
        session.listed.connect(self._listed)
        self.offer.taken.connect(self._batch_offered)
        session.told.connect(self.status.say)
        column = self.column
        column.add_command("images", self.tr("Open photos"), self.arrivals.ask_photos)
        column.add_command("folder-open", self.tr("Open folder"), self.arrivals.ask_folder)
        column.add_command("trash-2", self.tr("Clear the list"), column.clear)
        view.empty.open_photos.connect(self.arrivals.ask_photos)
        view.empty.open_folder.connect(self.arrivals.ask_folder)
        view.empty.sample.connect(lambda path: session.open_inputs([path]))
        view.trouble.again.connect(lambda: session.show_photo(session.current))
        view.trouble.remove.connect(self.column.remove_selected)
        view.grid.chosen.connect(self._panel_chosen)
        view.large_changed.connect(self._show_columns)
        view.grid.wanted.connect(self._panel_wanted)
        view.grid.filter_wanted.connect(self._filter_wanted)
        self.inspector.target_chosen.connect(session.explanations.choose_target)
        self.inspector.classes.moved.connect(session.explanations.show_class)
        self.inspector.classes.wanted.connect(session.explanations.want_classes)
        session.explanations.changed.connect(self._panel_changed)
        self.inspector.values_chosen.connect(self._values_chosen)
        session.replay.lent.connect(self.inspector.follow)

    # Beginning and end

    def paintEvent(self, event: QPaintEvent) -> None:
        """The first painting starts the work: torch is imported behind a window that is there."""
        super().paintEvent(event)
        if not self._started:
            self._started = True
            QTimer.singleShot(0, self._start)

    def _start(self) -> None:
        if self._closed:  # as soon as it was open
            return
        self.session.start()
        if (damage := self.session.settings.damage) is not None:
            text = self.tr("The settings could not be used and start anew; they are in {name}.")
            self.status.say(text.format(name=damage.name))
        if self.session.settings.plain:
            self.status.say(
                self.tr("The last start went wrong: this one uses plain settings; yours are kept.")
            )

    def closeEvent(self, event: QCloseEvent) -> None:
        """Go from the screen, save what is remembered, stop the work, end."""
        if not all(p.may_close() for p in self._pages.values() if isinstance(p, Page)):
            event.ignore()
            return
        settings = self.session.settings
        settings.put("window.geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        settings.put("window.splitter", self._splitter.sizes())
        settings.put("window.photos", self.wants["photos"])
        settings.put("window.parameters", self.wants["parameters"])
        settings.put("theme", self.theme.choice)
        self._closed = True
        self.hide()
        settings.save()  # before anything that may take its time
        self.saving.end()
        for page in self._pages.values():
            if isinstance(page, Page):
                page.end()
        self.local_api.end()
        self.zoo.end()
        settings.save()
        self.session.close()
        event.accept()

    def _restore(self) -> None:
        settings = self.session.settings
        self.resize(*SIZE)
        self._splitter.setSizes([LEFT_WIDTH, SIZE[0] - LEFT_WIDTH - RIGHT_WIDTH, RIGHT_WIDTH])
        if geometry := settings.get("window.geometry", ""):
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        sizes = settings.table("window").get("splitter")
        if isinstance(sizes, list) and len(sizes) == 3 and all(type(s) is int for s in sizes):
            self._splitter.setSizes(sizes)
        for name in self.wants:
            self.wants[name] = settings.get(f"window.{name}", True)
        self._show_columns()

    # The tabs

    @property
    def tab(self) -> str:
        """The name of the tab in view."""
        return TABS[max(self.tabs.currentIndex(), 0)].name

    @property
    def page(self) -> Page | None:
        """The page in view, unless that is Explain."""
        page = self._stack.currentWidget()
        return page if isinstance(page, Page) else None

    def show_tab(self, name: str) -> QWidget:
        """Bring a tab into view, building its page the first time, and return the page."""
        self.tabs.setCurrentIndex([tab.name for tab in TABS].index(name))
        return self._pages[name]

    def _tab_chosen(self, index: int) -> None:
        tab = TABS[index]
        if tab.name not in self._pages and tab.make is not None:
            self._pages[tab.name] = page = tab.make(self)
            self._stack.addWidget(page)
        self._stack.setCurrentWidget(self._pages[tab.name])
        self._show_columns()
        self.offer.hide()
        if self.page is not None:
            self.page.arrive()
        self.session.work_changed.emit()  # what can be stopped is another page's

    def stop(self) -> None:
        """Stop the work of the tab in view."""
        if self.page is not None and self.page.working:
            self.page.stop()
        else:
            self.session.stop()

    @property
    def working(self) -> bool:
        """Whether *Stop Work* would stop anything."""
        return self.session.working or (self.page is not None and self.page.working)

    def want_column(self, name: str, wanted: bool) -> None:
        """Show or hide "photos" or "parameters", as far as there is something in it."""
        self.wants[name] = wanted
        self._show_columns()

    def _show_columns(self) -> None:
        """Columns with nothing in them leave the place to the centre."""
        photo = self.session.current
        tab = TABS[max(self.tabs.currentIndex(), 0)]
        some = self.session.photos.rowCount() > 0
        self.column.setVisible(self.wants["photos"] and tab.photos and some)
        readable = photo is not None and photo.error is None
        explaining = tab.name == EXPLAIN
        explaining = explaining and not self.view.painting
        self.inspector.setVisible(self.wants["parameters"] and readable and explaining)

    # What a person does

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Something is dragged over the window."""
        self.arrivals.drag_entered(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """The drag went elsewhere."""
        self.arrivals.overlay.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Something was dropped."""
        self.arrivals.dropped(event)

    def open_arrived(self, arrived: Incoming, label: str) -> None:
        """Hand what was dropped or pasted to the page in view, or open it in Explain."""
        if self.page is not None and self.page.take(arrived):
            return
        self.session.open_incoming(arrived, label)
        if not TABS[self.tabs.currentIndex()].photos:
            self.show_tab(EXPLAIN)

    def come_forward(self, inputs: list[str]) -> None:
        """Another start of the program asked for these inputs."""
        self.session.open_inputs(inputs)
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()

    def _photo_chosen(self, photo: Photo | None) -> None:
        if photo is not self.session.current:
            self.session.show_photo(photo)

    def _panel_chosen(self, name: str) -> None:
        panel = self.session.explanations.panels.get(name)
        if self.inspector.panel is not panel:
            self.inspector.show_panel(panel)

    def _panel_wanted(self, name: str, command: str) -> None:
        self.view.grid.choose(name)
        if command == "run":
            self.session.explanations.run(name)
        elif command == "parameters":
            self.want_column("parameters", True)
            self.inspector.setFocus()
        elif command == "trust":
            self._show_trust(name)
        elif command == "remove":
            self.session.explanations.remove(name)
        elif command == "drag":
            self.saving.drag(self.view.grid.panels[name])
        elif command == "copy":
            self.saving.copy_panel()
        else:
            self.saving.save_panel(command)

    def _panel_changed(self, name: str) -> None:
        """The slider through the classes stands where its panel is."""
        panel = self.session.explanations.panels[name]
        at_rest = name == ALL_CLASSES and panel.status != "working"
        if at_rest and isinstance(panel.explanation, Attribution):
            self.inspector.classes.follow(panel.explanation.target)

    def _filter_wanted(self, layer: str, index: int) -> None:
        page = self.show_tab("neurons")
        cast("NeuronsPage", page).show_filter(layer, index)

    def _show_trust(self, name: str) -> None:
        session = self.session
        trust, panel = session.explanations.trusts.of(name), session.explanations.panels[name]
        if trust is not None and isinstance(panel.explanation, Attribution):
            image = session.display.image if session.display else None
            look = self.view.look
            TrustDialog(trust, panel.explanation, self.theme, look, image, self).open()

    def _values_chosen(self, name: str, values: Mapping[str, Any]) -> None:
        self.session.explanations.choose_values(name, dict(values))
        for key, value in values.items():
            self.session.settings.put(f"parameters.{name}.{key}", value)

    # What the session says

    def _current_changed(self) -> None:
        photo = self.session.current
        self.setWindowTitle(f"{photo.source.label} – PetVision" if photo else "PetVision")
        if photo is not None and self.column.current is not photo:
            self.column.choose(photo)
        if photo is not None:
            self.column.view.setFocus()
        self._known()

    def _known(self) -> None:
        self._show_columns()
        photo = self.session.current
        known = photo is not None and photo.prediction is not None
        label = photo.prediction.best_class if known and photo and photo.prediction else None
        self.inspector.show_predicted(label)

    def _model_changed(self) -> None:
        handle = self.session.handle
        if handle is not None and not self.session.opening:
            self.inspector.offer_classes(handle.card.classes, self.session.layers)
            self._panel_chosen(self.view.grid.selected)
            self._known()
            self._ask_names()

    def ask_names_again(self) -> None:
        """Ask for names that were left out before: a model file is opened anew."""
        self._asked_names.clear()

    def _ask_names(self) -> None:
        """A file of weights only does not say what its classes are called: the person may."""
        handle = self.session.handle
        if (
            handle is None
            or handle.sha256 in self._asked_names
            or not nameless(handle.card.classes)
        ):
            return
        self._asked_names.add(handle.sha256)
        dialog = NamesDialog(handle.card.name, handle.card.classes, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.named.connect(self.session.name_classes)
        dialog.open()

    def _listed(self, count: int, inputs: tuple[str, ...]) -> None:
        if count == 0:
            self.status.say(self.tr("There are no photos in that."))
        folders = tuple(place for place in inputs if Path(place).is_dir())
        if folders and count > MANY:
            text = self.tr("{photos}: as a table they are quicker to look through and to correct.")
            self._offer_batch(folders, text.format(photos=words.photos(count)))
        elif count == 0 and any(map(has_folders, folders)):
            text = self.tr("There are no photos right in that; Batch looks into its folders, too.")
            self._offer_batch(folders, text)

    def _offer_batch(self, folders: tuple[str, ...], sentence: str) -> None:
        self._offered = folders
        self.offer.offer(sentence, self.tr("Open in Batch"))

    def _batch_offered(self) -> None:
        """The folders that were dropped become a run; the list keeps their photos."""
        self.show_tab("batch")
        if self.page is not None:
            self.page.take(Incoming(inputs=self._offered))
