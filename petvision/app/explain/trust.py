"""The trust badges: whether each map deserves belief, found out when nothing else is to do."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from petvision.app import tasks
from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.events import Result
from petvision.explain.results import Attribution, Trust

if TYPE_CHECKING:
    from petvision.app.explain.work import PanelState, Question
    from petvision.explain.trust import Referee
    from petvision.models.handle import ModelHandle

TRUST = 95
KEPT = 60


class Trusts(QObject):
    """Judges the maps of one photo at a time; ``changed`` names the method whose badge has news.

    Nothing is judged before ``ready``: the engine that answers is still being chosen, and work
    would spoil its measurement.
    """

    changed = Signal(str)

    def __init__(self, lane: ComputeLane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lane = lane
        self._referee: Referee | None = None
        self._handle: ModelHandle | None = None
        self._known: OrderedDict[str, Trust] = OrderedDict()
        self._running: dict[int, tuple[str, str]] = {}
        self._shown: dict[str, Trust | None] = {}
        self._waiting: dict[str, tuple[str, PanelState, Question, str, Attribution]] = {}

    def ready(self, handle: ModelHandle) -> None:
        """The model's engine is chosen: judge what waits, and from now on what comes."""
        if self._handle is None or self._handle.sha256 != handle.sha256:
            self._referee = None
        self._handle = handle
        waiting, self._waiting = self._waiting, {}
        for name, (key, panel, question, target, found) in waiting.items():
            self._judge(name, key, panel, question, target, found)

    def of(self, name: str) -> Trust | None:
        """The badge of a method's panel, None while it is not known."""
        return self._shown.get(name)

    @property
    def working(self) -> bool:
        """Whether a map is being judged."""
        return bool(self._running)

    def judging(self, name: str) -> bool:
        """Whether the badge is on its way."""
        return name in self._waiting or any(its == name for its, _ in self._running.values())

    def want(
        self,
        name: str,
        key: str,
        panel: PanelState,
        question: Question,
        target: str,
        found: Attribution,
    ) -> None:
        """A map is done: show its badge, now where it is known."""
        self.drop(name)
        known = self._known.get(key)
        if known is not None:
            self._shown[name] = known
            self.changed.emit(name)
        elif self._handle is None or self._handle.sha256 != question.handle.sha256:
            self._waiting[name] = (key, panel, question, target, found)
        else:
            self._judge(name, key, panel, question, target, found)

    def _judge(
        self,
        name: str,
        key: str,
        panel: PanelState,
        question: Question,
        target: str,
        found: Attribution,
    ) -> None:
        if self._referee is None:
            from petvision.explain.trust import Referee  # the lane has imported torch

            self._referee = Referee()
        assert self._handle is not None
        make = partial(
            tasks.judge,
            self._referee,
            self._handle,
            question.prepared,
            target,
            panel.method.id,
            dict(panel.values),
            found,
        )
        ticket = self._lane.submit(Job(f"trust {name}", TRUST, make))
        self._running[ticket] = (name, key)
        self.changed.emit(name)

    def drop(self, name: str) -> None:
        """The panel shows another map, or none."""
        for ticket in [one for one, (its, _) in self._running.items() if its == name]:
            self._lane.cancel(ticket)
            del self._running[ticket]
        self._waiting.pop(name, None)
        if self._shown.pop(name, None) is not None:
            self.changed.emit(name)

    def stop(self) -> None:
        """Judge nothing more of this photo; what is known stays."""
        names = {name for name, _ in self._running.values()} | set(self._waiting)
        for ticket in self._running:
            self._lane.cancel(ticket)
        self._running.clear()
        self._waiting.clear()
        for name in names:
            self.changed.emit(name)

    def forget(self) -> None:
        """Another model."""
        self.stop()
        self._handle = None

    def happened(self, ticket: int, event: object) -> bool:
        """Take an event of the lane; False where it belongs to no badge."""
        if ticket not in self._running:
            return False
        name, key = self._running[ticket]
        if isinstance(event, (Result, Failed, Crashed)):
            del self._running[ticket]
            if isinstance(event, Result):
                self._known[key] = self._shown[name] = event.value
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            self.changed.emit(name)
        return True
