"""Runs hostile cases in a process of its own, which may crash, hang or eat memory: that is seen."""

from __future__ import annotations

import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from petvision.errors import PetVisionError

SECONDS = 5.0
"""Of the processor's time, a case; a machine may be busy with something else meanwhile."""
PATIENCE = 12
MEGABYTES = 1000
_NUMBERS = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff")


@dataclass
class Report:
    """What came of all cases: answers by kind, and the cases that broke the rules."""

    cases: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    megabytes: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One paragraph."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{self.cases} cases: {kinds}; slowest {self.slowest:.2f} s, "
            f"peak {self.megabytes} MB; {len(self.broken)} broke the rules"
        )


def drive(
    act: Callable[[Any], None], cases: Iterable[tuple[str, Any]], seconds: float = SECONDS
) -> Report:
    """Give each case to ``act`` in a child.

    Args:
        act: a function of a module; it may end well or raise ``PetVisionError``, nothing else.
        cases: what each is called, and what ``act`` gets.
        seconds: that one case may take.
    """
    report = Report()
    child = _Child(act)
    try:
        for name, case in cases:
            report.cases += 1
            kind, took, megabytes = child.ask(case, seconds)
            report.kinds[kind] = report.kinds.get(kind, 0) + 1
            report.slowest = max(report.slowest, took)
            report.megabytes = max(report.megabytes, megabytes)
            if kind.startswith("!") or megabytes > MEGABYTES or took > seconds:
                report.broken.append(f"{name}: {kind}, {took:.1f} s, {megabytes} MB")
                child.close()
                child = _Child(act)
    finally:
        child.close()
    return report


class _Child:
    def __init__(self, act: Callable[[Any], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_work, args=(far, act))
        self._process.start()
        far.close()
        assert self._pipe.recv() == "ready"

    def ask(self, case: Any, seconds: float) -> tuple[str, float, int]:
        try:
            self._pipe.send(case)
            if not self._pipe.poll(seconds * PATIENCE):
                return "!hang", seconds * PATIENCE, 0
            answer: tuple[str, float, int] = self._pipe.recv()
        except (EOFError, ConnectionError):
            return "!crash", 0.0, 0
        return answer

    def close(self) -> None:
        self._pipe.close()
        self._process.join(1)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _work(pipe: Connection, act: Callable[[Any], None]) -> None:
    pipe.send("ready")
    base = _megabytes()
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        kind, started = "answered", time.process_time()
        try:
            act(case)
        except PetVisionError as error:
            sentence = str(error)
            kind = error.code if "\n" not in sentence and len(sentence) < 1000 else "!no sentence"
        except BaseException as fault:  # noqa: BLE001 - told, that is what this is for
            kind = f"!{type(fault).__name__}: {fault!s:.200}"
        pipe.send((kind, time.process_time() - started, _megabytes() - base))


def _megabytes() -> int:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Do one to eight small accidents to a file: flips, cuts, copies, splices, the end gone."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        if not out:
            return bytes(out)
        # Headers decide more than pixels: half of the accidents happen in the first kilobyte.
        most = min(len(out), 1024) if rng.random() < 0.5 else len(out)
        at = rng.randrange(most)
        match rng.randrange(7):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.randrange(256)
            case 2:
                number = rng.choice(_NUMBERS)
                out[at : at + len(number)] = number
            case 3:
                del out[at : at + rng.choice((1, 2, 4, 64, 1024))]
            case 4:
                out[at:at] = out[at : at + rng.choice((1, 4, 64, 1024))]
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                out[at : at + 64] = other[start : start + rng.choice((16, 64, 256))]
            case 6:
                del out[at:]
    return bytes(out)
