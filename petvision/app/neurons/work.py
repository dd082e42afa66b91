"""What the Neurons tab works on: the layer's activations, the ranking, the filter that is chosen.

It holds no widgets. Jobs go to the session's lane; pictures are made in its pool.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, Slot

from petvision.app.lane import Crashed, Failed, Job
from petvision.app.session import Session
from petvision.errors import PetVisionError
from petvision.events import Partial, Progress, Result
from petvision.images.types import Floats, Picture, Prepared
from petvision.models.results import Prediction
from petvision.neurons.results import Choice, Detail, Doubles, Layer, Maps, Pattern, Ranked

if TYPE_CHECKING:
    from petvision.models.handle import ModelHandle
    from petvision.neurons.layers import Anatomy
    from petvision.neurons.run import Lens

LOOK, EXTRA = 5, 8
DETAILS_KEPT = 64
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One layer on one photo, ready to be looked at."""

    lens: Lens
    anatomy: Anatomy
    prediction: Prediction
    handle: ModelHandle


@dataclass(frozen=True, slots=True, eq=False)
class Silencing:
    """The verdict and the evidence (float32 h×w, 0..1) with everything and without some filters."""

    before: Prediction
    after: Prediction
    heat_before: Floats
    heat_after: Floats


@dataclass(slots=True)
class _Asked:
    """A running job: its ticket, what its result is for, how far it is."""

    ticket: int
    take: Callable[[Any], None]
    progress: Progress | None = None
    partial: Callable[[Any], None] | None = None


@dataclass(slots=True)
class State:
    """What is known; the views read it."""

    layer: str = ""
    choice: Choice = field(default_factory=Choice)
    count: int = 6
    threshold: float = 0.5
    opacity: float = 0.6
    colours: str = "inferno"
    sight: Sight | None = None
    ranking: tuple[Ranked, ...] = ()
    effects: Doubles | None = None
    focus: Doubles | None = None
    selected: int = -1
    silenced: tuple[tuple[str, int], ...] = ()
    silencing: Silencing | None = None
    error: PetVisionError | None = None


