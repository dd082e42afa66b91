"""What the window works on: the open photos, the model, the photo in view.

It holds no widgets. It hands work to the lane (torch), the lister (folders) and the pool (reading
and decoding), and says by signals what became known. Everything here runs in the window's thread.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from petvision.app import tasks, words
from petvision.app.explain.replay import Replay, is_case
from petvision.app.explain.work import Explanations, Question
from petvision.app.incoming import Incoming, encoded
from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.app.naming import known_names, remember_names
from petvision.app.photos.badges import Badges
from petvision.app.photos.model import Photo, PhotoModel
from petvision.app.pool import Failure, Pool
from petvision.app.settings import RECENT_MOST, Settings
from petvision.errors import InputError, PetVisionError
from petvision.events import Partial, Result
from petvision.images.samples import samples
from petvision.images.types import Encoded, Prepared, Source

if TYPE_CHECKING:
    from petvision.explain.base import Method
    from petvision.models.handle import ModelHandle

DEFAULT_MODEL = "catdog-resnet101"
OPEN, PREDICT, FIGURES, TWIN = 0, 1, 2, 90
VISITS_KEPT = 6
LISTER_WAIT_MS = 1000
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Visit:
    """What is kept of a photo that was in view: as read, as the network sees it, for showing."""

    encoded: Encoded
    stamp: object
    prepared: Prepared | None = None
    display: tasks.Display | None = None
    judged: tasks.Judged | None = None


@dataclass(slots=True, eq=False)
class _Listing:
    """Inputs whose photos are being looked for; ``fresh`` until the first ones came."""

    inputs: tuple[str, ...]
    fresh: bool = True


class Session(QObject):
    """The state behind the window.

    ``current_changed``: another photo (or none) is in view. ``known``: something of it became
    known (its picture, verdict or error). ``model_changed``: a model opens, is open, or could not
    be opened. ``listed``: so many photos were in these inputs. ``work_changed``: the status line
    has news. ``told``: a sentence for the status line. ``crashed``: the report of a bug.
    """

    current_changed = Signal()
    known = Signal()
    model_changed = Signal()
    work_changed = Signal()
    listed = Signal(int, object)
    told = Signal(str)
    crashed = Signal(str)
    sampled = Signal(object, object)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.photos = PhotoModel(self)
        self.current: Photo | None = None
        self.handle: ModelHandle | None = None
        self.model_error: PetVisionError | None = None
        self.layers: tuple[str, ...] = ()
        self.methods: tuple[Method[Any], ...] = ()
        self.figures_ready = False
        self._lane = ComputeLane(self)
        # A folder on a dead network drive never answers: that must not keep the program alive.
        self._lister = ComputeLane(self, daemon=True)
        self._tuner = ComputeLane(self)
        self._pool = Pool(self)
        self.explanations = Explanations(self._lane, settings, self)
        self.replay = Replay(self)
        self.replay.told.connect(self.told)
        self._badges = Badges(self.photos, self._pool, self._lane, self)
        self._visits: OrderedDict[int, Visit] = OrderedDict()
        self._listings: dict[int, _Listing] = {}
        self._hearers: dict[int, Callable[[object], None]] = {}
        self._untuned = False
        self._asked = DEFAULT_MODEL
        self._opening = self._predicting = self._importing = self._copying = 0
        self._reading: set[int] = set()
        self._connect()

    def _connect(self) -> None:
        queued = Qt.ConnectionType.QueuedConnection
        self._lane.happened.connect(self._happened, queued)
        self._lister.happened.connect(self._listed_some, queued)
        self._tuner.happened.connect(self._tuned, queued)
        self._pool.crashed.connect(self.crashed)
        self.explanations.changed.connect(self.work_changed)
        self.explanations.offered.connect(self.work_changed)

    # Beginning and end

    def start(self) -> None:
        """Start the threads and open the model; call once the window is on the screen."""
        for lane in (self._lane, self._lister, self._tuner):
            lane.start()
        self.open_model(self.settings.get("model", "") or DEFAULT_MODEL)
        for sample in samples():
            self._pool.submit(
                partial(tasks.look, sample, None), partial(self._sampled, sample), _no_sample
            )

    def _sampled(self, sample: Source, look: tasks.Look) -> None:
        self.sampled.emit(sample, look.thumbnail)

    def close(self) -> None:
        """Stop everything and join the threads."""
        lanes = (self._lane, self._tuner, self._lister)
        for lane in lanes:
            lane.close()
        self._pool.close()
        for lane in (self._lane, self._tuner):
            lane.wait()  # one step at most; the longest are importing torch, compiling a model
        self._lister.wait(LISTER_WAIT_MS)

    def stop(self) -> None:
        """Stop what was asked for: the verdict, the panels, badges, the listing of folders."""
        for ticket in self._listings:
            self._lister.cancel(ticket)
        self._listings.clear()
        self._stop_current()
        self._badges.stop()
        self.explanations.stop()
        self.work_changed.emit()

    @property
    def opening(self) -> bool:
        """Whether a model is being opened."""
        return bool(self._opening)

    @property
    def working(self) -> bool:
        """Whether there is anything that could be stopped."""
        explanations = self.explanations
        panels = explanations.working or explanations.trusts.working
        return bool(self.listing or self.judging or panels)

    @property
    def idle(self) -> bool:
        """Whether the compute lane has come to rest."""
        return self._lane.idle

    @property
    def listing(self) -> bool:
        """Whether folders are still being listed."""
        return bool(self._listings)

    @property
    def judging(self) -> bool:
        """Whether the photo in view is being read or judged."""
        return bool(self._predicting or self._reading)

    # The model

    def use_model(self, name: str) -> None:
        """Open a model and, once it is open, remember it; "" is the bundled one."""
        self.open_model(name or DEFAULT_MODEL)

    def open_model(self, name: str) -> None:
        """Open a model by name or path; the one in use stays until it is there."""
        self.model_error = None
        self._asked = name
        threads = self.settings.get("threads", 0)
        make = partial(tasks.open_model, name, known_names(self.settings, name), threads)
        self._opening = self._lane.submit(Job("open", OPEN, make))
        self.model_changed.emit()

    def reopen(self) -> None:
        """Open the model in use anew: how it answers has been set otherwise."""
        self.open_model(self._asked)

    def name_classes(self, names: tuple[str, ...]) -> None:
        """Call the classes of the open model file so, from now on."""
        remember_names(self.settings, self._asked, names)
        self.open_model(self._asked)

    def _opened(self, opened: tasks.Opened) -> None:
        self.handle = self._badges.handle = opened.handle
        self._badges.unknown = self.settings.unknown
        self.settings.put("model", "" if self._asked == DEFAULT_MODEL else self._asked)
        self.layers = opened.layers
        self.methods = opened.every
        self._visits.clear()
        self.explanations.begin(None)
        self.explanations.forget()
        self.explanations.offer(opened.methods, opened.every)
        self._untuned = True
        if not self.figures_ready:
            self._importing = self._lane.submit(Job("figures", FIGURES, tasks.import_figures))
        self._badges.stop()  # what is still queued would be the former model's
        self.photos.forget_verdicts()
        self.model_changed.emit()
        if self.current is not None:
            self.show_photo(self.current)

    # Opening photos

    def open_inputs(self, inputs: Iterable[str]) -> None:
        """Add files, folders, globs and URLs; the first one becomes the photo in view.

        A case file is replayed.
        """
        every = tuple(inputs)
        for case in filter(is_case, every):
            self.replay.open(case)
        given = tuple(one for one in every if not is_case(one))
        if not given:
            return
        for location in reversed(given[:RECENT_MOST]):
            self.settings.opened(location)
        job = Job(f"listing {max(self._listings, default=0) + 1}", 0, partial(tasks.listing, given))
        self._listings[self._lister.submit(job)] = _Listing(given)
        self.work_changed.emit()

    def open_incoming(self, incoming: Incoming, label: str) -> None:
        """Add what was dropped or pasted; ``label`` names a bitmap."""
        if incoming.pictures:
            self._add(list(incoming.pictures), choose=True)
        if incoming.bitmap is not None:
            self._pool.submit(
                partial(encoded, incoming.bitmap, label),
                lambda source: self._add([source], choose=True),
                lambda error: self.told.emit(words.error_sentence(error)),
            )
        self.open_inputs(incoming.inputs)

    @Slot(int, object)
    def _listed_some(self, ticket: int, event: object) -> None:
        if ticket not in self._listings:
            return
        listing = self._listings[ticket]
        if isinstance(event, Partial):
            newest = ticket == max(self._listings)
            self._add(event.value, choose=newest and listing.fresh)
            listing.fresh = False
        elif isinstance(event, Crashed):
            self.crashed.emit(event.report)
        if isinstance(event, (Result, Failed, Crashed)):
            del self._listings[ticket]
            if isinstance(event, Result):
                self.listed.emit(event.value, listing.inputs)
        self.work_changed.emit()

    def _add(self, sources: list[Source], *, choose: bool) -> None:
        photos = self.photos.add(sources)
        if choose and photos:
            self.show_photo(photos[0])

    # The photo in view

    @property
    def lane(self) -> ComputeLane:
        """The one thread with torch: pages submit their jobs to it."""
        return self._lane

    @property
    def prepared(self) -> Prepared | None:
        """The photo in view as the network sees it, once it is decoded."""
        visit = self._visits.get(self.current.number) if self.current else None
        return visit.prepared if visit else None

    @property
    def display(self) -> tasks.Display | None:
        """The photo in view as a picture, once it is decoded."""
        return self.visit.display if self.visit else None

    def show_photo(self, photo: Photo | None) -> None:
        """Turn to a photo (None: to nothing); what ran for the last one stops."""
        self._stop_current()
        self.current = photo
        self.explanations.begin(None)
        if photo is not None:
            photo.error = None
            photo.asked = True
            self.photos.told(photo)
        self.current_changed.emit()
        visit = self._visits.get(photo.number) if photo else None
        if photo is not None and visit is None:
            self._read(photo)
        elif photo is not None and visit is not None:
            self._visits.move_to_end(photo.number)
            self._in_pool(partial(tasks.stamp_of, photo.source), partial(self._checked, photo))
            self._judge(photo, visit)
        self.work_changed.emit()

    def _read(self, photo: Photo) -> None:
        spec = None if self.handle is None else self.handle.spec
        self._in_pool(partial(tasks.look, photo.source, spec), partial(self._looked, photo))

    def _checked(self, photo: Photo, stamp: object) -> None:
        """A photo seen before: read it anew when its file has changed or is gone."""
        visit = self._visits.get(photo.number)
        if visit is not None and stamp != visit.stamp:
            del self._visits[photo.number]
            photo.prediction = None
            self.show_photo(photo)

    def _looked(self, photo: Photo, look: tasks.Look) -> None:
        photo.keep(look.encoded)
        self.photos.set_thumbnail(photo, look.thumbnail)
        visit = Visit(look.encoded, look.stamp, look.prepared)
        self._visits[photo.number] = visit
        while len(self._visits) > VISITS_KEPT:
            self._visits.popitem(last=False)
        self._judge(photo, visit)
        self._in_pool(partial(tasks.display, look.encoded), partial(self._displayed, visit))

    def _displayed(self, visit: Visit, display: tasks.Display) -> None:
        visit.display = display
        self.known.emit()

    def _judge(self, photo: Photo, visit: Visit) -> None:
        """The next step towards the verdict and the panels, with what is known by now."""
        if self.handle is None:
            return
        if visit.prepared is None:
            make = partial(tasks.prepare, visit.encoded, self.handle.spec)
            self._in_pool(make, partial(self._prepared, photo, visit))
        elif photo.prediction is None:
            unknown = self.settings.unknown
            make_verdict = partial(tasks.predict_with_maps, self.handle, visit.prepared, unknown)
            self._predicting = self._lane.submit(Job("predict", PREDICT, make_verdict))
        else:
            judged = visit.judged
            ours = judged is not None and judged.engine is self.handle.engine
            trunk = judged.trunk if judged is not None and ours else None
            self.explanations.begin(Question(visit.prepared, photo.prediction, self.handle, trunk))
        self.known.emit()

    def _prepared(self, photo: Photo, visit: Visit, prepared: Prepared) -> None:
        visit.prepared = prepared
        self._judge(photo, visit)

    def _failed(self, error: PetVisionError) -> None:
        assert self.current is not None
        self.current.error = error
        self.photos.told(self.current)
        self.known.emit()

    def ask(self, job: Job, hear: Callable[[object], None]) -> int:
        """Have the lane do a job for a page; ``hear`` gets its events, the last one included."""
        ticket = self._lane.submit(job)
        self._hearers[ticket] = hear
        return ticket

    def unask(self, ticket: int) -> None:
        """Cancel such a job; nothing more is heard of it."""
        self._hearers.pop(ticket, None)
        self._lane.cancel(ticket)

    @property
    def visit(self) -> Visit | None:
        """What is kept of the photo in view, once it is read."""
        return self._visits.get(self.current.number) if self.current else None

    def in_background(
        self, work: Callable[[], T], then: Callable[[T], None], failed: Failure
    ) -> int:
        """Do something in the pool that goes on whatever photo is in view."""
        return self._pool.submit(work, then, failed)

    def forget(self, ticket: int) -> None:
        """Nothing more is wanted of what ``in_background`` began."""
        self._pool.cancel(ticket)

    def _in_pool(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do something for the photo in view; dropped when another comes into view."""

        def arrived(act: Callable[[], None]) -> None:
            self._reading.discard(ticket)
            act()
            self.work_changed.emit()

        ticket = self._pool.submit(
            work,
            lambda value: arrived(partial(then, value)),
            lambda error: arrived(partial(self._failed, error)),
        )
        self._reading.add(ticket)

    def _stop_current(self) -> None:
        for ticket in self._reading:
            self._pool.cancel(ticket)
        self._lane.cancel(self._predicting)
        self._predicting = 0
        if self._reading and self.current is not None:
            self.current.asked = False  # its thumbnail may not be there yet: the list asks again
        self._reading.clear()

    # What the lane says

    @Slot(int, object)
    def _happened(self, ticket: int, event: object) -> None:
        if isinstance(event, Crashed):
            self.crashed.emit(event.report)
        if (hear := self._hearers.get(ticket)) is not None:
            if isinstance(event, (Result, Failed, Crashed)):
                del self._hearers[ticket]
            hear(event)
            return
        if self.explanations.happened(ticket, event) or self._badges.happened(ticket, event):
            self._tune()
            return
        over = isinstance(event, (Result, Failed, Crashed))
        if ticket == self._opening and over:
            self._opening = 0
            self._model_arrived(event)
        elif ticket == self._predicting and over:
            self._predicting = 0
            self._verdict_arrived(event)
        elif ticket == self._copying and over:
            self._copying = 0
            if isinstance(event, Result):
                make = partial(tasks.fast_engine, event.value, self.settings.get("engine", "auto"))
                self._tuner.submit(Job("engine", 0, make))
            else:
                self._stay()
        elif ticket == self._importing and over:
            self.figures_ready = isinstance(event, Result)
            self.known.emit()
        self._tune()
        self.work_changed.emit()

    def _tune(self) -> None:
        """Make a fast engine ready when nothing else is done: work would spoil its measurement."""
        if self._untuned and self.handle is not None and self.figures_ready and not self.working:
            self._untuned = False
            if self.settings.plain:  # a fast engine may be what went wrong
                self._stay()
                return
            self._copying = self._lane.submit(Job("twin", TWIN, partial(tasks.twin, self.handle)))

    def _stay(self) -> None:
        """The engine in use is the one that stays: what waited for a faster one goes on."""
        if self.handle is not None:
            self.explanations.trusts.ready(self.handle)

    @Slot(int, object)
    def _tuned(self, _: int, event: object) -> None:
        if isinstance(event, Crashed):
            self.crashed.emit(event.report)
        if isinstance(event, Result) and self.handle is not None:
            tuned: ModelHandle = event.value
            if tuned.sha256 == self.handle.sha256:  # another model may have come since
                ours = self.handle.reference
                engine = ours if tuned.engine is tuned.reference else tuned.engine
                self.handle = replace(
                    self.handle,
                    engine=engine,
                    gradients=tuned.gradients,
                    distance=tuned.distance,
                )
                self._badges.handle = self.handle
        if isinstance(event, (Result, Failed, Crashed)):
            self._stay()

    def _model_arrived(self, event: object) -> None:
        if isinstance(event, Result):
            self._opened(event.value)
            return
        error = event.error if isinstance(event, Failed) else InputError("fault")
        if self.handle is None and self._asked != DEFAULT_MODEL:
            self.open_model(DEFAULT_MODEL)  # the one remembered is gone or damaged
        else:
            self.model_error = error
            self.model_changed.emit()
        self.told.emit(words.error_sentence(error))

    def _verdict_arrived(self, event: object) -> None:
        if isinstance(event, Failed):
            self._failed(event.error)
        elif isinstance(event, Crashed):
            self._failed(InputError("fault"))
        elif isinstance(event, Result) and self.current is not None:
            visit = self._visits[self.current.number]
            visit.judged = event.value
            self.current.prediction = event.value.prediction
            self.photos.told(self.current)
            self._judge(self.current, visit)


def _no_sample(_: PetVisionError) -> None:
    """A sample that cannot be read has no thumbnail; opening it tells why."""
