"""The Train tab: photos and recipe, the run, the report; every long work is a child process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QMessageBox, QStackedWidget, QVBoxLayout

from petvision.app.children import Child, leave_behind
from petvision.app.incoming import Incoming
from petvision.app.naming import known_names
from petvision.app.tabs import EXPLAIN, Page
from petvision.app.train import plan
from petvision.app.train.corrections import changes
from petvision.app.train.plan import Plan
from petvision.app.train.progress import RunView
from petvision.app.train.report import ReportView
from petvision.app.train.runs import EVALUATION, MODEL, Run, RunsDialog
from petvision.app.train.setup import SetupView
from petvision.app.words import error_sentence
from petvision.errors import PetVisionError
from petvision.reports.history import history_of

if TYPE_CHECKING:
    from petvision.app.window import Window

CHANGES = "changes"


class TrainPage(Page):
    """Holds the three views and the one child at work."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window = window
        self._session = window.session
        self.setup = SetupView(window.session, window.theme)
        self.running = RunView(window.theme)
        self.report = ReportView(window.session, window.theme)
        self._stack = QStackedWidget()
        for view in (self.setup, self.running, self.report):
            self._stack.addWidget(view)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._schema: Child | None = None
        self._child: Child | None = None
        self._checking: Child | None = None
        self._adding: Child | None = None
        self._comparing: Child | None = None
        self._plan: Plan | None = None
        self._model: Path | None = None
        self._finished: dict[str, Any] | None = None
        self._asked_to_stop = False
        self._connect()

    def _connect(self) -> None:
        self.setup.ask_photos.connect(self.ask_folder)
        self.setup.ask_file.connect(self.ask_file)
        self.setup.ask_evaluation.connect(self.ask_evaluation)
        self.setup.ask_runs.connect(self.ask_runs)
        self.setup.check.connect(self._check)
        self.setup.start.connect(self._start)
        self.running.stop.connect(self.stop)
        self.running.resume.connect(self._resume)
        self.running.finish.connect(self._finish)
        self.running.back.connect(self._back)
        self.report.back.connect(self._back)
        self.report.use.connect(self._use)
        self.report.photo.connect(self._open_photo)

    # What the window asks

    def arrive(self) -> None:
        """Ask the program for its keys, once."""
        if self._schema is None:
            self._schema = Child(self, whole=True)
            self._schema.told.connect(self.setup.know)
            self._schema.start(["train", "--schema"], background=True)

    def take(self, arrived: Incoming) -> bool:
        """A dropped folder or CSV file becomes the photos to learn from."""
        if self._stack.currentWidget() is not self.setup or len(arrived.inputs) != 1:
            return False
        place = Path(arrived.inputs[0])
        if not (place.is_dir() or place.suffix.lower() == ".csv"):
            return False
        self.setup.take(place)
        return True

    @property
    def working(self) -> bool:
        """Whether a training or an evaluation runs."""
        return self._child is not None

    def stop(self) -> None:
        """Stop the run; what it learned stays."""
        if self._child is not None:
            self._asked_to_stop = True
            self.running.stopping()
            self._child.stop()

    def may_close(self) -> bool:
        """Ask what becomes of a training when the window closes."""
        if self._child is None or self._plan is None:
            return True
        box = QMessageBox(self)
        box.setWindowTitle(self.tr("Training goes on"))
        box.setText(self.tr("{name} is still training.").format(name=self._plan.name))
        box.setInformativeText(
            self.tr(
                "Without the window it can go on in the background, or stop and go on later. "
                "“Earlier runs…” finds it again."
            )
        )
        on = box.addButton(self.tr("Let it go on"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Stop it"), QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is stay:
            return False
        if box.clickedButton() is on:
            self._child.end()  # whole checkpoints are what it goes on with
            leave_behind(self._plan.words("--resume"))
        return True

    def end(self) -> None:
        """End every child."""
        for child in (self._schema, self._checking, self._adding, self._comparing, self._child):
            if child is not None:
                child.blockSignals(True)  # nobody is there to be told
                child.end()
        self._child = self._checking = None

    # The photos

    def ask_folder(self) -> None:
        """Let a person choose the folder."""
        start = self._session.settings.get("folder", "")
        path = QFileDialog.getExistingDirectory(self, self.tr("Photos to learn from"), start)
        if path:
            self.setup.take(Path(path))

    def ask_file(self) -> None:
        """Let a person choose a CSV file."""
        start = self._session.settings.get("folder", "")
        title, kinds = self.tr("Photos to learn from"), self.tr("Tables (*.csv)")
        path, _ = QFileDialog.getOpenFileName(self, title, start, kinds)
        if path:
            self.setup.take(Path(path))

    def _check(self) -> None:
        if self._checking is not None:
            self._checking.blockSignals(True)  # its answer is of no use any more
            self._checking.stop()
        chosen = self.setup.plan
        if chosen is None:
            return
        self.setup.found.working(0, 0, "")
        self._checking = checking = Child(self)
        answer: list[Mapping[str, Any]] = []

        def heard(event: Mapping[str, Any]) -> None:
            if event.get("event") == "progress":
                done, total = int(event["done"]), int(event["total"])
                counted = f"{done:,} / {total:,}" if total else f"{done:,}"
                self.setup.found.working(done, total, counted)
            elif "counts" in event:
                answer.append(event)

        def ended(code: int) -> None:
            if self._checking is checking:
                self._checking = None
            if answer:
                self.setup.passed(answer[-1])
            else:
                self.setup.refused(checking.complaint or self._silent(code))

        checking.told.connect(heard)
        checking.ended.connect(ended)
        checking.start(chosen.words("--check"), background=True)

    # The run

    def _start(self) -> None:
        chosen = self.setup.plan
        if chosen is not None and self._child is None:
            self._plan = chosen
            self._begin(chosen)

    def _resume(self) -> None:
        if self._plan is not None and self._child is None:
            self._begin(self._plan, "--resume")

    def _finish(self) -> None:
        """Train no further: make the model of the best epoch so far."""
        if self._plan is not None and self._child is None:
            self._begin(self._plan, "--resume", "--finish")

    def _begin(self, chosen: Plan, *more: str) -> None:
        self._asked_to_stop = False
        self._finished = None
        self._model = None
        self.running.know_classes(chosen.photos.classes)
        self.running.begin(chosen.name, history_of(chosen.out) if more else [])
        self._stack.setCurrentWidget(self.running)
        self._child = child = Child(self, orders=True)
        child.told.connect(self._heard)
        child.ended.connect(self._ended)
        child.start(chosen.words(*more, "--orders"), background=True)
        self._session.work_changed.emit()

    def _heard(self, event: Mapping[str, Any]) -> None:
        if event.get("event") == "finished":
            self._finished = dict(event)
        elif event.get("event") == "begun" and event.get("classes"):
            self.running.know_classes(tuple(event["classes"]))
        self.running.heard(event)

    def _ended(self, code: int) -> None:
        words = self._child.complaint if self._child is not None else ""
        self._child = None
        self._session.work_changed.emit()
        if code == 0 and self._finished is not None and self._plan is not None:
            self._model = Path(str(self._finished.get("model") or self._plan.out / MODEL))
            if not self._model.is_absolute():
                self._model = self._plan.out / self._model
            self._show_report(self._plan.out / EVALUATION, usable=True)
            if self._plan.photos.batch is not None:
                self._compare(self._plan, self._model)
        else:
            self.running.ended(words or self._silent(code), stopped=self._asked_to_stop)

    def _compare(self, chosen: Plan, model: Path) -> None:
        """Ask the new model about the corrected photos: which verdicts are others now?"""
        out = chosen.out / CHANGES
        self._comparing = child = Child(self)
        child.ended.connect(lambda _: self._compared(chosen, out))
        words = ["evaluate", str(model), "--data", chosen.photos.spec]
        words += ["--out", str(out), "--quiet"]
        child.start(words, background=True)

    def _compared(self, chosen: Plan, out: Path) -> None:
        if chosen.photos.batch is not None and (out / "predictions.csv").exists():
            self._session.in_background(
                partial(changes, chosen.photos.batch, out),
                self.report.show_changes,
                lambda error: self._window.status.say(error_sentence(error)),
            )

    def _back(self) -> None:
        self._stack.setCurrentWidget(self.setup)
        if self.setup.photos is not None:
            self.setup.name.setText(plan.unused(plan.fit_name(self.setup.name.text())))

    # Earlier runs

    def ask_runs(self) -> None:
        """Show the list of the runs that there were."""
        dialog = RunsDialog(self._session, plan.home(), self)
        dialog.asked.connect(self.show_run)
        dialog.open()

    def show_run(self, run: Run) -> None:
        """Show an earlier run as it stands: its report, or how far it came, to go on with it."""
        if self._child is not None:
            return
        self._plan, self._model, self._finished = run.plan, run.model, None
        if run.report is not None and run.model is not None and not run.at_work:
            self._show_report(run.report, usable=True)
            return
        self.running.know_classes(run.plan.photos.classes)
        self.running.begin(run.plan.name, run.history)
        if run.at_work:
            self.running.elsewhere()
        else:
            self.running.ended("", stopped=True)
        self._stack.setCurrentWidget(self.running)

    # Evaluation

    def ask_evaluation(self) -> None:
        """Let a person choose labelled photos to measure the open model on."""
        start = self._session.settings.get("folder", "")
        title = self.tr("Photos in one folder a class")
        path = QFileDialog.getExistingDirectory(self, title, start)
        if path:
            self.evaluate(Path(path))

    def evaluate(self, place: Path) -> None:
        """Measure the open model on a folder of labelled photos and show the report."""
        handle = self._session.handle
        if handle is None or self._child is not None:
            return
        try:
            photos = plan.recognise(place, least=1)
        except PetVisionError as error:
            self._window.status.say(error_sentence(error))
            return
        model = self._session.settings.get("model", "") or handle.card.name
        name = f"{handle.card.name}-on-{plan.fit_name(place.name) or 'photos'}"
        out = plan.out_for(plan.unused(name))
        self._plan, self._finished, self._asked_to_stop = None, None, False
        self.running.begin(handle.card.name, [])
        self.running.measuring(handle.card.name)
        self._stack.setCurrentWidget(self.running)
        words = [
            "evaluate",
            model,
            "--data",
            photos.spec,
            "--out",
            str(out),
            "--progress",
            "--json",
        ]
        if names := known_names(self._session.settings, model):
            words += ["--classes", ",".join(names)]
        self._child = child = Child(self)
        child.told.connect(self.running.heard)
        child.ended.connect(lambda code: self._measured(out, code))
        child.start(words, background=True)
        self._session.work_changed.emit()

    def _measured(self, out: Path, code: int) -> None:
        words = self._child.complaint if self._child is not None else ""
        self._child = None
        self._session.work_changed.emit()
        if (out / "predictions.csv").exists() and code in (0, 1):
            self._show_report(out, usable=False)
        else:
            self.running.ended(words or self._silent(code), stopped=self._asked_to_stop)

    def _show_report(self, folder: Path, *, usable: bool) -> None:
        self.report.show_folder(folder, usable=usable)
        self._stack.setCurrentWidget(self.report)

    # The model

    def _use(self) -> None:
        """Put the model into the zoo, and open it."""
        if self._model is None:
            return
        model = str(self._model)
        self._adding = child = Child(self)
        child.ended.connect(lambda code: self._added(code, child.complaint, model))
        self.report.use_button.setEnabled(False)
        child.start(["models", "add", model, "--json"])

    def _added(self, code: int, words: str, model: str) -> None:
        self.report.use_button.setEnabled(True)
        name = self._plan.name if self._plan is not None else model
        if code == 0:
            self._window.status.say(self.tr("{name} is among the models").format(name=name))
        else:  # it is not in the zoo then, and why; it can be used all the same
            self._window.status.say(words)
        self._session.use_model(name if code == 0 else model)
        self._window.show_tab(EXPLAIN)

    def _open_photo(self, path: str) -> None:
        self._session.open_inputs([path])
        self._window.show_tab(EXPLAIN)

    def _silent(self, code: int) -> str:
        return self.tr("It ended without a word (exit code {code}).").format(code=code)
