"""``petvision batch`` over a folder, beside a plain torchvision loop over the same photos.

    python -m tests.benchmarks.batch --data pets:DIR [--turns 12] [--json FILE]

The command itself runs, as a person runs it, in a process of its own; its time counts from its
start to its end, opening and checking the engine included. Whenever the plain loop takes its turn
(batches of 16 of the same photos, no workers), the command's process stands still (SIGSTOP), so
that both have the machine to themselves and its moods strike both alike. POSIX and /proc only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import torch

from petvision.batch.rows import Reader
from petvision.evaluate.datasets import Labelled, labelled_photos, parse_spec
from petvision.models.files import read_model
from petvision.models.zoo import find
from tests.benchmarks.measure import Row, report
from tests.benchmarks.prediction import BATCH, BULK, plain_bulk, plain_network

STEADY_FROM = 500  # photos after which memory should not grow any more


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    path = find(options.model)
    photos = [
        photo
        for part in options.parts
        for photo in labelled_photos(parse_spec(options.data + part))
    ]
    plain = _Plain(path, photos, options.turns, options.plain)
    plain.turn()  # to warm up
    plain.seconds.clear()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(options.out or place)
        child = _Child(photos, folder, options)
        for done in child.followed():
            if done >= child.next_turn * len(photos) / options.turns:
                child.next_turn += 1
                with child.standing_still():
                    plain.turn()
        rows = [_speed(child, plain, len(photos)), _memory(child), _counted(photos, folder)]
    print(report(f"batch over {len(photos):,} photos", rows, options.json))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="labelled photos, such as pets:DIR")
    parser.add_argument(
        "--parts", type=lambda text: text.split(","), default=("@trainval", "@test")
    )
    parser.add_argument("--model", default="catdog-resnet101", help="a name or a file")
    parser.add_argument("--turns", type=int, default=12, help="of the plain loop")
    parser.add_argument("--plain", type=int, default=4 * BATCH, help="photos of a plain turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep the run in this folder")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args(arguments)


@dataclass(slots=True)
class _Plain:
    """torchvision's network over the photos, some at a turn, spread over the whole set."""

    path: Path
    photos: Sequence[Labelled]
    turns: int
    at_once: int
    seconds: list[float] = field(default_factory=list)
    taken: int = 0

    def turn(self) -> None:
        start = self.taken * len(self.photos) // (self.turns + 2)  # one to warm up, one at the end
        self.taken += 1
        chosen = [photo.path for photo in self.photos[start : start + self.at_once]]
        network, spec = plain_network(self.path), read_model(self.path).card.input_spec
        begin = time.perf_counter()
        plain_bulk(network, spec, chosen)
        self.seconds.append((time.perf_counter() - begin) / len(chosen))


class _Child:
    """The command at work: its time, and its memory whenever it tells how far it is."""

    def __init__(self, photos: Sequence[Labelled], folder: Path, options: argparse.Namespace):
        folder.mkdir(parents=True, exist_ok=True)
        listed, truths = folder / "photos.txt", folder / "truths.csv"
        listed.write_bytes(b"".join(os.fsencode(photo.path) + b"\n" for photo in photos))
        lines = [f"{photo.path},{photo.label}\n" for photo in photos]
        truths.write_text("path,truth\n" + "".join(lines), "utf-8", "surrogateescape")
        words = [str(listed), "--out", str(folder), "--model", options.model, "--json"]
        self.memory: list[tuple[int, float]] = []
        self.next_turn = 0
        self.stood = 0.0
        self._begin = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "petvision", "batch", *words, "--truth", str(truths)],
            env=dict(os.environ, OMP_NUM_THREADS=str(options.threads)),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.took = 0.0

    def followed(self) -> Iterator[int]:
        """How many photos are done, whenever it tells; afterwards ``took`` are its seconds."""
        with self._process as process:
            assert process.stdout is not None
            for line in process.stdout:
                told = json.loads(line)
                if told["event"] == "status":
                    self.memory.append((told["fresh"], self._resident()))
                    yield told["fresh"]
        if process.returncode not in (0, 1):
            raise SystemExit("the run broke off")
        self.took = time.perf_counter() - self._begin - self.stood

    def _resident(self) -> float:
        """MiB held just now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next((x for x in status.splitlines() if x.startswith("VmRSS")), "VmRSS: 0")
        return int(line.split()[1]) / 1024

    def standing_still(self) -> _Still:
        return _Still(self, self._process.pid)


class _Still:
    """The command's process stands still within; that time is not its own."""

    def __init__(self, child: _Child, pid: int):
        self._child, self._pid = child, pid

    def __enter__(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._child.stood += time.perf_counter() - self._begin
        os.kill(self._pid, signal.SIGCONT)


def _speed(child: _Child, plain: _Plain, photos: int) -> Row:
    ours, theirs = 1000 * child.took / photos, 1000 * median(plain.seconds)
    fast = torch.cpu._is_avx512_bf16_supported()
    note = (
        f"{theirs / ours:.2f}× plain; {photos / child.took:.1f} photos/s over {child.took:.0f} s, "
        f"its start included; plain: {len(plain.seconds)} turns of {plain.at_once}"
    )
    return Row("batch, milliseconds a photo", theirs, ours, BULK[bool(fast)], note)


def _memory(child: _Child) -> Row:
    steady = [held for done, held in child.memory if done >= STEADY_FROM]
    steady = steady or [held for _, held in child.memory[-2:]]
    first, last = steady[: (len(steady) + 1) // 2], steady[len(steady) // 2 :]
    note = (
        f"MiB more in the second half of what follows photo {STEADY_FROM} than in the first (the "
        f"most of each); {steady[0]:.0f} at photo {STEADY_FROM}, {max(steady):.0f} at most, "
        f"{steady[-1]:.0f} at the end"
    )
    return Row("memory, growth in MiB", None, max(last) - max(first), 50.0, note)


def _counted(photos: Sequence[Labelled], folder: Path) -> Row:
    """Photos that the store has not, has twice, or has with another truth: it must be none."""
    right = {str(photo.path): photo.label for photo in photos}
    with Reader(folder) as reader:
        rows, summary = list(reader.rows()), reader.summary()
        whole = reader.finished() is not None
    found = {row.location: row.truth for row in rows}
    off = len(rows) - len(found) + sum(found.get(path) != truth for path, truth in right.items())
    off += len(found.keys() - right.keys()) + (not whole)
    labels = ", ".join(f"{count:,} {label}" for label, count in summary.labels.items())
    note = f"{summary.items:,} items: {labels}; {summary.failed} not readable; "
    note += f"accuracy {summary.accuracy:.4f}; {summary.again} computed again on the reference"
    return Row("photos lost, double or mixed up (a count)", None, float(off), 0.0, note)


if __name__ == "__main__":
    main()
