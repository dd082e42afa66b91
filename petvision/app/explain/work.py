"""The explanations of the photo in view: which are asked for, running, done."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterable
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
    """One panel: its method, its parameters and how far it is; lives in the window's thread.

    ``aside``: a class to show in place of the target, and one to take away from it ("": none).
    ``added``: it is none of the usual ones, and a person may take it away.
    """

    method: Method[Any]
    values: dict[str, Any] = field(default_factory=dict)
    status: Status = "idle"
    explanation: Explanation | None = None
    progress: Progress | None = None
    error: PetVisionError | None = None
    ticket: int = 0
    started: float = 0.0
    aside: tuple[str, str] | None = None
    added: bool = False

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

    ``changed`` names the method whose panel has news. ``offered``: there are other panels now.
    Where the maps of every class are there (``class_maps``), a slider through the classes needs
    no computing.
    """

    changed = Signal(str)
    offered = Signal()

    def __init__(
        self, lane: ComputeLane, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.panels: dict[str, PanelState] = {}
        self._every: dict[str, Method[Any]] = {}
        self._lane = lane
        self._question: Question | None = None
        self._target: str | None = None
        self._done: OrderedDict[str, Explanation] = OrderedDict()
        self.trusts = Trusts(lane, self)
        self.trusts.changed.connect(self.changed)
        self.class_maps: ClassMaps | None = None
        self._mapping = 0

    def offer(self, methods: Iterable[Method[Any]], every: Iterable[Method[Any]]) -> None:
        """Make the panels of these methods and of those that a person added, of ``every`` one."""
        self._every = {method.id: method for method in every}
        self.panels = {method.id: self._panel(method) for method in methods}
        for name in self._remembered:
            self._add(name)
        self.offered.emit()

    @property
    def _remembered(self) -> list[str]:
        """The methods that a person added, in this run or before."""
        stored = self._settings.table("explain").get("more")
        names = stored if isinstance(stored, list) else []
        return [name for name in names if isinstance(name, str)]

    def _panel(self, method: Method[Any]) -> PanelState:
        """A method's panel, with the parameters a person left it with."""
        from petvision.explain.registry import parameters  # the lane has imported it

        try:
            values = parameters(method.id, self._settings.table(f"parameters.{method.id}"))
        except PetVisionError:  # stored by another version: the defaults are right
            values = method.Parameters()
        return PanelState(method, values.model_dump(mode="json"))

    @property
    def more(self) -> list[Method[Any]]:
        """The methods that have no panel."""
        return [method for name, method in self._every.items() if name not in self.panels]

    def add(self, name: str, *, keep: bool = True) -> None:
        """Give a method a panel, where there is such a method; ``keep``: the next time, too."""
        if self._add(name):
            if keep:
                self._settings.put("explain.more", [*self._remembered, name])
            self.offered.emit()
            self.run(name)

    def _add(self, name: str) -> bool:
        if name in self.panels or name not in self._every:
            return False
        self.panels[name] = self._panel(self._every[name])
        self.panels[name].added = True
        return True

    def remove(self, name: str) -> None:
        """Take an added panel away."""
        if name in self.panels and self.panels[name].added:
            self._rest(name)
            del self.panels[name]
            if name in self._remembered:
                left = [one for one in self._remembered if one != name]
                self._settings.put("explain.more", left)
            self.offered.emit()

    @property
    def chosen(self) -> str | None:
        """The class a person chose to have explained; None is the likeliest one."""
        return self._target

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
            panel.explanation = panel.aside = None
            if question is None:
                self._rest(name)
            else:
                self.run(name)

    def choose_target(self, target: str | None) -> None:
        """Explain another class; None is the predicted one. Kernels and maps know no class."""
        before, self._target = self.target, target
        if self._question is None:
            return
        for name, panel in self.panels.items():
            if panel.aims and (before != self.target or panel.aside is not None):
                panel.aside = None
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

    def show_class(self, target: str, minus: str = "") -> None:
        """Show a class, or one class minus another: at once, or computed where it has to be."""
        panel = self.panels.get(ALL_CLASSES)
        if panel is None or self._question is None:
            return
        minus = "" if minus == target else minus
        own = (target, minus) == (self.target, "")  # with its badge
        panel.aside = None if own else (target, minus)
        self.want_classes()
        self.run(ALL_CLASSES)

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
        known = self._known(panel)
        if known is not None:
            panel.explanation, panel.status, panel.ticket = known, "done", 0
            self._judge(name)
        else:
            values, kept = dict(panel.values), self._settings.most_kept
            target, minus = panel.aside or (self.target, "")
            make = partial(tasks.explain, question, target, panel.method, values, kept, minus)
            panel.status, panel.started = "working", time.monotonic()
            panel.ticket = self._lane.submit(Job(f"panel {name}", PANEL, make))
        self.changed.emit(name)

    def happened(self, ticket: int, event: object) -> bool:
        """Take an event of the lane; False where it belongs to no panel."""
        if ticket == self._mapping:
            self._mapped(event)
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

    def _mapped(self, event: object) -> None:
        """The maps of every class came, or will not come: then each is computed by itself."""
        if isinstance(event, (Result, Failed, Crashed)):
            self._mapping = 0
        if isinstance(event, Result):
            self.class_maps = event.value
            panel = self.panels[ALL_CLASSES]
            if panel.aside is not None and panel.status == "working":
                self.run(ALL_CLASSES)

    def _known(self, panel: PanelState) -> Explanation | None:
        """What a panel asks for, where nothing has to be computed for it."""
        if panel.aside is None:
            known = self._done.get(self._key(panel))
            if known is not None:
                self._done.move_to_end(self._key(panel))
            return known
        if self.class_maps is None or panel.values.get("layer"):
            return None
        target, minus = panel.aside
        maps = self.class_maps
        return maps.difference(target, minus) if minus else maps.attribution(target)

    def _judge(self, name: str) -> None:
        """Find out whether a panel's map deserves belief; only that of the target has a badge."""
        panel, question = self.panels[name], self._question
        if panel.aside is not None or question is None:
            return
        if isinstance(panel.explanation, Attribution):
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
            if panel.aside is None:
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
