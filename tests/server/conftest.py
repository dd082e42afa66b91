"""A real server on this machine, around a tiny model."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from petvision.server.desk import Desk
from petvision.server.limits import ServerLimits
from petvision.server.run import Serving, address_of, bound


@contextmanager
def running(desk: Desk, token: str | None = None) -> Iterator[str]:
    """A server in a thread of its own; its address."""
    ready = threading.Event()
    listener = bound("127.0.0.1", 0)
    address = address_of(listener)
    serving = Serving(desk, listener, token, ready=ready.set)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        assert ready.wait(30)
        yield address
    finally:
        serving.stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def zoo(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model is a model of the zoo."""
    monkeypatch.setenv("PETVISION_WEIGHTS", os.fspath(tiny_model.parent))


@pytest.fixture
def make_desk(tiny_model: Path, zoo: None) -> Iterator[Callable[..., Desk]]:
    """Makes desks with the tiny model, of limits as told, and closes them."""
    made: list[Desk] = []

    def make(**limits: float) -> Desk:
        own = ServerLimits(**limits)  # type: ignore[arg-type]
        made.append(Desk(os.fspath(tiny_model), engine="torch-fp32", limits=own))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """The tiny model behind the ordinary limits."""
    return make_desk()


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """Asks a running server."""
    with running(desk) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client
