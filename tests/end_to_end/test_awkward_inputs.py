"""One run of the real program over everything awkward: the broken are told, the rest goes on."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.awkward import broken_inputs, valid_inputs

ORDINARY_USER = 65534


class WebPage(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page of HTML."""

    def do_GET(self) -> None:
        page = b"<!doctype html><title>Cats</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WebPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def dead_url() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/cat.jpg"


def predict(arguments: list[str | bytes], listed: list[str | bytes]) -> tuple[int, list[dict], str]:
    """Run ``petvision predict --json`` on a list: exit code, lines, words on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "petvision", "predict", "--json", "-", *arguments],
        input=b"\n".join(map(os.fsencode, listed)),
        capture_output=True,
        check=False,
        timeout=240,
    )
    lines = done.stdout.decode("ascii").splitlines()  # JSON is ASCII-escaped
    return done.returncode, [json.loads(line) for line in lines], done.stderr.decode()


def test_broken_inputs_are_told_and_valid_ones_answer_as_their_plain_twins(
    tmp_path: Path, samples: Path, web: str, catdog: str
):
    photo = samples / "cat.jpg"
    broken = broken_inputs(tmp_path / "broken", photo)
    broken["dead URL"] = (dead_url(), "network")
    broken["web page"] = (f"{web}/cat.jpg", "unsupported")
    valid = valid_inputs(tmp_path / "valid", photo)
    assert len(broken) + len(valid) >= 25 - 1  # the one without permission has its own test

    asked = [given for given, _ in broken.values()]
    for given, twin in valid.values():
        asked += [given, twin]
    code, lines, words = predict(["--model", catdog, "--engine", "torch-fp32"], asked)

    assert code == 1
    assert f"{len(broken)} of {len(asked)} inputs failed" in words
    assert "Traceback" not in words
    assert [line["source"] for line in lines] == [os.fsdecode(os.fsencode(a)) for a in asked]
    for (name, (_, error)), line in zip(broken.items(), lines, strict=False):
        assert line["error"]["code"] == error, name
        assert line["error"]["message"].endswith("."), name
    answers = iter(lines[len(broken) :])
    for name in valid:
        mine, twins = next(answers), next(answers)
        assert mine["label"] == twins["label"], name
        assert mine["confidence"] == pytest.approx(twins["confidence"], abs=0.05), name


AS_ORDINARY_USER = """
import os, sys
from petvision.cli import main

*call, locked, photo = sys.argv[1:]
assert main([*call, photo]) == 0  # everything is imported and the model is read as whoever started
if os.geteuid() == 0:
    os.setegid({user})
    os.seteuid({user})
sys.exit(main([*call, locked, photo]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_photo_without_permission_is_refused_and_the_next_one_answered(
    samples: Path, tiny_model: Path
):
    # Outside pytest's own folders, which an ordinary user may not enter.
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        for file in (samples / "cat.jpg", tiny_model):
            shutil.copy(file, place / file.name)
        locked = place / "locked.jpg"
        shutil.copy(samples / "cat.jpg", locked)
        locked.chmod(0o000)
        model = str(place / tiny_model.name)
        call = ["predict", "--json", "--engine", "torch-fp32", "--model", model]
        code = AS_ORDINARY_USER.format(user=ORDINARY_USER)
        done = subprocess.run(
            [sys.executable, "-c", code, *call, str(locked), str(place / "cat.jpg")],
            capture_output=True,
            text=True,
            check=False,
        )
    first, refused, answered = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert refused["error"]["code"] == "refused"
    assert "you have no permission to read it" in refused["error"]["message"]
    assert answered["scores"] == first["scores"]
