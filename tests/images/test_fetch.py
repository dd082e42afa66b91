"""Fetching from a real server on this machine, with every way in which it can misbehave."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from PIL import Image

from petvision import __version__
from petvision.errors import InputError
from petvision.images import door
from petvision.images.fetch import fetch
from petvision.images.inputs import source_of
from petvision.images.types import Limits
from tests.images.pictures import scene


def _photo() -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    return buffer.getvalue()


PHOTO = _photo()
HTML = b"<!DOCTYPE html>\n<html><body>A cat</body></html>"


class Handler(BaseHTTPRequestHandler):
    """One page for each kind of server."""

    stop = threading.Event()
    agents: list[str] = []  # noqa: RUF012 - the server makes one handler a request

    def do_GET(self) -> None:
        self.agents.append(self.headers["User-Agent"])
        name = self.path.strip("/").partition("?")[0].replace("-", "_")
        with suppress(ConnectionError):  # the other side may hang up, that is the test
            getattr(self, f"page_{name}", self.page_missing)()

    def answer(self, body: bytes, kind: str, length: int | None = None, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str, status: int = 302) -> None:
        self.send_response(status)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def page_photo(self) -> None:
        self.answer(PHOTO, "image/png")

    def page_ni_C3_B1o(self) -> None:
        self.page_photo()

    def page_mislabelled(self) -> None:
        self.answer(PHOTO, "text/html; charset=utf-8")

    def page_html(self) -> None:
        self.answer(HTML, "text/html")

    def page_html_as_jpeg(self) -> None:
        self.answer(HTML, "image/jpeg")

    def page_text(self) -> None:
        self.answer(b"just words", "text/plain")

    def page_huge(self) -> None:
        self.answer(b"", "image/jpeg", length=1 << 40)

    def page_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.stop.is_set():
            self.wfile.write(bytes(1 << 16))

    def page_short(self) -> None:
        self.answer(PHOTO[:100], "image/png", length=len(PHOTO))

    def page_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.stop.wait(0.05):
            self.wfile.write(b"x")

    def page_drip_header(self) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        while not self.stop.wait(0.05):
            self.wfile.write(b"x")

    def page_there(self) -> None:
        self.redirect("/photo", 301)

    def page_to_file(self) -> None:
        self.redirect("file:///etc/passwd")

    def page_to_ftp(self) -> None:
        self.redirect("ftp://127.0.0.1/a.jpg")

    def page_to_http(self) -> None:
        self.redirect("http://127.0.0.1/photo")

    def page_loop(self) -> None:
        self.redirect("/loop")

    def page_far(self) -> None:
        step = int(self.path.partition("?")[2] or 0)
        self.redirect(f"/far?{step + 1}")

    def page_missing(self) -> None:
        self.answer(b"<html>none</html>", "text/html", status=404)

    def page_no_http(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on the screen."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing on the screen: that the other side hangs up is the test."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on this machine; gives its port."""
    Handler.stop.clear()
    place = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        place.socket = tls.wrap_socket(place.socket, server_side=True)
    thread = threading.Thread(target=place.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield place.server_port
    Handler.stop.set()
    place.shutdown()
    thread.join()
    place.server_close()


@pytest.fixture
def server() -> Iterator[str]:
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody vouches for, with its key beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: it makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *subject], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with serving(tls) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the test and its server."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refusal(url: str, limits: Limits = door.LIMITS) -> InputError:
    with pytest.raises(InputError) as caught:
        fetch(url, limits)
    return caught.value


def test_a_photo_comes_through_the_door(server: str) -> None:
    picture = door.decode(door.load(source_of(f"{server}/photo")))
    np.testing.assert_array_equal(picture.pixels, scene())
    assert Handler.agents[-1] == f"PetVision/{__version__}"


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: str) -> None:
    error = refusal(f"{secure}/photo")
    assert error.code == "network"
    assert "the server's certificate is not valid" in str(error)


