"""Fetching weights from a server on this machine's own loopback."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from petvision.errors import InputError, ModelError, OutputError
from petvision.events import Progress, Result, result_of
from petvision.models import zoo
from petvision.models.download import CHUNK, download

CONTENT = bytes(range(256)) * (3 * CHUNK // 256) + b"end"
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


class Handler(BaseHTTPRequestHandler):
    """Serves ``CONTENT`` at ``/file``, with or without resuming, whole or cut short."""

    requests: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self):
        start = self.headers.get("Range", "")
        self.requests.append((self.path, start))
        if self.path == "/gone":
            self.send_error(404)
            return
        offset = int(start.removeprefix("bytes=").rstrip("-") or 0) if self.path != "/whole" else 0
        if offset >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[offset:]
        self.send_response(206 if offset else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Handler.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "weights.pth"


def test_a_file_comes_whole_with_progress_in_bytes(server, target):
    events = list(download(f"{server}/file", target, PREFIX))
    assert target.read_bytes() == CONTENT
    assert events[-1] == Result(target)
    steps = [event for event in events if isinstance(event, Progress)]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1] == Progress(len(CONTENT), len(CONTENT), "weights.pth")
    assert len(steps) >= 4
    assert [p.name for p in target.parent.iterdir()] == ["weights.pth"]


def test_it_goes_on_where_it_was_stopped(server, target):
    job = download(f"{server}/file", target, PREFIX)
    while next(job).done < CHUNK:
        pass
    job.close()
    part = target.with_name("weights.pth.part")
    have = part.stat().st_size
    assert 0 < have < len(CONTENT)
    assert not target.exists()
    assert result_of(download(f"{server}/file", target, PREFIX)) == target
    assert target.read_bytes() == CONTENT
    assert Handler.requests[-1] == ("/file", f"bytes={have}-")


def test_a_server_that_cannot_resume_sends_it_all_again(server, target):
    target.parent.mkdir()
    target.with_name("weights.pth.part").write_bytes(CONTENT[:1000])
    result_of(download(f"{server}/whole", target, PREFIX))
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_only_checked(server, target):
    target.parent.mkdir()
    target.with_name("weights.pth.part").write_bytes(CONTENT)
    result_of(download(f"{server}/file", target, PREFIX))
    assert target.read_bytes() == CONTENT


def test_a_connection_that_breaks_off_keeps_what_came(server, target):
    with pytest.raises(InputError, match="broke off") as caught:
        result_of(download(f"{server}/cut", target, PREFIX))
    assert caught.value.code == "network"
    assert target.with_name("weights.pth.part").stat().st_size > 0
    result_of(download(f"{server}/file", target, PREFIX))
    assert target.read_bytes() == CONTENT


def test_another_file_than_expected_is_thrown_away(server, target):
    with pytest.raises(ModelError, match="sha256 starts with") as caught:
        result_of(download(f"{server}/file", target, "00000000"))
    assert caught.value.code == "bad_weights"
    assert list(target.parent.iterdir()) == []


def test_the_servers_answer_is_told(server, target):
    with pytest.raises(InputError, match="404"):
        result_of(download(f"{server}/gone", target, PREFIX))


def test_a_server_that_is_not_there(target):
    with pytest.raises(InputError) as caught:
        result_of(download("http://127.0.0.1:9/file", target, PREFIX))
    assert caught.value.code == "network"


def test_offline_nothing_is_asked(server, target, monkeypatch):
    monkeypatch.setenv("PETVISION_OFFLINE", "1")
    with pytest.raises(InputError, match="PETVISION_OFFLINE") as caught:
        result_of(download(f"{server}/file", target, PREFIX))
    assert caught.value.code == "refused"
    assert Handler.requests == []


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError):
        result_of(download(f"{server}/file", tmp_path / "file" / "weights.pth", PREFIX))


def test_the_zoo_fetches_into_ones_own_folder(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    remote = zoo.Remote(f"{server}/file/weights-{PREFIX}.pth", len(CONTENT))
    monkeypatch.setitem(zoo.REMOTE, "imagenet-test", remote)
    path = result_of(zoo.fetch("imagenet-test"))
    assert path == zoo.own_folder() / f"weights-{PREFIX}.pth"
    assert zoo.find("imagenet-test") == path
