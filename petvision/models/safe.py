"""The safetensors container, read with distrust: nothing in a file is believed unchecked.

A file is eight bytes (the header's length), a JSON header, and the tensors' bytes end to end.
Format: https://github.com/huggingface/safetensors. Tensors are views of the memory-mapped file.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from petvision.errors import ModelError

Raw = npt.NDArray[Any]
Shape = tuple[int, ...]

MOST_HEADER = 16 << 20  # bytes; a ResNet-152's header takes about 0.1 MiB
DTYPES = {"F32": "<f4", "F16": "<f2", "I8": "|i1", "I64": "<i8"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one tensor lies: ``start`` and ``end`` in bytes of the file."""

    dtype: str
    shape: Shape
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """An opened file: its metadata, its tensors' places and the memory-mapped bytes."""

    metadata: Mapping[str, str]
    places: Mapping[str, Place]
    mapped: mmap.mmap

    def raw(self, name: str) -> Raw:
        """The tensor as stored: a read-only view of the file."""
        place = self.places[name]
        count = math.prod(place.shape)
        flat = np.frombuffer(self.mapped, DTYPES[place.dtype], count, place.start)
        return flat.reshape(place.shape)

    def rest(self) -> None:
        """Give the memory of pages that were read back; reading again brings them back."""
        if hasattr(self.mapped, "madvise"):  # not on Windows, which trims by itself
            self.mapped.madvise(mmap.MADV_DONTNEED)


def open_container(path: Path, source: str) -> Container:
    """Map a file and check its header by hand against its size.

    Raises:
        ModelError: ``not_found`` or ``not_a_model``, with what is wrong.
    """
    mapped = _map(path, source)
    size = len(mapped)
    if size < 8:
        raise _fault(source, f"it is only {size} bytes long")
    length = int.from_bytes(mapped[:8], "little")
    if length > min(MOST_HEADER, size - 8):
        raise _fault(source, f"its header claims {length:,} bytes, which cannot be")
    header = _header(mapped[8 : 8 + length], source)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _fault(source, "its metadata is not a table of texts")
    places = {name: _place(name, entry, 8 + length, source) for name, entry in header.items()}
    _check_tiling(places, 8 + length, size, source)
    return Container(metadata, places, mapped)


def _map(path: Path, source: str) -> mmap.mmap:
    try:
        if path.exists() and not path.is_file():  # a pipe would never answer
            raise _fault(source, "it is a folder or no ordinary file")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise _fault(source, "it is empty")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        remedy = "Check the path, or see 'petvision models list'."
        raise ModelError("not_found", source, remedy=remedy) from None
    except OSError as error:
        raise _fault(source, f"it cannot be read ({error.strerror})") from None


def _fault(source: str, reason: str) -> ModelError:
    return ModelError("not_a_model", source, reason=reason)


def _header(text: bytes, source: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError("a name occurs twice")
        return table

    try:
        header = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise _fault(source, "its header is no safetensors header") from None
    if not isinstance(header, dict):
        raise _fault(source, "its header is no safetensors header")
    return header


def _place(name: str, entry: object, offset: int, source: str) -> Place:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            raise _fault(source, f"its header does not describe {name}")
    if dtype not in DTYPES:
        allowed = ", ".join(DTYPES)
        raise _fault(source, f"{name} has the number format {dtype}, allowed are {allowed}")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise _fault(source, f"{name} has the shape {shape}, which cannot be")
    if end - start != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise _fault(source, f"{name} has another size than its shape says")
    return Place(dtype, tuple(shape), offset + start, offset + end)


def _check_tiling(places: Mapping[str, Place], start: int, size: int, source: str) -> None:
    at = start
    for place in sorted(places.values(), key=lambda p: (p.start, p.end)):
        if place.start != at:
            raise _fault(source, "its tensors do not lie end to end")
        at = place.end
    if at > size:
        raise _fault(source, f"it ends {at - size:,} bytes too early (was it copied whole?)")
    if at < size:
        raise _fault(source, f"{size - at:,} bytes follow its last tensor")
