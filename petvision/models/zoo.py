"""Which models there are and where they lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from petvision.errors import ModelError

SUFFIXES = (".safetensors", ".pth", ".pt")


def find(name_or_path: str | Path) -> Path:
    """The file of a model named in the zoo, or the path itself.

    Raises:
        ModelError: ``not_found``.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix in SUFFIXES and path.is_file():
        return path
    for folder in _folders():
        candidate = folder / f"{name_or_path}.safetensors"
        if candidate.is_file():
            return candidate
    raise ModelError("not_found", str(name_or_path), remedy="See 'petvision models list'.")


def _folders() -> Iterator[Path]:
    for folder in os.environ.get("PETVISION_WEIGHTS", "").split(os.pathsep):
        if folder:
            yield Path(folder)
