"""``petvision batch`` as a program: resumed after any kill, told from outside, its exit codes."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.cli import main

ENGINE = ["--engine", "torch-fp32"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 160 small photos, two of them broken."""
    folder = tmp_path / "photos"
    for number in range(160):
        path = folder / f"{number % 4}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw = np.random.default_rng(number)
        Image.fromarray(draw.integers(0, 256, (300, 200, 3), np.uint8)).save(path)
    (folder / "0" / "000.png").write_bytes(b"")
    (folder / "1" / "001.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    return folder


@pytest.fixture
def batch(tmp_path: Path, tiny_model: Path):
    return ["batch", "--out", str(tmp_path / "run"), "--model", str(tiny_model), *ENGINE]


def started(arguments: list[str], **how: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "petvision", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        **how,
    )


def counted(run: Path) -> tuple[int, int, int, str]:
    """Items, predictions and errors of a store, and whether SQLite finds it whole."""
    with closing(sqlite3.connect(run / "run.sqlite")) as db:
        numbers = [
            db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
            for t in ("item", "prediction", "error")
        ]
        return (*numbers, db.execute("PRAGMA integrity_check").fetchone()[0])


def killed_often(arguments: list[str], run: Path, kills: int) -> None:
    """Kill the run at random moments, then let it end; after each kill the store is whole."""
    dice = random.Random(7)
    for _ in range(kills):
        running = started([*arguments, "--json"])
        for _ in range(dice.randint(1, 6)):
            if not running.stdout.readline():
                break
        running.kill()
        running.communicate()
        if (run / "run.sqlite").exists():
            items, predictions, errors, whole = counted(run)
            assert whole == "ok"
            assert items == predictions + errors
    ended = started([*arguments, "--json"])
    ended.communicate()
    assert ended.returncode == 1


def test_killed_and_started_again_no_photo_is_lost_and_none_is_twice(
    photos: Path, batch: list[str], tmp_path: Path
):
    killed_often([*batch, str(photos)], tmp_path / "run", 1)
    assert counted(tmp_path / "run") == (160, 158, 2, "ok")


@pytest.mark.slow
def test_killed_ten_times_no_photo_is_lost_and_none_is_twice(
    photos: Path, batch: list[str], tmp_path: Path
):
    killed_often([*batch, str(photos)], tmp_path / "run", 10)
    assert counted(tmp_path / "run") == (160, 158, 2, "ok")


def test_ctrl_c_stops_after_the_batch_with_130(photos: Path, batch: list[str], tmp_path: Path):
    running = started([*batch, str(photos), "--json"])
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == b"petvision: interrupted; what was done is kept.\n"
    items, predictions, errors, whole = counted(tmp_path / "run")
    assert items == predictions + errors < 160
    assert whole == "ok"


def test_orders_pause_correct_and_stop(photos: Path, batch: list[str], tmp_path: Path):
    running = started([*batch, str(photos), "--json", "--orders"], stdin=subprocess.PIPE)

    def until(phase: str, fresh: int = 0) -> dict[str, object]:
        for line in running.stdout:
            event = json.loads(line)
            if event.get("phase") == phase and event["fresh"] >= fresh:
                return event
        raise AssertionError(f"it never was {phase}")

    def order(**what: object) -> None:
        running.stdin.write(json.dumps(what).encode() + b"\n")
        running.stdin.flush()

    until("running", fresh=2)
    order(do="pause")
    until("paused")
    order(do="truth", items=[2], label="dog")
    order(do="nonsense")
    order(do="stop")
    until("stopped")
    running.communicate()
    assert running.returncode == 130
    with closing(sqlite3.connect(tmp_path / "run" / "run.sqlite")) as db:
        assert db.execute("SELECT truth, truth_by FROM item WHERE id = 2").fetchone() == (
            "dog",
            "person",
        )


def test_paths_may_come_from_standard_input(photos: Path, batch: list[str], tmp_path: Path):
    running = started([*batch, "-"], stdin=subprocess.PIPE)
    lines = b"".join(os.fsencode(path) + b"\n" for path in sorted(photos.rglob("*.png"))[2:12])
    said, _ = running.communicate(lines, timeout=60)
    assert running.returncode == 0
    assert said.split()[:2] == [b"photos", b"10"]
    assert counted(tmp_path / "run") == (10, 10, 0, "ok")


def test_the_summary_counts_what_the_run_found(
    samples: Path, batch: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main([*batch, str(samples), "--truth", "folders"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["photos", "3"]
    assert lines[-1] == ["engine", "torch-fp32"]
    assert main([*batch, str(samples), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["event"] == "summary"
    assert events[-1]["items"] == 3
    assert events[-2]["phase"] == "finished"


def test_a_folder_that_cannot_be_written_is_one_sentence(
    samples: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        call = ["batch", str(samples), "--out", str(out), "--model", str(tiny_model), *ENGINE]
        assert main(call) == 4
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("petvision: ")
        assert len(said.err.splitlines()) == 1


def test_another_model_is_refused(
    samples: Path, batch: list[str], catdog: str, capsys: pytest.CaptureFixture[str]
):
    assert main([*batch, str(samples)]) == 0
    capsys.readouterr()
    assert main([*batch, str(samples), "--model", catdog]) == 4
    assert "made with the model tiny" in capsys.readouterr().err


def test_a_resumed_run_keeps_its_engine(
    samples: Path, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
):
    call = ["batch", str(samples), "--out", str(tmp_path / "run"), "--model", str(tiny_model)]
    assert main([*call, *ENGINE]) == 0
    assert main(call) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["engine", "torch-fp32"]


def test_without_photos_it_says_so(
    tmp_path: Path, batch: list[str], capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()
    assert main([*batch, str(tmp_path / "empty")]) == 1
    assert "there are no photos" in capsys.readouterr().err
