"""Two sides measured in one process, taking turns, so that a machine's moods strike both alike."""

from __future__ import annotations

import gc
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import torch


@dataclass(frozen=True)
class Row:
    """One line of a benchmark.

    ``plain`` and ``ours`` are medians in milliseconds (``plain`` None where there is no peer);
    ``target`` is the most that ours / plain may be (ours alone, without a peer) and ``note`` the
    distance of the results or what else belongs beside it.
    """

    what: str
    plain: float | None
    ours: float
    target: float | None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.plain is None else self.ours / self.plain

    @property
    def holds(self) -> bool | None:
        if self.target is None:
            return None
        return (self.ours if self.ratio is None else self.ratio) <= self.target


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each side, taking turns, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            gc.collect()
            start = perf_counter()
            side()
            if turn:
                times[name].append(1000 * (perf_counter() - start))
    return {name: median(values) for name, values in times.items()}


def peak_memory() -> float:
    """The most memory this process ever held, in MiB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def table(rows: Sequence[Row]) -> str:
    """The rows for a terminal."""
    width = max(len(row.what) for row in rows)
    lines = [f"{'':{width}}   plain ms    ours ms   ratio   target"]
    for row in rows:
        plain = f"{row.plain:10.1f}" if row.plain is not None else " " * 10
        ratio = f"{row.ratio:7.3f}" if row.ratio is not None else " " * 7
        target = f"≤ {row.target:<7g}" if row.target is not None else " " * 9
        verdict = {True: "holds", False: "MISSED", None: ""}[row.holds]
        share = row.plain is None and row.target is not None and row.target < 1
        ours = f"{row.ours:10.1e}" if share else f"{row.ours:10.1f}"
        lines.append(f"{row.what:{width}} {plain} {ours} {ratio}   {target}{verdict}")
        if row.note:
            lines.append(f"{'':{width}}   {row.note}")
    return "\n".join(lines)


def report(title: str, rows: Sequence[Row], out: Path | None) -> str:
    """The whole report for a terminal; also as JSON where ``out`` says."""
    facts = {
        "benchmark": title,
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "peak_memory_mib": round(peak_memory()),
    }
    if out is not None:
        lines = [asdict(row) | {"ratio": row.ratio, "holds": row.holds} for row in rows]
        out.write_text(json.dumps(facts | {"rows": lines}, indent=1) + "\n", "utf-8")
    head = ", ".join(f"{key} {value}" for key, value in facts.items())
    return f"{head}\n\n{table(rows)}"
