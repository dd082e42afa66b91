"""Thumbnails and verdicts of the photos seen in the list, when nothing more urgent is to do."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Qt, Slot

from petvision.app import tasks
from petvision.app.lane import ComputeLane, Crashed, Failed, Job
from petvision.app.photos.model import Photo, PhotoModel
from petvision.app.pool import Pool
from petvision.errors import InputError, PetVisionError
from petvision.events import Result
from petvision.images.types import Prepared

if TYPE_CHECKING:
    from petvision.models.handle import ModelHandle

BADGE = 50
WAITING_MOST = 40
_LATER = 1_000_000


class Badges(QObject):
    """Serves the list's wishes, newest first; while it is scrolled, old wishes are let go."""

    def __init__(self, photos: PhotoModel, pool: Pool, lane: ComputeLane, parent: QObject) -> None:
        super().__init__(parent)
        self.handle: ModelHandle | None = None
        self.unknown: Literal["auto", "off"] | float = "auto"
        self._photos = photos
        self._pool = pool
        self._lane = lane
        self._wishes: OrderedDict[int, Photo] = OrderedDict()
        self._judged: dict[int, Photo] = {}
        self._order = 0
        # A wish comes in the middle of a paint: it is taken up afterwards.
        photos.wanted.connect(self.want, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def want(self, photo: Photo) -> None:
        """Look at a photo when there is time."""
        if photo not in self._photos:
            return
        self._order += 1
        spec = None if self.handle is None or photo.prediction else self.handle.spec
        ticket = self._pool.submit(
            partial(tasks.look, photo.source, spec),
            lambda look: self._looked(ticket, photo, look),
            lambda error: self._failed(ticket, photo, error),
            _LATER - self._order,
        )
        self._wishes[ticket] = photo
        while len(self._wishes) > WAITING_MOST:
            old, forgotten = self._wishes.popitem(last=False)
            self._pool.cancel(old)
            forgotten.asked = False

    def happened(self, ticket: int, event: object) -> bool:
        """Take an event of the lane; False where it belongs to no badge."""
        photo = self._judged.get(ticket)
        if photo is None:
            return False
        if isinstance(event, Result):
            photo.prediction = event.value
        if isinstance(event, Failed):
            photo.error = event.error
        if isinstance(event, Crashed):
            photo.error = InputError("fault")
        if isinstance(event, (Result, Failed, Crashed)):
            del self._judged[ticket]
            self._photos.told(photo)
        return True

    def stop(self) -> None:
        """Let everything go; what is seen asks again when it is painted next."""
        for ticket, photo in self._wishes.items():
            self._pool.cancel(ticket)
            photo.asked = False
        for ticket in self._judged:
            self._lane.cancel(ticket)
        self._wishes.clear()
        self._judged.clear()

    def _looked(self, ticket: int, photo: Photo, look: tasks.Look) -> None:
        self._wishes.pop(ticket, None)
        photo.keep(look.encoded)
        self._photos.set_thumbnail(photo, look.thumbnail)
        if look.prepared is not None:
            self._judge(photo, look.prepared)

    def _judge(self, photo: Photo, prepared: Prepared) -> None:
        if self.handle is None or photo.prediction is not None:
            return
        make = partial(tasks.predict, self.handle, prepared, self.unknown)
        job = Job(f"badge {photo.number}", BADGE, make)
        self._judged[self._lane.submit(job)] = photo

    def _failed(self, ticket: int, photo: Photo, error: PetVisionError) -> None:
        self._wishes.pop(ticket, None)
        photo.error = error
        self._photos.told(photo)
