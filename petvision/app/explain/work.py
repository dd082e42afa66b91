"""The explanations of the photo in view: which are asked for, running, done."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from PySide6.QtCore import QObject, Signal

from petvision.app import tasks
from petvision.app.explain.trust import Trusts
from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.app.settings import Settings
from petvision.errors import InputError, PetVisionError
from petvision.events import Partial, Progress, Result
from petvision.explain.results import Attribution, ClassMaps, Explanation
from petvision.images.types import Prepared
from petvision.models.results import Prediction

if TYPE_CHECKING:
    from petvision.explain.base import Method
    from petvision.explain.cams import Cam
    from petvision.models.engines.base import Trunk
    from petvision.models.handle import ModelHandle

IN_FRONT = 10
PANEL = 20
KEPT = 60
ALL_CLASSES = "gradcam"
"""The method whose panel the slider through the classes drives."""

Status = Literal["idle", "working", "done", "failed", "stopped"]


@dataclass(slots=True, eq=False)
class PanelState:
    """One panel: its method, its parameters and how far it is; lives in the window's thread."""

    method: Method[Any]
    values: dict[str, Any] = field(default_factory=dict)
    status: Status = "idle"
    explanation: Explanation | None = None
    progress: Progress | None = None
    error: PetVisionError | None = None
    ticket: int = 0
    started: float = 0.0

    @property
    def aims(self) -> bool:
        """Whether it speaks of a target class; the others belong to the photo and the model."""
        return self.method.kind is Attribution

    @property
    def seconds_left(self) -> float | None:
        """A guess at what is left, None where nothing is known."""
        if self.status != "working" or not self.progress or not self.progress.total:
            return None
        share = self.progress.done / self.progress.total
        return (time.monotonic() - self.started) * (1 - share) / share if share else None


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is explained: a photo as the network sees it, its verdict and the model's.

    ``trunk`` is what the forward pass of the verdict left for the maps, where it is known.
    """

    prepared: Prepared
    prediction: Prediction
    handle: ModelHandle
    trunk: Trunk | None = None


class Explanations(QObject):
    """Runs the methods on one question at a time; what was done in this run is kept, bounded.

    ``changed`` names the method whose panel has news. ``classes_known``: the maps of every class
    are there (``class_maps``), so that a slider through the classes needs no computing.
    """

    changed = Signal(str)
    classes_known = Signal()

    def __init__(
        self, lane: ComputeLane, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.panels: dict[str, PanelState] = {}
        self._lane = lane
        self._question: Question | None = None
        self._target: str | None = None
        self._done: OrderedDict[str, Explanation] = OrderedDict()
        self.trusts = Trusts(lane, self)
        self.trusts.changed.connect(self.changed)
        self.class_maps: ClassMaps | None = None
        self._mapping = 0

    def offer(self, methods: tuple[Method[Any], ...], stored: Mapping[str, Any]) -> None:
        """Take the methods there are, with the parameters a person left them with."""
        from petvision.explain.registry import parameters  # the lane has imported it

        self.panels = {}
        for method in methods:
            values = stored.get(method.id)
            try:
                chosen = parameters(method.id, values if isinstance(values, dict) else {})
            except PetVisionError:  # stored by another version: the defaults are right
                chosen = method.Parameters()
            self.panels[method.id] = PanelState(method, chosen.model_dump(mode="json"))

    @property
    def target(self) -> str:
        """The class that is explained; empty where nothing is."""
        if self._question is None:
            return ""
        return self._target or self._question.prediction.best_class

    @property
    def working(self) -> list[PanelState]:
        """The panels that run, the one nearest its end first."""
        running = [panel for panel in self.panels.values() if panel.status == "working"]
        return sorted(running, key=lambda panel: panel.seconds_left or 1e9)

    def begin(self, question: Question | None) -> None:
        """Turn to another photo (or to none): what ran for the last one is stopped."""
        self._question = question
        self.trusts.stop()
        self.class_maps = None
        self._lane.cancel(self._mapping)
        self._mapping = 0
        for name, panel in self.panels.items():
            panel.explanation = None
            if question is None:
                self._rest(name)
            else:
                self.run(name)

    def choose_target(self, target: str | None) -> None:
        """Explain another class; None is the predicted one. Kernels and maps know no class."""
        before, self._target = self.target, target
        if self._question is not None and before != self.target:
            for name, panel in self.panels.items():
                if panel.aims:
                    self.run(name)

    def want_classes(self) -> None:
        """Have the maps of every class ready, for networks whose last maps speak for themselves."""
        question, panel = self._question, self.panels.get(ALL_CLASSES)
        if question is None or panel is None or self.class_maps is not None or self._mapping:
            return
        if not question.handle.heads.pooled:
            return
        make = partial(tasks.class_maps, question, cast("Cam", panel.method))
        self._mapping = self._lane.submit(Job("class maps", IN_FRONT, make))

    def show_class(self, target: str, minus: str = "") -> bool:
        """Show the map of a class, or of one class minus another, in its panel at once."""
        panel = self.panels.get(ALL_CLASSES)
        if self.class_maps is None or panel is None or panel.values.get("layer"):
            return False
        if target == self.target and minus in ("", target):
            self.run(ALL_CLASSES)  # its own map, with its badge
            return True
        if minus and minus != target:
            found = self.class_maps.difference(target, minus)
        else:
            found = self.class_maps.attribution(target)
        self._lane.cancel(panel.ticket)
        panel.ticket, panel.error = 0, None
        panel.explanation, panel.status = found, "done"
        self.trusts.drop(ALL_CLASSES)
        self.changed.emit(ALL_CLASSES)
        return True

    def choose_values(self, name: str, values: dict[str, Any]) -> None:
        """Use other parameters for a method and run it again."""
        if self.panels[name].values != values:
            self.panels[name].values = values
            self.run(name)

    def bring_to_front(self, name: str | None) -> None:
        """Let one panel's work go before the others' (None: all alike)."""
        for panel in self.panels.values():
            urgency = IN_FRONT if panel.method.id == name else PANEL
            self._lane.urge(panel.ticket, urgency)

    def stop(self) -> None:
        """Stop what runs; panels keep what they have so far."""
        for name, panel in self.panels.items():
            if panel.status == "working":
                self._lane.cancel(panel.ticket)
                panel.ticket = 0
                panel.status = "stopped"
                self.changed.emit(name)
        self.trusts.stop()

    def forget(self) -> None:
        """Another model: nothing kept holds any more."""
        self._done.clear()
        self.trusts.forget()
        self._target = None

    def run(self, name: str) -> None:
        """Run one method for the current question, unless its result is known."""
        question, panel = self._question, self.panels[name]
        if question is None:
            return
        self._lane.cancel(panel.ticket)
        self.trusts.drop(name)
        panel.error = panel.progress = None
        known = self._done.get(self._key(panel))
        if known is not None:
            self._done.move_to_end(self._key(panel))
            panel.explanation, panel.status, panel.ticket = known, "done", 0
            self._judge(name)
        else:
            values, kept = dict(panel.values), self._settings.most_kept
            make = partial(tasks.explain, question, self.target, panel.method, values, kept)
            panel.status, panel.started = "working", time.monotonic()
            panel.ticket = self._lane.submit(Job(f"panel {name}", PANEL, make))
        self.changed.emit(name)

    def happened(self, ticket: int, event: object) -> bool:
        """Take an event of the lane; False where it belongs to no panel."""
        if ticket == self._mapping:
            if isinstance(event, Result):
                self.class_maps = event.value
                self.classes_known.emit()
            return True
        if self.trusts.happened(ticket, event):
            return True
        for name, panel in self.panels.items():
            if panel.ticket == ticket:
                self._take(panel, event)
                if panel.status == "done":
                    self._judge(name)
                self.changed.emit(name)
                return True
        return False

    def _judge(self, name: str) -> None:
        panel, question = self.panels[name], self._question
        if isinstance(panel.explanation, Attribution) and question is not None:
            found = panel.explanation
            self.trusts.want(name, self._key(panel), panel, question, self.target, found)

    def _take(self, panel: PanelState, event: object) -> None:
        if isinstance(event, Progress):
            if panel.progress is None:
                panel.started = time.monotonic()
            panel.progress = event
            return
        if isinstance(event, (Partial, Result)):
            panel.explanation = event.value
        if isinstance(event, Partial):
            return
        panel.ticket = 0
        if isinstance(event, Result):
            panel.status = "done"
            self._keep(panel)
        elif isinstance(event, Failed):
            panel.status, panel.error, panel.explanation = "failed", event.error, None
        elif isinstance(event, Crashed):
            panel.status, panel.error, panel.explanation = "failed", InputError("fault"), None

    def _keep(self, panel: PanelState) -> None:
        assert panel.explanation is not None
        self._done[self._key(panel)] = panel.explanation
        while len(self._done) > KEPT:
            self._done.popitem(last=False)

    def _key(self, panel: PanelState) -> str:
        assert self._question is not None
        values = json.dumps(panel.values, sort_keys=True)
        photo = self._question.prepared.facts.sha256
        model = self._question.handle.sha256
        target = self.target if panel.aims else ""
        return f"{panel.method.id} {target} {photo} {model} {values}"

    def _rest(self, name: str) -> None:
        panel = self.panels[name]
        self._lane.cancel(panel.ticket)
        self.trusts.drop(name)
        panel.ticket = 0
        panel.status = "idle"
        panel.progress = panel.error = None
        self.changed.emit(name)