class NeuronsWork(QObject):
    """Follows the session; ``changed`` names what has news.

    ``"layers"``: another model. ``"sight"``: another layer or photo. ``"ranking"``, ``"selected"``,
    ``"look"`` (opacity, colours), ``"silencing"``, ``"patterns"``, ``"progress"``, ``"error"``.
    """

    changed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.state = State()
        self.anatomy: Anatomy | None = None
        self.patterns: OrderedDict[tuple[str, int], Pattern] = OrderedDict()
        self._anatomies: dict[str, Anatomy] = {}
        self._details: OrderedDict[tuple[Any, ...], Detail] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._key: tuple[object, ...] = ()
        self._undo: list[tuple[tuple[str, int], ...]] = []
        self.active = False
        session.lane.happened.connect(self._happened, Qt.ConnectionType.QueuedConnection)
        session.known.connect(self.refresh)
        session.current_changed.connect(self.refresh)
        session.model_changed.connect(self.refresh)

    # What is looked at

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the model, where they are known."""
        return self.anatomy.layers if self.anatomy else ()

    @property
    def photo(self) -> Picture | None:
        """The photo for showing."""
        display = self.session.display
        return display.picture if display else None

    @property
    def maps(self) -> Maps | None:
        """The activations that are shown."""
        return self.state.sight.lens.maps if self.state.sight else None

    @property
    def target(self) -> str:
        """The class of effect, focus and silencing: the predicted one."""
        return self.state.sight.prediction.best_class if self.state.sight else ""

    @Slot()
    def refresh(self) -> None:
        """Look at what is in view, if that is something else than what is shown."""
        session = self.session
        handle, photo, prepared = session.handle, session.current, session.prepared
        if not self.active or handle is None or session.opening:
            return
        ready = photo is not None and photo.prediction is not None and prepared is not None
        key = (handle.sha256, prepared.facts.sha256 if ready and prepared else "", self.state.layer)
        if key == self._key:
            self.changed.emit("photo")
            return
        if key[0] != (self._key[0] if self._key else ""):
            self._forget_model()
        self._key = key
        self._clear()
        prediction = photo.prediction if ready and photo else None
        make = partial(
            _look,
            handle,
            self._anatomies.get(handle.sha256),
            self.state.layer,
            prepared,
            prediction,
        )
        self._ask("look", LOOK, make, self._looked)

    def choose_layer(self, name: str) -> None:
        """Look into another convolution; the photo is not decoded again."""
        if name != self.state.layer:
            self.state.layer = name
            self.state.selected = -1
            self.refresh()

    def choose(self, choice: Choice) -> None:
        """Rank anew: at once, unless the criterion needs more passes first."""
        self.state.choice = choice
        self._rank()

    def select(self, index: int) -> None:
        """Choose a filter, everywhere."""
        if index >= 0 and index != self.state.selected:
            self.state.selected = index
            self.changed.emit("selected")

    def show_as(self, **looks: Any) -> None:
        """Change opacity, colours, count or threshold."""
        for name, value in looks.items():
            setattr(self.state, name, value)
        self.changed.emit("ranking" if "count" in looks else "look")

    def top(self, count: int | None = None) -> tuple[Ranked, ...]:
        """The first filters of the ranking."""
        return self.state.ranking[: self.state.count if count is None else count]

    def _looked(self, found: tuple[Anatomy, Sight | None]) -> None:
        anatomy, sight = found
        handle = self.session.handle
        if handle is None:
            return
        if self.anatomy is not anatomy:
            self.anatomy = self._anatomies[handle.sha256] = anatomy
            self.changed.emit("layers")
        if sight is not None:
            self.state.sight = sight
            self.state.layer = sight.lens.maps.layer.name
            self._key = (*self._key[:2], self.state.layer)
            self.changed.emit("sight")
            self._rank()
            if self.state.silenced:
                self._silence()

    def _rank(self) -> None:
        sight, state = self.state.sight, self.state
        if sight is None:
            return
        from petvision.neurons.rank import rank  # the lane has imported it

        choice = state.choice
        if choice.criterion == "effect" and state.effects is None:
            self._ask("effects", EXTRA, partial(_effects, sight), self._got_effects)
            return
        if choice.criterion == "focus" and state.focus is None:
            self._ask("focus", LOOK, partial(_focus, sight), self._got_focus)
            return
        state.ranking = rank(sight.lens.maps.stats, choice, state.effects, state.focus)
        self.changed.emit("ranking")
        if state.ranking and state.selected < 0:
            self.select(state.ranking[0].index)

    def _got_effects(self, effects: Doubles) -> None:
        self.state.effects = effects
        self._details.clear()
        self._rank()

    def _got_focus(self, focus: Doubles) -> None:
        self.state.focus = focus
        self._rank()

    # One filter

    def detail(self, index: int, then: Callable[[Detail], None]) -> None:
        """All of a filter, made in the pool; ``then`` is called at once where it is known."""
        sight, state = self.state.sight, self.state
        if sight is None:
            return
        key = (*self._key, index, state.threshold, state.effects is not None)
        if key in self._details:
            then(self._details[key])
            return
        effect = None if state.effects is None else float(state.effects[index])

        def keep(found: Detail) -> None:
            self._details[key] = found
            while len(self._details) > DETAILS_KEPT:
                self._details.popitem(last=False)
            if sight is self.state.sight:
                then(found)

        work = partial(_detail, sight.lens, index, state.threshold, self.target, effect)
        self.in_pool(work, keep)

    def in_pool(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Make something in the pool."""
        self.session.in_background(work, then, self._failed)

    def draw_pattern(self, index: int) -> None:
        """Synthesise what fires a filter."""
        sight = self.state.sight
        if sight is None:
            return
        layer = sight.lens.maps.layer.name
        usual = float(sight.lens.maps.stats.mean[index])
        make = partial(_pattern, sight, layer, index, usual)

        def take(found: Pattern) -> None:
            self.patterns[(layer, index)] = found
            self.changed.emit("patterns")

        self._ask("pattern", EXTRA, make, take, take)

    # Silencing

    def silence(self, index: int) -> None:
        """Silence a filter of the layer, or let it speak again."""
        name = self.maps.layer.name if self.maps else ""
        one = (name, index)
        now = self.state.silenced
        self._set_silenced(tuple(x for x in now if x != one) if one in now else (*now, one))

    def restore(self) -> None:
        """Let all filters speak again."""
        self._set_silenced(())

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take the last silencing back."""
        if self._undo:
            self.state.silenced = self._undo.pop()
            self._silence()

    def _set_silenced(self, chosen: tuple[tuple[str, int], ...]) -> None:
        if chosen != self.state.silenced:
            self._undo.append(self.state.silenced)
            self.state.silenced = chosen
            self._silence()

    def _silence(self) -> None:
        sight = self.state.sight
        if sight is None or not self.state.silenced:
            self._drop("silence")
            self.state.silencing = None
            self.changed.emit("silencing")
            return
        make = partial(_silenced, sight, self.state.silenced)
        self._ask("silence", LOOK, make, self._got_silencing)
        self.changed.emit("silencing")

    def _got_silencing(self, found: Silencing) -> None:
        self.state.silencing = found
        self.changed.emit("silencing")

    # Jobs

    @property
    def progress(self) -> Progress | None:
        """How far the job that is furthest from its end is; None when nothing runs."""
        known = [asked.progress or Progress(0, 0) for asked in self._asked.values()]
        return known[0] if known else None

    @property
    def working(self) -> bool:
        """Whether anything runs."""
        return bool(self._asked)

    def stop(self) -> None:
        """Stop what runs; what is known stays."""
        for name in list(self._asked):
            self._drop(name)
        self.changed.emit("progress")
        self.session.work_changed.emit()

    def ask(
        self,
        name: str,
        make: Callable[[], Iterator[Any]],
        take: Callable[[Any], None],
        partial: Callable[[Any], None] | None = None,
    ) -> None:
        """Run a long job; a newer one of that name replaces it."""
        self._ask(name, EXTRA, make, take, partial)

    def _ask(
        self,
        name: str,
        urgency: int,
        make: Callable[[], Iterator[Any]],
        take: Callable[[Any], None],
        partial: Callable[[Any], None] | None = None,
    ) -> None:
        self._drop(name)
        ticket = self.session.lane.submit(Job(f"neurons {name}", urgency, make))
        self._asked[name] = _Asked(ticket, take, None, partial)
        self.state.error = None
        self.changed.emit("progress")
        self.session.work_changed.emit()

    def _drop(self, name: str) -> None:
        asked = self._asked.pop(name, None)
        if asked is not None:
            self.session.lane.cancel(asked.ticket)

    @Slot(int, object)
    def _happened(self, ticket: int, event: object) -> None:
        name = next((n for n, a in self._asked.items() if a.ticket == ticket), None)
        if name is None:
            return
        asked = self._asked[name]
        if isinstance(event, Progress):
            asked.progress = event
        elif isinstance(event, Partial):
            if asked.partial is not None:
                asked.partial(event.value)
        elif isinstance(event, (Result, Failed, Crashed)):
            del self._asked[name]
            if isinstance(event, Result):
                asked.take(event.value)
            elif isinstance(event, Failed):
                self._failed(event.error)
            self.session.work_changed.emit()
        self.changed.emit("progress")

    def _failed(self, error: PetVisionError) -> None:
        self.state.error = error
        self.changed.emit("error")

    def _clear(self) -> None:
        for name in ("effects", "focus", "pattern", "silence"):
            self._drop(name)
        state = self.state
        state.sight = state.effects = state.focus = state.silencing = None
        state.ranking = ()
        self.changed.emit("sight")

    def _forget_model(self) -> None:
        self.patterns.clear()
        self._undo.clear()
        self.state.silenced = ()
        if self._key:
            self.state.layer = ""
            self.state.selected = -1
        self.anatomy = None


# For the lane


def _look(
    handle: ModelHandle,
    anatomy: Anatomy | None,
    layer: str,
    prepared: Prepared | None,
    prediction: Prediction | None,
) -> Iterator[Progress | Result[tuple[Anatomy, Sight | None]]]:
    from petvision.neurons.layers import anatomy_of
    from petvision.neurons.run import lens_of

    known = anatomy or anatomy_of(handle)
    yield Progress(0, 0)
    if prepared is None or prediction is None:
        yield Result((known, None))
        return
    lens = lens_of(handle, known, layer, prepared)
    yield Result((known, Sight(lens, known, prediction, handle)))


def _effects(sight: Sight) -> Iterator[Any]:
    from petvision.neurons.effect import effects

    layer, prepared = sight.lens.maps.layer.name, sight.lens.prepared
    yield from effects(sight.handle, sight.anatomy, layer, prepared, sight.prediction.best_class)


def _focus(sight: Sight) -> Iterator[Result[Doubles]]:
    from petvision.neurons.effect import evidence, focus

    target = sight.prediction.best_class
    heat = evidence(sight.handle, sight.anatomy, sight.lens.prepared, target)
    yield Result(focus(sight.lens.maps, heat))


def _pattern(sight: Sight, layer: str, index: int, usual: float) -> Iterator[Any]:
    from petvision.neurons.patterns import pattern

    yield from pattern(sight.handle, sight.anatomy, layer, index, usual=usual)


def _silenced(
    sight: Sight, chosen: tuple[tuple[str, int], ...]
) -> Iterator[Progress | Result[Silencing]]:
    from petvision.models.predict import predict
    from petvision.neurons.effect import evidence
    from petvision.neurons.silence import silenced

    filters: dict[str, frozenset[int]] = {}
    for layer, index in chosen:
        filters[layer] = filters.get(layer, frozenset()) | {index}
    prepared, target = sight.lens.prepared, sight.prediction.best_class
    before = evidence(sight.handle, sight.anatomy, prepared, target)
    yield Progress(1, 3)
    without = silenced(sight.handle, sight.anatomy, filters)
    yield Progress(2, 3)
    after = evidence(without, sight.anatomy, prepared, target)
    yield Progress(3, 3)
    verdict = predict(without, [prepared])[0]
    yield Result(Silencing(sight.prediction, verdict, before, np.asarray(after)))


# For the pool


def _detail(lens: Lens, index: int, threshold: float, target: str, effect: float | None) -> Detail:
    from petvision.neurons.run import detail_of

    return detail_of(lens, index, threshold, target, effect)
