"""Starting and ending the server."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from petvision.errors import ConfigError
from petvision.server.application import application
from petvision.server.desk import Desk

GRACE = 10  # seconds for answers that are being computed when the server is stopped
CONNECTIONS = 128


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address of this machine; port 0 is any that is free.

    Raises:
        ConfigError: ``range`` when there is no such address here, or the port is taken.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        expected = "an address of this machine"
        raise ConfigError("range", "--host", key="host", expected=expected, found=host) from error
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        expected = "one that is free here (0 takes any)"
        found = f"{port} ({(error.strerror or str(error)).lower()})"
        raise ConfigError("range", "--port", key="port", expected=expected, found=found) from error
    return listener


class Serving:
    """A server that answers until it is stopped: by a signal (Ctrl-C, SIGTERM) or ``stop``.

    What is being computed then is finished, within ``GRACE`` seconds; what waits is refused.

    Args:
        desk: answers; closed at the end.
        listener: from ``bound``; closed at the end.
        token: see ``application``.
        ready: called once requests are answered.
    """

    def __init__(
        self,
        desk: Desk,
        listener: socket.socket,
        token: str | None,
        *,
        ready: Callable[[], None],
    ) -> None:
        self._desk, self._listener = desk, listener
        config = uvicorn.Config(
            application(desk, token),
            http=_timed_protocol(desk.limits.arrive_seconds),
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Server(config, ready, desk.refuse)

    def run(self) -> None:
        """Answer until the end."""
        try:
            with self._listener:
                asyncio.run(self._server.serve([self._listener]))
        finally:
            self._desk.close()

    def stop(self) -> None:
        """Ask for the end, from any thread."""
        self._server.should_exit = True

    def follow_input(self) -> None:
        """End when standard input does: the parent closed it, or is no more."""

        def wait() -> None:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
            self.stop()

        # It may sit in a read that never ends; as a daemon it holds up no exit, and holds nothing.
        threading.Thread(target=wait, name="petvision-server-input", daemon=True).start()


class _Server(uvicorn.Server):
    """Uvicorn's server, ended by a signal without dying of it."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], refuse: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._refuse = ready, refuse

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._refuse()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ask for the end on a signal, and put the handlers back that were there before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _timed_protocol(seconds: float) -> type[H11Protocol]:
    """Uvicorn's protocol, with a time within which the head of a request must be here."""

    class Timed(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is None or self.cycle.response_complete:
                if self._deadline is None:
                    self._expect()
            else:
                self._forget()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _expect(self) -> None:
            self._deadline = self.loop.call_later(seconds, self._hang_up)

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _hang_up(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return Timed


def address_of(listener: socket.socket) -> str:
    """The address to ask, such as ``http://127.0.0.1:8000``."""
    host, port, *_ = listener.getsockname()
    name: Any = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"
