"""What the local API refuses, and how: one form, one sentence, and it answers on."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from petvision.server.desk import Desk
from tests.server.conftest import running

MakeDesk = Callable[..., Desk]
BOUNDARY = "petvision-boundary"


def _code(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"error", "request_id"}
    assert set(told["error"]) == {"code", "message"}
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"] == told["request_id"]
    return str(told["error"]["code"])


def _bomb(side: int = 60_000) -> bytes:
    """A PNG of a few kilobytes whose header promises 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1_000_000))
    pieces = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "unreadable"),
        (b"<html><body>no cat</body></html>", 415, "unsupported"),
        (b"%PDF-1.7 no cat", 415, "unsupported"),
        (b"\xff\xd8\xff\xe0 broken", 422, "unreadable"),
        (_bomb(), 413, "too_large"),
    ],
)
def test_what_is_no_usable_picture(
    client: httpx.Client, content: bytes, status: int, code: str
) -> None:
    assert _code(client.post("/predict", files={"file": ("tom.jpg", content)}), status) == code


def test_requests_that_are_not_well_formed(client: httpx.Client, samples: Path) -> None:
    post = client.post
    cat = {"file": ("cat.jpg", (samples / "cat.jpg").read_bytes())}
    json_head = {"Content-Type": "application/json"}
    assert _code(post("/predict"), 415) == "unsupported"
    assert _code(post("/predict", content=b"{", headers=json_head), 400) == "bad_request"
    assert _code(post("/predict", content=b"\xff", headers=json_head), 400) == "bad_request"
    nested = b"[" * 60_000
    assert _code(post("/predict", content=nested, headers=json_head), 400) == "bad_request"
    assert _code(post("/predict", json=["url"]), 422) == "type"
    assert _code(post("/predict", json={"url": 7}), 422) == "type"
    assert _code(post("/predict", json={"url": "file:///etc/passwd"}), 422) == "type"
    assert _code(post("/predict", json={"url": "http://a.example", "x": 1}), 422) == "type"
    assert _code(post("/predict", content=b" " * 70_000, headers=json_head), 413) == "too_large"
    assert _code(post("/predict", files={"photo": cat["file"]}), 422) == "key"
    assert _code(post("/predict", files=cat, data={"methods": "gradcam"}), 422) == "key"
    advanced = "/predict/advanced"
    assert _code(post(advanced, files=cat, data={"methods": "magic"}), 422) == "key"
    assert _code(post(advanced, files=cat, data={"target": "horse"}), 422) == "key"
    assert _code(post(advanced, files=cat, data={"parameters": "["}), 422) == "type"
    wrong = json.dumps({"occlusion": {"stride": -1}})
    assert _code(post(advanced, files=cat, data={"parameters": wrong}), 422) == "range"
    head = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert _code(post("/predict", content=b"--nonsense", headers=head), 400) == "bad_request"
    assert _code(client.get("/nothing"), 404) == "not_found"
    assert _code(client.get("/predict"), 405) == "method_not_allowed"
    assert post("/predict", files=cat).status_code == 200


def test_private_addresses_are_not_fetched(client: httpx.Client) -> None:
    for url in (f"{client.base_url}/docs/petvision.svg", "http://169.254.169.254/latest/meta-data"):
        assert _code(client.post("/predict", json={"url": url}), 400) == "refused"


def test_pages_of_other_sites_may_not_ask(client: httpx.Client) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert _code(client.get("/health", headers=headers), 400) == "refused"
    same = {"Origin": str(client.base_url).rstrip("/")}
    assert client.get("/health", headers=same).status_code == 200


def _endless(total: int) -> Iterator[bytes]:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    yield head.encode()
    for _ in range(total // (1 << 20)):
        yield bytes(1 << 20)
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def test_two_gigabytes_are_refused_by_their_head(client: httpx.Client) -> None:
    """Without reading them: the answer is there before a byte of the picture was sent."""
    place = urlsplit(str(client.base_url))
    with socket.create_connection((str(place.hostname), int(place.port or 0)), 10) as plain:
        plain.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2147483648\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        answer = plain.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"too_large" in answer


def test_an_upload_that_does_not_say_its_size_is_cut_at_the_limit(make_desk: MakeDesk) -> None:
    desk = make_desk(body_bytes=1 << 20)
    head = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with running(desk) as address, httpx.Client(base_url=address, timeout=30) as client:
        answer = client.post("/predict", content=_endless(8 << 20), headers=head)
        assert _code(answer, 413) == "too_large"
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: localhost"])
def test_a_head_that_does_not_come_is_hung_up_on(make_desk: MakeDesk, sent: bytes) -> None:
    with running(make_desk(arrive_seconds=0.3)) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), 10) as slow:
            slow.sendall(sent)
            assert slow.recv(4096) == b""


