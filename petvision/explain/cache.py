"""What was explained before, on disk: returning to a photo shows its panels at once.

An entry belongs to weights, image, method, parameters, target, engine and versions, so it never
answers for anything else. The cache is a convenience: what it cannot keep is computed again, and
what it cannot read is dropped.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from petvision.errors import OutputError
from petvision.explain.base import Context, Parameters
from petvision.explain.results import (
    Attribution,
    ChannelMaps,
    Check,
    Curves,
    Explanation,
    Fact,
    KernelSet,
    LayerMaps,
    MethodCard,
    Provenance,
    Trust,
    WindowScores,
)
from petvision.images.types import Geometry
from petvision.models.files import write_atomically
from petvision.models.results import ModelIdentity
from petvision.models.speeds import cache_folder

FORMAT = 4
"""Raised whenever a method's numbers or a result's fields change."""

MOST_BYTES = 512 * 1024 * 1024
ENDING = ".explanation"

Kept = Explanation | Trust

_TYPES = {
    kind.__name__: kind
    for kind in (
        *(Attribution, ChannelMaps, KernelSet, LayerMaps, WindowScores, MethodCard, Fact),
        *(Geometry, Provenance, ModelIdentity, Trust, Curves, Check),
    )
}
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


class Cache:
    """Explanations kept on disk, the least recently used dropped beyond ``most`` bytes.

    Args:
        folder: where; by default in the program's own cache folder (``PETVISION_CACHE``).
        most: bytes of all entries together.
    """

    def __init__(self, folder: Path | None = None, most: int = MOST_BYTES) -> None:
        self.folder = cache_folder() / "explanations" if folder is None else folder
        self.most = most

    def get(self, key: str) -> Kept | None:
        """What is kept under a key; an entry that cannot be read is dropped."""
        path = self._path(key)
        try:
            found = unpacked(path.read_bytes())
        except FileNotFoundError:
            return None
        except _UNREADABLE:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def put(self, key: str, value: Kept) -> None:
        """Keep a result; where that is not possible, it is computed again next time."""
        content = packed(value)
        if len(content) > self.most:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path(key), content)
        except (OSError, OutputError):
            return
        self.make_room()

    def clear(self) -> None:
        """Forget everything."""
        for path, _, _ in self._entries():
            with contextlib.suppress(OSError):
                path.unlink()

    def make_room(self) -> None:
        """Drop the least recently used entries beyond ``most`` bytes."""
        entries = sorted(self._entries(), key=lambda entry: entry[2])
        over = sum(size for _, size, _ in entries) - self.most
        for path, size, _ in entries:
            if over <= 0:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            over -= size

    @property
    def size(self) -> int:
        """Bytes of all entries together."""
        return sum(size for _, size, _ in self._entries())

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{ENDING}"

    def _entries(self) -> list[tuple[Path, int, float]]:
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(ENDING):
                    with contextlib.suppress(OSError):  # another process dropped it
                        facts = entry.stat()
                        found.append((Path(entry.path), facts.st_size, facts.st_mtime))
        return found


def key(context: Context, method: str, parameters: Parameters, aims: bool, what: str = "") -> str:
    """Under which name a result is kept.

    Args:
        context: the question.
        method: its id.
        parameters: all of them, defaults too.
        aims: whether the result speaks of the target class.
        what: of the method's results, such as ``"trust"``; empty for the explanation.
    """
    facts = {
        "format": FORMAT,
        "what": what,
        "weights": context.handle.sha256,
        "engine": context.handle.engine.name,
        "image": context.prepared.facts.sha256,
        "pixels": hashlib.sha256(context.pixels.tobytes()).hexdigest(),
        "method": method,
        "parameters": parameters.model_dump(mode="json"),
        "target": context.target if aims else "",
        "versions": dict(context.provenance("").versions),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def packed(value: Kept) -> bytes:
    """A result as bytes: its arrays and its fields as JSON in one archive, nothing pickled."""
    arrays: dict[str, Any] = {}
    record = json.dumps(_plain(value, arrays)).encode()
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, record=np.frombuffer(record, np.uint8), **arrays)
    return out.getvalue()


def unpacked(content: bytes) -> Kept:
    """The result that was packed.

    Raises:
        ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile: when it is none.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    found = _rich(json.loads(arrays["record"].tobytes()), arrays)
    if not isinstance(found, Attribution | ChannelMaps | KernelSet | Trust):
        raise ValueError("not an explanation")
    return found


def _plain(value: object, arrays: dict[str, Any]) -> object:
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        members = {f.name: _plain(getattr(value, f.name), arrays) for f in fields(value)}
        return {"type": type(value).__name__, "fields": members}
    if isinstance(value, Mapping):
        return {"mapping": {str(k): _plain(v, arrays) for k, v in value.items()}}
    if isinstance(value, tuple | list):
        return [_plain(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _rich(value: object, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return tuple(_rich(item, arrays) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    if "mapping" in value:
        return MappingProxyType({k: _rich(v, arrays) for k, v in value["mapping"].items()})
    members = {k: _rich(v, arrays) for k, v in value["fields"].items()}
    return cast(Any, _TYPES[value["type"]])(**members)
