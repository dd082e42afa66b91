"""Takes questions from the routes to the lane, and keeps the models open."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from petvision.errors import ModelError, PetVisionError
from petvision.images.door import load
from petvision.images.types import Encoded, Source
from petvision.models import zoo
from petvision.models.handle import Device, ModelHandle, open_model
from petvision.server.answers import Open, Read, reasons, verdict
from petvision.server.failures import Busy, Stopping
from petvision.server.lane import Lane, Ticket
from petvision.server.limits import ServerLimits
from petvision.server.questions import Question
from petvision.server.schemas import AdvancedAnswer, Answer, ZooModel

T = TypeVar("T")


class Desk:
    """The state behind the routes.

    Args:
        model: name or file of the model that answers unless another is asked for.
        engine: who computes.
        device: where torch computes.
        limits: of requests.

    Raises:
        ModelError: when the model cannot be used.
        ConfigError: when engine or device do not exist here.
    """

    def __init__(
        self,
        model: str,
        engine: str = "auto",
        device: Device = "auto",
        limits: ServerLimits | None = None,
    ) -> None:
        self.limits = limits or ServerLimits()
        self.default = open_model(model, engine=engine, device=device)
        self._opened: OrderedDict[str, ModelHandle] = OrderedDict()
        self._how = partial(open_model, engine=engine, device=device)
        self._fetching = asyncio.Semaphore(self.limits.fetching)
        self._fetches = 0
        self._lane = Lane(self.limits.waiting)

    @property
    def waiting(self) -> int:
        """How many questions wait or are answered."""
        return self._lane.waiting

    def refuse(self) -> None:
        """Refuse what waits and what still comes; what runs is finished."""
        self._lane.refuse()

    def close(self) -> None:
        """Refuse what waits, stop what runs, end the thread."""
        self._lane.close()

    def models(self) -> tuple[ZooModel, ...]:
        """The models of the zoo."""
        return tuple(
            ZooModel(
                name=entry.name,
                architecture=entry.architecture,
                classes=entry.classes,
                licence=entry.licence,
                usable=entry.path is not None and not entry.fault,
                default=entry.name == self.default.card.name,
            )
            for entry in zoo.models()
        )

    async def judge(self, question: Question, model: str | None, request: Request) -> Answer:
        """The verdict on a picture."""
        open_, read = await self._made_ready(question, model)
        work = partial(verdict, open_, read, self.limits.picture)
        return await self._done(self._lane.submit(work), request)

    async def explain(
        self, question: Question, model: str | None, request: Request
    ) -> AdvancedAnswer:
        """The verdict on a picture, and why."""
        open_, read = await self._made_ready(question, model)
        limits = self.limits
        work = partial(reasons, open_, read, limits.picture, question.asked, limits.compute_seconds)
        return await self._done(self._lane.submit(work), request)

    async def _made_ready(self, question: Question, model: str | None) -> tuple[Open, Read]:
        """Fetch what has an address; all else waits for the lane, so that little lies in memory."""
        name = model or self.default.card.name
        if name != self.default.card.name:
            await asyncio.to_thread(_check_name, name)
        read = partial(self._read, question)
        if question.url is not None:
            source = Source("url", question.url, question.name)
            read = partial(_same, await self._fetched(source))
        return partial(self._model, name), read

    async def _fetched(self, source: Source) -> Encoded:
        """What an address gives; a few are asked at a time, and no more wait than for the lane.

        Raises:
            Busy: when too many wait.
        """
        if self._fetches >= self.limits.fetching + self.limits.waiting:
            raise Busy(self.limits.picture.seconds)
        self._fetches += 1
        try:
            async with self._fetching:
                return await asyncio.to_thread(load, source, self.limits.picture)
        finally:
            self._fetches -= 1

    def _read(self, question: Question) -> Encoded:
        assert question.file is not None
        question.file.seek(0)
        source = Source("bytes", "", question.name, question.file.read())
        return load(source, self.limits.picture)

    def _model(self, name: str) -> ModelHandle:
        """A model of the zoo, opened; in the lane only."""
        if name == self.default.card.name:
            return self.default
        if name not in self._opened:
            while len(self._opened) >= self.limits.models - 1:
                self._opened.popitem(last=False)
            self._opened[name] = self._how(name)
        self._opened.move_to_end(name)
        return self._opened[name]

    async def _done(self, ticket: Ticket[T], request: Request) -> T:
        """What becomes of a job; one whose client has gone is dropped.

        Raises:
            ClientDisconnect: when nobody waits for the answer any more.
        """
        answered: asyncio.Future[T] = asyncio.wrap_future(ticket.future)
        gone = asyncio.create_task(_gone(request))
        try:
            either: set[asyncio.Future[Any]] = {answered, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                return answered.result()
            raise ClientDisconnect
        finally:
            gone.cancel()
            if not answered.done():
                self._lane.drop(ticket)
                with suppress(Stopping, PetVisionError, asyncio.CancelledError):
                    await answered  # the upload it reads must outlive it


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _same(encoded: Encoded) -> Encoded:
    return encoded


def _check_name(name: str) -> None:
    """Let names of the zoo in, and no paths.

    Raises:
        ModelError: ``not_found``.
    """
    if not any(entry.name == name and entry.path is not None for entry in zoo.models()):
        raise ModelError("not_found", repr(name[:100]), remedy="GET /models lists what there is.")
