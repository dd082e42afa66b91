"""What stands before every route: request ids, the log, tokens, and limits on what arrives.

Plain ASGI, because it bounds the body while it streams in.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from petvision.errors import PetVisionError
from petvision.server.failures import INTERNAL, Busy, Refusal, answer, refusal_of
from petvision.server.limits import ServerLimits
from petvision.terminal import crash_report

log = logging.getLogger("petvision.server")

OPEN = ("/health", "/docs", "/openapi.json")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LINGER = 5.0  # seconds in which a refused upload may run dry, so that the answer is read
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Guard:
    """Wraps the application.

    With a token, every route but those of ``OPEN`` wants ``Authorization: Bearer TOKEN``. Without
    one the server is for this machine alone: it answers to loopback names only, and not to pages
    of other sites, which a browser would otherwise let ask.
    """

    def __init__(self, app: ASGIApp, limits: ServerLimits, token: str | None) -> None:
        self._app = app
        self._limits = limits
        self._token = token
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._limits)
        try:
            self._check(scope, exchange)
            await self._let_in(scope, exchange)
        except ClientDisconnect:
            exchange.status = 0  # nobody is there to be answered
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except PetVisionError as error:
            await exchange.refuse(refusal_of(error))
        except Exception as bug:  # noqa: BLE001 - ours: a report beside the log, never a trace
            log.error("request %s met a bug. %s", exchange.id, crash_report(bug))
            await exchange.refuse(Refusal(500, "internal", INTERNAL))
        finally:
            exchange.tell()

    async def _let_in(self, scope: Scope, exchange: _Exchange) -> None:
        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, exchange.receive, exchange.send)
            return
        if self._arriving >= self._limits.arriving:
            raise Busy(1.0)
        self._arriving += 1
        exchange.arrived = self._arrived
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            exchange.all_here()

    def _arrived(self) -> None:
        self._arriving -= 1

    def _check(self, scope: Scope, exchange: _Exchange) -> None:
        headers = exchange.headers
        if self._token is not None:
            given = headers.get("authorization", "")
            wanted = f"Bearer {self._token}"
            path = scope["path"]
            if not path.startswith(OPEN) and not hmac.compare_digest(
                given.encode("utf-8", "replace"), wanted.encode()
            ):
                message = "This server wants its token, as Authorization: Bearer TOKEN."
                raise Refusal(401, "token", message, {"WWW-Authenticate": "Bearer"})
        elif not _is_local(headers):
            message = "Without a token, this server answers to programs on its own machine only."
            raise Refusal(400, "refused", message)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise too_large(self._limits)


def too_large(limits: ServerLimits) -> Refusal:
    """The answer to a body of too many bytes."""
    return Refusal(
        413, "too_large", f"A request has at most {limits.body_bytes / 1e6:.0f} MB; this has more."
    )


def _is_local(headers: Headers) -> bool:
    """Whether the address asked is a loopback name, and no page of another site asks it.

    A name of somebody else's that was bent to this machine (DNS rebinding) is none of the two.
    """
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        origin = headers.get("origin")
        asking = None if origin is None else urlsplit(origin).hostname
    except ValueError:
        return False
    return host in LOOPBACK and (origin is None or asking in LOOPBACK)


class _Exchange:
    """One request and its answer, as they pass by."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: ServerLimits) -> None:
        self.headers = Headers(scope=scope)
        given = self.headers.get("x-request-id", "")
        self.id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = self.id
        self.status: int = 0
        self.arrived: Callable[[], None] | None = None
        self._scope, self._receive, self._send, self._limits = scope, receive, send, limits
        self._begun = time.monotonic()
        self._bytes = 0
        self._more = True

    async def receive(self) -> Message:
        """The next piece of the body, within the limits."""
        if not self._more:
            return await self._receive()  # only the disconnect can still come
        left = self._begun + self._limits.arrive_seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.0))
        except TimeoutError:
            sentence = f"The request did not arrive within {self._limits.arrive_seconds:g} seconds."
            raise Refusal(400, "incomplete", sentence, {"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > self._limits.body_bytes:
                raise too_large(self._limits)
            if not message.get("more_body", False):
                self.all_here()
        return message

    def all_here(self) -> None:
        """The body has arrived, or nobody waits for the rest."""
        self._more = False
        arrived, self.arrived = self.arrived, None
        if arrived is not None:
            arrived()

    async def send(self, message: Message) -> None:
        """A piece of the answer, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            head = MutableHeaders(scope=message)
            head["X-Request-ID"] = self.id
            head["X-Content-Type-Options"] = "nosniff"
            head.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, unless an answer has begun already."""
        if self.status:
            return
        response = answer(refusal, self.id)
        if self._more and self._scope["method"] not in ("GET", "HEAD"):
            response.headers["Connection"] = "close"
            await self._refuse_midway(response.raw_headers, response.status_code, response.body)
        else:
            await response(self._scope, self._receive, self.send)

    async def _refuse_midway(
        self, headers: list[tuple[bytes, bytes]], status: int, body: bytes | memoryview
    ) -> None:
        """Answer while the body still comes, and let it run dry for a while.

        A client that is cut off in the middle of sending often does not read the answer.
        """
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        try:
            async with asyncio.timeout(LINGER):
                while True:
                    message = await self._receive()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        break
        except TimeoutError:
            pass
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def tell(self) -> None:
        """Write the request's line into the log."""
        took = 1000 * (time.monotonic() - self._begun)
        method, path = self._scope["method"], self._scope["path"]
        status = self.status or "gone"
        log.info("%s %s %r %s %.0f ms", self.id, method, path, status, took)
