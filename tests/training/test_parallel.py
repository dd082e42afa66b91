"""Two processes on one run give the figures of one, and outlive the loss of one of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from training.loader import Loader
from training.parallel import Team


def started(config: Path, out: Path, processes: int, *more: str) -> subprocess.Popen[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += [f"--nproc-per-node={processes}", "--max-restarts=2", "--monitor-interval=0.2"]
    verb = ["-m", "petvision", "train", str(config), "--resume", "--set", f"out={out}", *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        launcher + verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def epochs(run: Path) -> list[dict]:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    found = {e["number"]: e for e in lines if e["event"] == "epoch"}
    return [found[number] for number in sorted(found)]


@pytest.fixture
def config(small_config: dict, tmp_path: Path) -> Path:
    # BatchNorm keeps its statistics: those of half a batch are not those of a whole one. And SGD:
    # Adam's first steps go by the sign of a gradient, which may be rounding alone.
    small_config["training"] |= {"epochs": 3, "freeze_statistics": True, "head_first": True}
    small_config["training"] |= {"batch_size": 8, "label_smoothing": 0.1}
    small_config["optimizer"] = {"name": "sgd", "lr": 1e-3}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(small_config))
    return path


def assert_alike(one: list[dict], two: list[dict]) -> None:
    assert [e["number"] for e in one] == [e["number"] for e in two] == [0, 1, 2, 3]
    for a, b in zip(one, two, strict=True):
        for key in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            assert a[key] == pytest.approx(b[key], abs=1e-3)
        assert a["confusion"] == b["confusion"]


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one(config, tmp_path):
    for processes in (1, 2):
        run = started(config, tmp_path / str(processes), processes)
        _, errors = run.communicate(timeout=280)
        assert run.returncode == 0, errors
    assert_alike(epochs(tmp_path / "1"), epochs(tmp_path / "2"))
    assert (tmp_path / "2" / "model.safetensors").is_file()


@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_the_run_goes_on(config, tmp_path):
    whole = started(config, tmp_path / "whole", 2)
    whole.communicate(timeout=280)
    assert whole.returncode == 0
    out = tmp_path / "killed"
    run = started(config, out, 2)
    deadline = time.monotonic() + 200
    while not (out / "checkpoints" / "best.pt").exists():
        assert time.monotonic() < deadline
        assert run.poll() is None
        os.sched_yield()
    workers = workers_of(run.pid)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    _, errors = run.communicate(timeout=280)
    assert run.returncode == 0, errors
    begun = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    begun = [e["following"] for e in begun if e["event"] == "begun"]
    assert len(begun) == 2, "the worker was killed too late to matter"
    assert begun[1] >= 1
    assert_alike(epochs(tmp_path / "whole"), epochs(out))


def workers_of(launcher: int) -> list[int]:
    tasks = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    names = {int(t): Path(f"/proc/{t}/cmdline").read_bytes() for t in tasks}
    return sorted(pid for pid, words in names.items() if b"petvision" in words)


def test_each_process_takes_its_share_of_every_batch(folder_of_colours, small_config):
    from petvision.evaluate.datasets import DataSpec, labelled_photos
    from petvision.images.types import InputSpec
    from training.config import Augment

    photos = tuple(labelled_photos(DataSpec("folder", folder_of_colours, "")))
    spec = InputSpec(size=32, resize=36)

    def batches(rank: int, world: int):
        loader = Loader(
            photos, ("cat", "dog"), spec, 8, Augment(), 5, rank=rank, world=world, workers=1
        )
        return list(loader.epoch(2))

    whole = batches(0, 1)
    for one, first, second in zip(whole, batches(0, 2), batches(1, 2), strict=True):
        together = np.empty_like(one.pixels)
        together[0::2], together[1::2] = first.pixels, second.pixels
        assert np.array_equal(together, one.pixels)
        assert np.array_equal(first.everybody, one.labels)


def test_alone_nothing_is_gathered_or_waited_for():
    alone = Team()
    values = np.arange(3.0)
    assert alone.leads
    assert alone.gathered(values, 3) is values
    assert alone.summed(1.0, 2.0) == [1.0, 2.0]
    alone.wait()
