"""The menus: every action, its key, and when it can be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu

from petvision.app import dialogs, words
from petvision.app.crash import diagnostics
from petvision.app.exporting import ExportDialog
from petvision.app.help import Guide, about
from petvision.app.local_api import LocalApiDialog
from petvision.app.preferences import Preferences
from petvision.app.session import DEFAULT_MODEL
from petvision.app.tabs import TABS
from petvision.app.theme import CHOICES, Choice
from petvision.app.zoo import ZooDialog
from petvision.images.samples import samples

if TYPE_CHECKING:
    from petvision.app.window import Window

Key = QKeySequence | QKeySequence.StandardKey | str
STANDARD = QKeySequence.StandardKey


class Menus(QObject):
    """Builds the window's menu bar and keeps what is enabled in step with the session."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._when: list[tuple[QAction, Callable[[], bool]]] = []
        self._file()
        self._edit()
        self._view()
        self._model()
        self._tools()
        self._help()
        for signal in (
            window.session.work_changed,
            window.session.known,
            window.session.current_changed,
            window.session.model_changed,
            window.view.large_changed,
            window.view.grid.chosen,
            window.view.brush.easel.edited,
        ):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def actions(self) -> list[QAction]:
        """All actions of all menus, in order."""
        return [
            action
            for top in self._window.menuBar().actions()
            for action in _leaves(top.menu())
            if isinstance(top.menu(), QMenu)
        ]

    def refresh(self) -> None:
        """Enable what can be used now."""
        for action, usable in self._when:
            action.setEnabled(usable())

    def _add(
        self,
        menu: QMenu,
        text: str,
        act: Callable[[], object],
        key: Key | None = None,
        when: Callable[[], bool] | None = None,
    ) -> QAction:
        action = QAction(text, self._window)
        action.triggered.connect(lambda: act())
        if key is not None:
            action.setShortcut(key)
        if when is not None:
            self._when.append((action, when))
        menu.addAction(action)
        return action

    def _file(self) -> None:
        window, session = self._window, self._window.session
        menu = window.menuBar().addMenu(self.tr("&File"))
        self._add(menu, self.tr("&Open Photos…"), window.arrivals.ask_photos, STANDARD.Open)
        self._add(menu, self.tr("Open &Folder…"), window.arrivals.ask_folder, "Ctrl+Shift+O")
        self._add(menu, self.tr("Open &Address…"), window.arrivals.ask_address, "Ctrl+L")
        self._recent = menu.addMenu(self.tr("Open &Recent"))
        self._recent.aboutToShow.connect(self._fill_recent)
        open_inputs = session.open_inputs
        below = menu.addMenu(self.tr("Sa&mple Photos"))
        for sample in samples():
            place = sample.location
            self._add(below, words.sample_name(sample), partial(open_inputs, [place]))
        menu.addSeparator()
        saving = window.saving
        saveable = lambda: saving.panel is not None  # noqa: E731 - a condition, used three times
        for text, kind, key in (
            (self.tr("Save Panel as &PNG…"), "png", STANDARD.Save),
            (self.tr("Save Panel as S&VG…"), "svg", None),
            (self.tr("Save Panel’s &Numbers (NPY)…"), "npy", None),
        ):
            self._add(menu, text, partial(saving.save_panel, kind), key, saveable)
        self._add(
            menu,
            self.tr("Export &Evidence Pack…"),
            saving.save_all,
            "Ctrl+Shift+S",
            lambda: saving.explained is not None,
        )
        self._add(
            menu,
            self.tr("&Print…"),
            window.printing.ask,
            STANDARD.Print,
            lambda: saving.explained is not None,
        )
        menu.addSeparator()
        self._add(menu, self.tr("&Quit"), window.close, STANDARD.Quit)

    def _fill_recent(self) -> None:
        window = self._window
        self._recent.clear()
        for location in window.session.settings.recent:
            shown = location.encode(errors="replace").decode()
            action = self._recent.addAction(shown.replace("&", "&&"))
            action.triggered.connect(
                lambda _=False, location=location: window.session.open_inputs([location])
            )
        self._recent.addSeparator()
        clear = self._recent.addAction(self.tr("Clear the List"))
        clear.triggered.connect(window.session.settings.forget_recent)
        clear.setEnabled(bool(window.session.settings.recent))

    def _edit(self) -> None:
        window, session = self._window, self._window.session
        menu = window.menuBar().addMenu(self.tr("&Edit"))
        some = lambda: session.photos.rowCount() > 0  # noqa: E731 - a condition, used three times
        easel = window.view.brush.easel
        for text, step, key, able in (
            (self.tr("&Undo"), easel.undo, STANDARD.Undo, lambda: easel.history.can_undo),
            (self.tr("&Redo"), easel.redo, "Ctrl+Shift+Z", lambda: easel.history.can_redo),
        ):
            self._add(
                menu,
                text,
                step,
                key,
                lambda able=able: window.view.painting and able(),  # type: ignore[misc]
            )
        menu.addSeparator()
        self._add(menu, self.tr("&Paste"), window.arrivals.paste, STANDARD.Paste)
        self._add(
            menu,
            self.tr("&Copy Panel"),
            window.saving.copy_panel,
            STANDARD.Copy,
            lambda: window.saving.panel is not None,
        )
        menu.addSeparator()
        self._add(menu, self.tr("Next Photo"), lambda: window.column.step(1), "Ctrl+Down", some)
        self._add(menu, self.tr("Previous Photo"), lambda: window.column.step(-1), "Ctrl+Up", some)
        self._add(menu, self.tr("&Remove from List"), window.column.remove_selected, "Del", some)
        self._add(menu, self.tr("C&lear List"), window.column.clear, "Ctrl+Shift+Del", some)
        menu.addSeparator()
        self._add(menu, self.tr("&Stop Work"), window.stop, "Ctrl+.", lambda: window.working)
        menu.addSeparator()
        self._add(
            menu,
            self.tr("Pr&eferences…"),
            lambda: Preferences(session, window.theme, window).open(),
            STANDARD.Preferences,
        )

    def _view(self) -> None:
        window, session = self._window, self._window.session
        menu = window.menuBar().addMenu(self.tr("&View"))
        if len(TABS) > 1:
            for number, tab in enumerate(TABS, 1):
                self._add(menu, tab.words, partial(window.show_tab, tab.name), f"Alt+{number}")
            menu.addSeparator()
        for text, name, key in (
            (self.tr("&Photos"), "photos", "Ctrl+1"),
            (self.tr("Para&meters"), "parameters", "Ctrl+2"),
        ):
            action = self._add(menu, text, lambda: None, key)
            action.setCheckable(True)
            action.setChecked(window.wants[name])
            action.toggled.connect(partial(window.want_column, name))
        menu.addSeparator()
        grid, view = window.view.grid, window.view
        self._add(
            menu,
            self.tr("Evidence &Brush"),
            lambda: view.stop_painting() if view.painting else view.paint(),
            "Ctrl+B",
            lambda: bool(session.current and session.current.prediction),
        )
        self._add(
            menu,
            self.tr("Show Panel &Large"),
            lambda: grid.show_alone(grid.selected),
            "Ctrl+Return",
            lambda: bool(grid.selected and not grid.alone),
        )
        self._add(
            menu,
            self.tr("&Back to All Panels"),
            window.view.back,
            "Esc",
            lambda: bool(grid.alone or window.view.painting),
        )
        link = grid.link
        menu.addSeparator()
        explained = lambda: session.current is not None  # noqa: E731 - used three times
        for text, act, key in (
            (self.tr("Zoom &In"), lambda: link.zoom_to(link.zoom * 1.5, link.spot), "Ctrl++"),
            (self.tr("Zoom &Out"), lambda: link.zoom_to(link.zoom / 1.5, link.spot), "Ctrl+-"),
            (self.tr("&Whole Photo"), link.reset, "Ctrl+0"),
        ):
            self._add(menu, text, act, key, explained)
        menu.addSeparator()
        self._add(menu, self.tr("&Full Screen"), self._toggle_full_screen, "F11")
        menu.addSeparator()
        self._themes(menu.addMenu(self.tr("&Theme")))

    def _themes(self, menu: QMenu) -> None:
        names: dict[Choice, str] = {
            "system": self.tr("As the &System"),
            "light": self.tr("&Light"),
            "dark": self.tr("&Dark"),
        }
        group = QActionGroup(self)
        for choice in CHOICES:
            action = self._add(menu, names[choice], partial(self._window.theme.choose, choice))
            action.setCheckable(True)
            action.setChecked(self._window.theme.choice == choice)
            group.addAction(action)

    def _model(self) -> None:
        window, session = self._window, self._window.session
        menu = window.menuBar().addMenu(self.tr("&Model"))
        self._add(menu, self.tr("Mode&ls…"), self._show_zoo, "Ctrl+Shift+M")
        self._add(menu, self.tr("&Open Model File…"), self._ask_model)
        self._add(
            menu,
            self.tr("Use the &Bundled Model"),
            lambda: session.use_model(""),
            when=lambda: bool(session.settings.get("model", "")),
        )
        self._add(
            menu,
            self.tr("&Measure on Labelled Photos…"),
            self._evaluate,
            when=lambda: session.handle is not None,
        )
        menu.addSeparator()
        self._add(
            menu, self.tr("&Export…"), self._show_export, when=lambda: session.handle is not None
        )
        self._add(
            menu,
            self.tr("Model &Card"),
            self._show_card,
            "Ctrl+I",
            lambda: session.handle is not None,
        )

    def _ask_model(self) -> None:
        window = self._window
        kinds = self.tr("Model files ({suffixes})").format(suffixes="*.safetensors *.pth *.pt")
        folder = window.session.settings.get("folder", "")
        path, _ = QFileDialog.getOpenFileName(window, self.tr("Open model"), folder, kinds)
        if path:
            window.ask_names_again()
            window.session.use_model(path)

    def _show_zoo(self) -> None:
        window = self._window
        ZooDialog(window.zoo, window.theme, self._ask_model, window).open()

    def _evaluate(self) -> None:
        from petvision.app.train.page import TrainPage

        page = self._window.show_tab("train")
        assert isinstance(page, TrainPage)  # the tab of that name
        page.ask_evaluation()

    def _show_card(self) -> None:
        from petvision.models.cards import markdown  # the lane has imported it

        handle = self._window.session.handle
        if handle is not None:
            dialogs.model_card(markdown(handle.card), handle.card.name, self._window).open()

    def _tools(self) -> None:
        menu = self._window.menuBar().addMenu(self.tr("&Tools"))
        self._add(menu, self.tr("Local &API…"), self._show_local_api)

    def _show_export(self) -> None:
        window = self._window
        settings, handle = window.session.settings, window.session.handle
        if handle is not None:
            model = settings.get("model", "") or DEFAULT_MODEL
            ExportDialog(model, handle.card.name, settings.get("folder", ""), window).open()

    def _show_local_api(self) -> None:
        window = self._window
        model = window.session.settings.get("model", "") or DEFAULT_MODEL
        LocalApiDialog(window.local_api, model, window).open()

    def _show_shortcuts(self) -> None:
        dialogs.shortcuts(self.actions, self._window).open()

    def _toggle_full_screen(self) -> None:
        self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _help(self) -> None:
        window = self._window
        menu = window.menuBar().addMenu(self.tr("&Help"))
        self._add(menu, self.tr("&Guide"), lambda: Guide(window.session, window).show(), "F1")
        self._add(menu, self.tr("&Keyboard Shortcuts"), self._show_shortcuts, "Shift+F1")
        self._add(
            menu,
            self.tr("Copy &Diagnostics"),
            lambda: QGuiApplication.clipboard().setText(diagnostics()),
        )
        menu.addSeparator()
        self._add(menu, self.tr("&About PetVision"), lambda: about(window).open())


def _leaves(menu: object) -> list[QAction]:
    if not isinstance(menu, QMenu):
        return []
    found: list[QAction] = []
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            found += _leaves(below)
        elif not action.isSeparator():
            found.append(action)
    return found
