"""With ``public_only``, nothing is fetched from this machine or its network, by whatever way.

The names of these tests stand for addresses that the test's own resolver gives, and connections to
public ones end at a server here: the rest is as in the program.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from petvision.errors import InputError
from petvision.images.fetch import fetch, is_public
from petvision.images.types import Limits
from tests.images.test_fetch import PHOTO, Handler, serving

PUBLIC, OTHER = "93.184.216.34", "1.1.1.1"
NAMES = {
    "photos.example": (PUBLIC,),
    "other.example": (OTHER,),
    "inside.example": ("10.0.0.7",),
    "both.example": (PUBLIC, "192.168.1.1"),
    "bent.example": ("127.0.0.1",),
}
LIMITS = Limits(public_only=True, seconds=5)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Names for addresses, and a server where the public ones lead; its port."""
    resolve, Plain = socket.getaddrinfo, socket.socket

    def resolved(host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        found: list[Any] = []
        for address in NAMES.get(host, (host,)):
            found += resolve(address, port, *rest, **more)
        return found

    with serving() as port:

        class Diverted(Plain):  # type: ignore[misc, valid-type]
            def connect(self, place: Any) -> None:
                here = place[0] in (PUBLIC, OTHER)
                super().connect(("127.0.0.1", port) if here else place)

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        monkeypatch.setattr(socket, "socket", Diverted)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # would see what it must not
        monkeypatch.setattr(
            Handler, "page_home", _redirect("http://127.0.0.1/photo"), raising=False
        )
        bent = _redirect(f"http://bent.example:{port}/photo")
        monkeypatch.setattr(Handler, "page_bent", bent, raising=False)
        monkeypatch.setattr(
            Handler, "page_onward", _redirect("http://other.example/photo"), raising=False
        )
        yield port


def _redirect(target: str) -> Any:
    return lambda handler: handler.redirect(target)


def _refused(url: str) -> str:
    with pytest.raises(InputError) as caught:
        fetch(url, LIMITS)
    assert caught.value.code == "refused", str(caught.value)
    return str(caught.value)


def test_a_public_photo_comes(internet: int) -> None:
    assert fetch("http://photos.example/photo", LIMITS) == PHOTO


def test_a_redirect_to_another_public_place_is_followed(internet: int) -> None:
    assert fetch("http://photos.example/onward", LIMITS) == PHOTO


def test_a_redirect_to_this_machine_is_refused(internet: int) -> None:
    sentence = _refused("http://photos.example/home")
    assert "not on the public internet" in sentence
    assert "127.0.0.1" not in sentence  # nothing is told of where it would have led
    _refused("http://photos.example/bent")


@pytest.mark.parametrize("name", ["inside.example", "both.example", "bent.example"])
def test_a_name_that_stands_for_a_private_address_is_refused(internet: int, name: str) -> None:
    _refused(f"http://{name}:{internet}/photo")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "127.1", "2130706433", "0x7f000001"],
)
def test_this_machine_is_refused_however_it_is_written(internet: int, host: str) -> None:
    _refused(f"http://{host}:{internet}/photo")


def test_without_the_limit_this_machine_is_fetched_from(
    internet: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("http_proxy")
    assert fetch(f"http://127.0.0.1:{internet}/photo", Limits()) == PHOTO


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_what_is_not_on_the_public_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_what_is_on_the_public_internet(address: str) -> None:
    assert is_public(address)