def test_a_body_that_does_not_come_is_refused_in_time(make_desk: MakeDesk) -> None:
    with running(make_desk(arrive_seconds=0.3)) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), 10) as slow:
            slow.sendall(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            )
            answer = slow.makefile("rb").read()  # until the server hangs up
        assert answer.startswith(b"HTTP/1.1 400")
        assert b'"incomplete"' in answer


def test_a_client_that_goes_away_leaves_nothing_behind(make_desk: MakeDesk, samples: Path) -> None:
    desk = make_desk()
    cat = (samples / "cat.jpg").read_bytes()
    with running(desk) as address, httpx.Client(base_url=address) as client:
        data = {"parameters": json.dumps({"occlusion": {"stride": 2, "window": 8}})}
        with pytest.raises(httpx.ReadTimeout):
            client.post(
                "/predict/advanced", files={"file": ("cat.jpg", cat)}, data=data, timeout=0.3
            )
        until = time.monotonic() + 20
        while client.get("/health").json()["queue"] and time.monotonic() < until:
            pass
        assert client.get("/health").json()["queue"] == 0
        assert client.post("/predict", files={"file": ("cat.jpg", cat)}).status_code == 200


def test_panels_end_at_their_time_and_the_verdict_stays(make_desk: MakeDesk, samples: Path) -> None:
    cat = (samples / "cat.jpg").read_bytes()
    with running(make_desk(compute_seconds=0)) as address, httpx.Client(base_url=address) as client:
        answer = client.post("/predict/advanced", files={"file": ("cat.jpg", cat)}, timeout=60)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["label"] in ("cat", "dog", "unknown")
        assert told["artifacts"]["occlusion_overlay"]["error"]["code"] == "too_slow"


def test_beyond_the_queue_the_answer_is_429_and_health_goes_on(
    make_desk: MakeDesk, samples: Path
) -> None:
    """200 requests from 16 clients: each is answered or told when to come again."""
    desk = make_desk(waiting=4)
    cat = (samples / "cat.jpg").read_bytes()
    slowest = 0.0
    over = threading.Event()
    with running(desk) as address:

        def watch() -> None:
            nonlocal slowest
            with httpx.Client(base_url=address, timeout=10) as client:
                while not over.is_set():
                    started = time.monotonic()
                    assert client.get("/health").status_code == 200
                    slowest = max(slowest, time.monotonic() - started)

        def ask(_: int) -> httpx.Response:
            return httpx.post(f"{address}/predict", files={"file": ("a.jpg", cat)}, timeout=60)

        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(ask, range(200)))
        over.set()
        watcher.join()
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert _code(answer, 429) == "busy"
            assert int(answer.headers["retry-after"]) >= 1
    assert slowest < 2, "the machine of a test is shared"


@pytest.mark.parametrize("way", ["interrupt", "input"])
def test_the_program_ends_cleanly(tiny_model: Path, way: str) -> None:
    command = [sys.executable, "-m", "petvision", "serve", "--port", "0", "--json"]
    command += ["--model", str(tiny_model), "--engine", "torch-fp32"]
    command += ["--with-parent"] if way == "input" else []
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    address = json.loads(child.stdout.readline())["address"]
    assert httpx.get(f"{address}/health").json()["model"]["name"] == "tiny"
    if way == "interrupt":
        child.terminate()
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "curl -F file=@PHOTO.jpg" in err
    assert "The server has ended." in err
    assert not out


def test_serving_to_others_wants_a_token(capfd: pytest.CaptureFixture[str]) -> None:
    from petvision.cli import main

    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "the token must be given" in capfd.readouterr().err


def test_a_port_that_is_taken_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    from petvision.cli import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "must be one that is free here" in capfd.readouterr().err
