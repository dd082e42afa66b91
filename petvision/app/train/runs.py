"""The runs that were begun here: how far each came, and a list to choose one from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from PySide6.QtCore import QDateTime, QLocale, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QPushButton, QTreeWidget, QTreeWidgetItem, QWidget

from petvision.app import words
from petvision.app.dialogs import Page
from petvision.app.session import Session
from petvision.app.train.plan import Photos, Plan, Recipe
from petvision.app.widgets.labels import quiet
from petvision.evaluate.results import Moment
from petvision.lock import is_running
from petvision.reports.history import history_of

CONFIG = "config.yaml"
EVALUATION = "evaluation"
MODEL = "model.safetensors"
SIZE = (760, 460)


@dataclass(frozen=True, slots=True)
class Run:
    """A run in its folder: ``plan`` goes on with it; ``epochs`` are those it is to have.

    ``when`` something last happened to it, in seconds since 1970.
    """

    plan: Plan
    epochs: int
    history: list[Moment]
    at_work: bool
    when: float

    @property
    def model(self) -> Path | None:
        """The finished model, where it came so far."""
        path = self.plan.out / MODEL
        return path if path.is_file() else None

    @property
    def report(self) -> Path | None:
        """The folder of its evaluation, where there is one."""
        path = self.plan.out / EVALUATION
        return path if (path / "predictions.csv").is_file() else None


def earlier(home: Path) -> list[Run]:
    """The runs below a folder, the latest first; what is no whole run is left out."""
    found = [_run(config.parent) for config in home.glob(f"*/{CONFIG}")]
    return sorted((run for run in found if run), key=lambda run: run.when, reverse=True)


def _run(folder: Path) -> Run | None:
    try:
        tree = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
        data, epochs = tree["data"], int(tree["training"]["epochs"])
        photos = Photos(str(data["source"]), Path(data["root"]), tuple(data["classes"]))
        name = str(tree["model"]["name"])
        when = max(file.stat().st_mtime for file in folder.iterdir())
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return None
    plan = Plan(photos, Recipe(folder / CONFIG, folder.name, "", tree), name, folder)
    return Run(plan, epochs, history_of(folder), is_running(folder), when)


class RunsDialog(Page):
    """The list of runs; ``asked`` carries the one that a person wants to see."""

    asked = Signal(object)

    def __init__(self, session: Session, home: Path, parent: QWidget) -> None:
        super().__init__(parent.tr("Earlier runs"), parent)
        self._session = session
        self._runs: list[Run] = []
        self._told = quiet()
        self.list = QTreeWidget()
        self.show_button = QPushButton(self.tr("Show"))
        self._lay_out()
        self.resize(*SIZE)
        self._reading = session.in_background(
            partial(earlier, home),
            self.show_runs,
            lambda error: self._told.setText(words.error_sentence(error)),
        )

    def _lay_out(self) -> None:
        self._told.setText(self.tr("Looking for them…"))
        self.list.setHeaderLabels([self.tr("Name"), self.tr("How far it came"), self.tr("When")])
        self.list.setRootIsDecorated(False)
        self.list.setAccessibleName(self.tr("Earlier runs"))
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemActivated.connect(self._ask)
        self.list.currentItemChanged.connect(self._chosen)
        self.show_button.setProperty("primary", True)
        self.show_button.setEnabled(False)
        self.show_button.clicked.connect(self._ask)
        self.body.addWidget(self._told)
        self.body.addWidget(self.list)
        self.body.addWidget(self.show_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_runs(self, runs: list[Run]) -> None:
        """Show these, the first of them chosen."""
        self._runs = runs
        self._told.setText(
            self.tr("What each has learned, its report and its model; one that stopped can go on.")
            if runs
            else self.tr("No run was begun here yet.")
        )
        with QSignalBlocker(self.list):
            for run in runs:
                moment = QDateTime.fromSecsSinceEpoch(round(run.when))
                when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
                self.list.addTopLevelItem(QTreeWidgetItem([run.plan.name, self._state(run), when]))
        if (first := self.list.topLevelItem(0)) is not None:
            self.list.setCurrentItem(first)

    def done(self, result: int) -> None:
        """The dialog closes; nothing more is wanted of the folder."""
        self._session.forget(self._reading)
        super().done(result)

    def _state(self, run: Run) -> str:
        came = int(run.history[-1].epoch) if run.history else 0
        if run.at_work:
            state = self.tr("at work, epoch {epoch} of {epochs}")
        elif run.model is not None:
            state = self.tr("finished")
        elif run.history:
            state = self.tr("stopped after epoch {epoch} of {epochs}")
        else:
            state = self.tr("stopped at the beginning")
        return state.format(epoch=came, epochs=run.epochs)

    def _chosen(self) -> None:
        self.show_button.setEnabled(self.list.currentItem() is not None)

    def _ask(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            run = self._runs[self.list.indexOfTopLevelItem(item)]
            self.accept()
            self.asked.emit(run)