@pytest.fixture
def trusted(secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return secure


def test_a_photo_comes_over_a_secure_connection(trusted: str) -> None:
    assert fetch(f"{trusted}/photo", door.LIMITS) == PHOTO


def test_a_slow_drip_ends_in_time_over_a_secure_connection(trusted: str) -> None:
    error = refusal(f"{trusted}/drip", Limits(seconds=0.5))
    assert "it took longer than 0.5 seconds" in str(error)


def test_no_way_leads_back_from_a_secure_connection(trusted: str) -> None:
    error = refusal(f"{trusted}/to-http")
    assert error.code == "refused"
    assert "it leads from https to http" in str(error)


def test_a_redirect_on_the_web_is_followed(server: str) -> None:
    assert fetch(f"{server}/there", door.LIMITS) == PHOTO


def test_an_address_may_hold_letters_and_spaces_as_people_write_them(server: str) -> None:
    assert fetch(f"{server}/photo?q=el niño 🐈#part", door.LIMITS) == PHOTO


def test_a_photo_that_calls_itself_html_is_a_photo(server: str) -> None:
    assert fetch(f"{server}/mislabelled", door.LIMITS) == PHOTO


@pytest.mark.parametrize("page", ["html", "html-as-jpeg"])
def test_a_web_page_is_told_as_one(server: str, page: str) -> None:
    error = refusal(f"{server}/{page}")
    assert error.code == "unsupported"
    assert str(error) == (
        f"{server}/{page} is a web page, not a picture PetVision can open. "
        "Open it in a browser and copy the address of the picture itself."
    )


def test_text_is_told_when_it_is_decoded(server: str) -> None:
    with pytest.raises(InputError, match="is a text file"):
        door.decode(door.load(source_of(f"{server}/text")))


def test_a_dead_address(server: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = refusal(f"http://127.0.0.1:{free.getsockname()[1]}/a.jpg")
    assert error.code == "network"
    assert "nothing answers there" in str(error)


def test_a_server_that_does_not_exist() -> None:
    error = refusal("http://no-such-server.invalid/a.jpg")
    assert error.code == "network"
    assert "no server of that name was found" in str(error)


@pytest.mark.parametrize("url", ["http://[bad/a.jpg", "http://a:port/", "http://" + "x" * 70])
def test_an_impossible_address(url: str) -> None:
    error = refusal(url)
    assert error.code == "network"
    assert "the address makes no sense" in str(error)


def test_what_the_server_lacks(server: str) -> None:
    error = refusal(f"{server}/missing")
    assert error.code == "network"
    assert "the server answers 404 (Not Found)" in str(error)


def test_another_scheme() -> None:
    error = refusal("ftp://127.0.0.1/a.jpg")
    assert error.code == "refused"


@pytest.mark.parametrize("page", ["to-file", "to-ftp"])
def test_a_redirect_to_another_scheme(server: str, page: str) -> None:
    error = refusal(f"{server}/{page}")
    assert error.code == "refused"
    assert "only http and https are fetched" in str(error)


@pytest.mark.parametrize("page", ["loop", "far"])
def test_a_redirect_without_end(server: str, page: str) -> None:
    error = refusal(f"{server}/{page}")
    assert error.code == "network"
    assert "redirected again and again" in str(error)


def test_a_huge_answer_is_refused_before_it_comes(server: str) -> None:
    assert refusal(f"{server}/huge").code == "too_large"


def test_an_endless_answer_is_cut_at_the_limit(server: str) -> None:
    assert refusal(f"{server}/endless", Limits(max_bytes=1 << 20)).code == "too_large"


def test_an_answer_that_breaks_off(server: str) -> None:
    error = refusal(f"{server}/short")
    assert error.code == "network"
    assert "the connection broke off" in str(error)


def test_a_server_of_something_else(server: str) -> None:
    error = refusal(f"{server}/no-http")
    assert error.code == "network"


@pytest.mark.parametrize("page", ["drip", "drip-header"])
def test_a_slow_drip_ends_at_the_total_time(server: str, page: str) -> None:
    start = perf_counter()
    error = refusal(f"{server}/{page}", Limits(seconds=0.4))
    assert perf_counter() - start < 2
    assert error.code == "network"
    assert "it took longer than 0.4 seconds" in str(error)


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refusal(f"http://127.0.0.1:{silent.getsockname()[1]}/", Limits(seconds=0.3))
    assert error.code == "network"
    assert "it took longer than 0.3 seconds" in str(error)


def test_offline_refuses_and_asks_nobody(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETVISION_OFFLINE", "1")
    before = len(Handler.agents)
    error = refusal(f"{server}/photo")
    assert error.code == "refused"
    assert "PETVISION_OFFLINE" in str(error)
    assert len(Handler.agents) == before


def test_a_password_in_an_address_is_never_shown() -> None:
    source = source_of("http://me:secret@no-such-server.invalid/a.jpg")
    assert "secret" not in source.label
    assert "secret" not in str(refusal(source.location))


def test_no_thread_is_left(server: str) -> None:
    before = threading.active_count()
    refusal(f"{server}/drip", Limits(seconds=0.2))
    names = [thread.name for thread in threading.enumerate()]
    assert not any("Timer" in name for name in names)
    assert threading.active_count() <= before + 1  # the server's own, for the drip
