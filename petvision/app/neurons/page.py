"""The Neurons tab: the layer tree and the sliders beside six views of its filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.neurons.controls import Controls
from petvision.app.neurons.filters import FilterDetail, Patterns
from petvision.app.neurons.verdict import Verdict
from petvision.app.neurons.views import FilterGrid, Heatmaps, SubTab, Summary
from petvision.app.neurons.work import NeuronsWork
from petvision.app.tabs import Page
from petvision.app.widgets.labels import quiet
from petvision.app.widgets.progress import ThinBar
from petvision.figures.style import GRID_PX

if TYPE_CHECKING:
    from petvision.app.window import Window
    from petvision.figures.neurons_sheet import Sheet

KINDS = {
    "png": "PNG (*.png)",
    "svg": "SVG (*.svg)",
    "ranking": "CSV (*.csv)",
    "npz": "NPZ (*.npz)",
    "csv": "CSV (*.csv)",
}


class NeuronsPage(Page):
    """What each filter of a layer answers to the photo in view."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._theme = window.theme
        self.work = NeuronsWork(window.session, self)
        self.controls = Controls()
        self.tabs = QTabWidget()
        self.views: dict[str, SubTab] = {
            "summary": Summary(self.work, window.theme),
            "heatmaps": Heatmaps(self.work, window.theme),
            "grid": FilterGrid(self.work, window.theme),
            "detail": FilterDetail(self.work, window.theme),
            "patterns": Patterns(self.work, window.theme),
            "prediction": Verdict(self.work, window.theme),
        }
        self._bar = ThinBar(window.theme)
        self._line = quiet(wrap=False)
        self._empty = QLabel()
        self._stack = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_state()

    def _lay_out(self) -> None:
        names = (
            self.tr("Summary"),
            self.tr("Heatmaps"),
            self.tr("Filter grid"),
            self.tr("Detail"),
            self.tr("Patterns"),
            self.tr("Prediction"),
        )
        for view, name in zip(self.views.values(), names, strict=True):
            self.tabs.addTab(view, name)
        self.tabs.setDocumentMode(True)
        self._save = QToolButton()
        self._theme.set_icon(self._save, "ellipsis-vertical")
        self._save.setToolTip(self.tr("Save what is shown, or the numbers"))
        self._save.setAccessibleName(self.tr("Save"))
        self._save.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for kind, text in (
            ("png", self.tr("Save this view as PNG…")),
            ("svg", self.tr("Save this view as SVG…")),
            ("ranking", self.tr("Save the ranking (CSV)…")),
            ("npz", self.tr("Save the activations (NPZ)…")),
            ("csv", self.tr("Save the activations (CSV)…")),
        ):
            menu.addAction(text, partial(self.ask_save, kind))
        self._save.setMenu(menu)
        self.tabs.setCornerWidget(self._save)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setProperty("quiet", True)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.tabs)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(GRID_PX, GRID_PX, GRID_PX, 0)
        column.setSpacing(0)
        column.addWidget(self._stack, 1)
        column.addWidget(self._line)
        column.addWidget(self._bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(centre, 1)
        layout.addWidget(self.controls)

    def _connect(self) -> None:
        work, controls = self.work, self.controls
        work.changed.connect(self._changed)
        controls.layer.connect(work.choose_layer)
        controls.choice.connect(work.choose)
        controls.look.connect(lambda name, value: work.show_as(**{name: value}))
        controls.model.connect(self._window.session.use_model)
        self.tabs.currentChanged.connect(self._turned)
        for view in self.views.values():
            view.chosen.connect(work.select)
            view.opened.connect(self.open_filter)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.close_filter)
        self._before = 0

    # What the window asks

    def arrive(self) -> None:
        """Look at what is in view."""
        self.work.active = True
        self._offer_models()
        self.work.refresh()
        self._show_state()

    @property
    def working(self) -> bool:
        """Whether a job runs."""
        return self.work.working

    def stop(self) -> None:
        """Stop the jobs."""
        self.work.stop()

    def end(self) -> None:
        """The window closes."""
        self.work.active = False
        self.work.stop()

    def show_filter(self, layer: str, index: int) -> None:
        """Look into a layer and choose one of its filters (a map clicked elsewhere)."""
        self.work.active = True
        self.work.choose_layer(layer)
        self.work.select(index)
        self.open_filter(index)

    def open_filter(self, index: int) -> None:
        """A filter fills the centre: its Detail, until Escape."""
        self.work.select(index)
        if self.tabs.currentWidget() is not self.views["detail"]:
            self._before = self.tabs.currentIndex()
        self.tabs.setCurrentWidget(self.views["detail"])

    def close_filter(self) -> None:
        """Back to the view before."""
        if self.tabs.currentWidget() is self.views["detail"]:
            self.tabs.setCurrentIndex(self._before)

    # What the work says

    @Slot(str)
    def _changed(self, news: str) -> None:
        if news == "layers":
            self.controls.offer_layers(self.work.layers)
            self._offer_models()
        if news in ("layers", "sight"):
            self.controls.show_layer(self.work.state.layer)
        for view in self.views.values():
            if news == "selected":
                if view.isVisible():
                    view.select(self.work.state.selected)
                else:
                    view.stale = True
            elif news in view.news:
                view.stale = True
        self._turned()
        self._show_state()

    def _turned(self) -> None:
        """Draw the view in front, if it has news; the others wait until they are looked at."""
        view = self.tabs.currentWidget()
        if isinstance(view, SubTab) and view.stale and self.work.active:
            view.stale = False
            view.refresh()

    def _show_state(self) -> None:
        session, work = self._window.session, self.work
        progress = work.progress
        share = None
        if progress is not None:
            share = progress.done / progress.total if progress.total else 0.0
        self._bar.show_share(share)
        error = work.state.error
        self._line.setText("" if error is None else words.error_sentence(error))
        self._line.setVisible(error is not None)
        self._save.setEnabled(work.maps is not None)
        if session.current is None:
            self._empty.setText(self.tr("Open a photo to see what each filter answers to it."))
        elif session.current.error is not None:
            self._empty.setText(words.error_sentence(session.current.error))
        elif work.maps is None:
            self._empty.setText(self.tr("One moment…"))
        self._stack.setCurrentIndex(0 if work.maps is None else 1)

    def _offer_models(self) -> None:
        handle, model = self._window.session.handle, self._window.zoo.in_use
        self._window.session.in_background(
            _model_names,
            lambda names: self.controls.offer_models(names, model if handle else ""),
            lambda error: self._window.status.say(words.error_sentence(error)),
        )

    # Saving

    def ask_save(self, kind: str) -> None:
        """Ask for a file and write what is shown, the ranking or the activations."""
        maps = self.work.maps
        if maps is None:
            return
        view = next(n for n, v in self.views.items() if v is self.tabs.currentWidget())
        ending = {"ranking": "csv"}.get(kind, kind)
        what = view if kind in ("png", "svg") else {"ranking": "ranking"}.get(kind, "activations")
        folder = self._window.session.settings.get("save_folder", str(Path.home()))
        start = Path(folder) / f"{maps.layer.name}-{what}.{ending}"
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save"), str(start), KINDS[kind])
        if chosen:
            path = Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.{ending}")
            self._window.session.settings.put("save_folder", str(path.parent))
            self.write(kind, path)

    def write(self, kind: str, path: Path) -> None:
        """Write what is shown to ``path`` in the pool."""
        make = self._content(kind)
        if make is not None:
            self.work.in_pool(partial(_write, path, make), self._saved)

    def _content(self, kind: str) -> Callable[[], bytes] | None:
        maps, sight, state = self.work.maps, self.work.state.sight, self.work.state
        if maps is None or sight is None:
            return None
        from petvision.reports import neurons as report

        if kind == "npz":
            return partial(report.activations_npz, maps)
        if kind == "csv":
            return lambda: report.activations_csv(maps).encode()
        if kind == "ranking":
            return lambda: report.ranking_csv(maps, state.ranking).encode()
        view = self.tabs.currentWidget()
        sheet = view.sheet() if isinstance(view, SubTab) else None
        kind_: Literal["png", "svg"] = "svg" if kind == "svg" else "png"
        return None if sheet is None else partial(_drawn, sheet, kind_)

    def _saved(self, path: Path) -> None:
        shown = str(path).encode(errors="replace").decode()
        self._window.status.say(self.tr("Saved {path}").format(path=shown))


# For the pool


def _model_names() -> tuple[str, ...]:
    from petvision.models.zoo import models

    return tuple(entry.name for entry in models() if entry.path is not None and not entry.fault)


def _drawn(sheet: Sheet, kind: Literal["png", "svg"]) -> bytes:
    from petvision.figures.neurons_sheet import sheet_bytes

    return sheet_bytes(sheet, kind)


def _write(path: Path, make: Callable[[], bytes]) -> Path:
    from petvision.models.files import write_atomically

    write_atomically(path, make())
    return path
