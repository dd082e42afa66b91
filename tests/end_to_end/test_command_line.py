"""The real program in a process of its own: signals, pipes, full disks, colours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

PETVISION = [sys.executable, "-m", "petvision"]


@pytest.fixture
def predict(samples: Path, tiny_model: Path) -> list[str]:
    model = ["--model", str(tiny_model), "--engine", "torch-fp32"]
    return [*PETVISION, "predict", *model]


def test_ctrl_c_ends_with_130_and_keeps_what_was_done(predict: list[str], samples: Path):
    photo = f"{samples / 'cat.jpg'}\n".encode()
    running = subprocess.Popen(
        [*predict, "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that run in the background hand an ignored Ctrl-C on.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        running.stdin.write(photo * 60)
        running.stdin.flush()  # and it stays open: the program waits for more
        first = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        rest, words = running.stdout.read(), running.stderr.read().decode()
        running.wait()
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130
    lines = (first + rest).decode().splitlines()
    assert all(json.loads(line)["label"] for line in lines)  # no half line
    assert words.endswith("petvision: interrupted; what was done is kept.\n")
    assert "Traceback" not in words


def test_a_reader_that_has_had_enough_is_no_error(predict: list[str], samples: Path):
    running = subprocess.Popen(
        [*predict, *[str(samples)] * 20], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with running:
        assert running.stdout.readline().startswith(b"cat.jpg: ")
        running.stdout.close()
        words = running.stderr.read()
    assert b"BrokenPipe" not in words
    assert b"petvision" not in words
    assert running.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full: Linux")
def test_a_full_disk_ends_with_4(predict: list[str], samples: Path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*predict, str(samples)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 4
    assert "There is no space left to write standard output. Free some" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_is_the_module(tiny_model: Path):
    script = Path(sys.executable).with_name("petvision")
    for call in ([str(script)], PETVISION):
        done = subprocess.run([*call, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("petvision ")


def test_no_network_and_no_home_folder_file_comes_from_a_prediction(
    predict: list[str], samples: Path, tmp_path: Path
):
    """OpenVINO's telemetry keeps quiet under CI only, so CI is taken away here."""
    home = tmp_path / "home"
    home.mkdir()
    away = ("CI", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in away}
    environment |= {"HOME": str(home)}
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit(f'network: {a}')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from petvision.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    call = [*predict[3:], "--engine", "auto", str(samples / "cat.jpg")]
    done = subprocess.run(
        [sys.executable, "-c", code, *call],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [p.name for p in home.iterdir() if p.name != ".cache"] == []
