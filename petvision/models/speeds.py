"""What was measured once: which engine is fastest for a model on this machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from petvision.errors import OutputError
from petvision.models.files import write_atomically

MOST = 200  # entries kept, newest last


def cache_folder() -> Path:
    """Where things that can be made again are kept (``PETVISION_CACHE``, or the system's)."""
    own = os.environ.get("PETVISION_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("petvision", appauthor=False)


def key(model_sha256: str, device: str, engines: Sequence[str]) -> str:
    """What a measurement belongs to: model, machine, and the versions of what computes."""
    facts = [model_sha256, device, *engines, platform.machine(), _processor(), str(os.cpu_count())]
    facts += [os.environ.get("OMP_NUM_THREADS", "")]
    facts += [
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "openvino", "ncnn")
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.processor())


def recall(measurement: str) -> list[str] | None:
    """The engines, fastest first, when they were measured before."""
    names = _read().get(measurement)
    return names if isinstance(names, list) and all(isinstance(n, str) for n in names) else None


def remember(measurement: str, fastest_first: list[str]) -> None:
    """Keep a measurement; where nothing can be written it is measured again next time."""
    entries = _read()
    entries.pop(measurement, None)
    entries[measurement] = fastest_first
    newest = dict(list(entries.items())[-MOST:])
    try:
        write_atomically(_file(), json.dumps(newest, indent=1).encode())
    except OutputError:
        return


def _file() -> Path:
    return cache_folder() / "engines.json"


def _read() -> dict[str, object]:
    try:
        entries = json.loads(_file().read_bytes())
    except (OSError, ValueError):  # not there yet, or damaged: measure again
        return {}
    return entries if isinstance(entries, dict) else {}
