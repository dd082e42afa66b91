"""CIFAR as torchvision downloads it: batches of pixels, unpacked once into a folder a class.

The batches are Python pickles. They are read by an unpickler that knows arrays, numbers and texts
and nothing else, so that no code in a file is ever run.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from petvision.errors import InputError, OutputError
from petvision.images.types import Pixels
from petvision.models.speeds import cache_folder

SIDE = 32
# Folder of the batches, the names of the parts' files, the file with the classes' names, its key,
# and the key of the labels: https://www.cs.toronto.edu/~kriz/cifar.html
LAYOUTS = {
    "cifar10": (
        "cifar-10-batches-py",
        {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]},
        ("batches.meta", b"label_names", b"labels"),
    ),
    "cifar100": (
        "cifar-100-python",
        {"train": ["train"], "test": ["test"]},
        ("meta", b"fine_label_names", b"fine_labels"),
    ),
}
ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, coding: text.encode(coding),
}


def class_folders(kind: str, root: Path) -> Path:
    """The folder with ``train/CLASS`` and ``test/CLASS`` of a CIFAR folder of either layout.

    Raises:
        InputError: when the batches are damaged.
        OutputError: when the cache cannot be written.
    """
    folder, parts, names = LAYOUTS[kind]
    batches = root if root.name == folder else root / folder
    if (root / "train").is_dir() or not (batches / parts["test"][0]).is_file():
        return root
    digest = hashlib.sha256()
    for file in (batches / f for files in parts.values() for f in files):
        if file.is_file():
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    home = cache_folder() / "cifar" / f"{kind}-{digest.hexdigest()[:16]}"
    if not home.is_dir():
        _unpack(batches, parts, names, home)
    return home


def _unpack(
    batches: Path, parts: dict[str, list[str]], names: tuple[str, bytes, bytes], home: Path
) -> None:
    """Write every picture as PNG beside its place, then put the whole there at once."""
    file, key, labels = names
    classes = [name.decode() for name in _read(batches / file)[key]]
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as aside:
            made = Path(aside) / "whole"
            for part, files in parts.items():
                for name in files:
                    _write(_read(batches / name), labels, classes, made / part, name)
            if not home.is_dir():
                shutil.move(made, home)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError("read_only", str(home), reason=reason) from error


def _write(
    batch: dict[bytes, Any], key: bytes, classes: Sequence[str], folder: Path, name: str
) -> None:
    for index, (pixels, label) in enumerate(zip(_pictures(batch), batch[key], strict=True)):
        place = folder / classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{name}_{index:05}.png", compress_level=1)


def _pictures(batch: dict[bytes, Any]) -> Iterator[Pixels]:
    """Rows of 3·32·32 bytes, channel by channel, as pictures 32×32×3."""
    rows = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, SIDE, SIDE)
    yield from np.ascontiguousarray(rows.transpose(0, 2, 3, 1))


class _Distrustful(pickle.Unpickler):
    """Knows the array type of the batches and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """An allowed name, or an error."""
        module = module.replace("numpy._core", "numpy.core")
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return _empty_array
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return ALLOWED[module, name]


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> Any:
    return np.ndarray.__new__(np.ndarray, shape, "b" if code in (b"b", "b") else "B")


def _read(file: Path) -> dict[bytes, Any]:
    try:
        content = _Distrustful(io.BytesIO(file.read_bytes()), encoding="bytes").load()
    except OSError as error:
        raise InputError("not_found", str(file), remedy="Fetch the data set again.") from error
    except Exception as error:
        raise InputError("unreadable", str(file), reason="is no batch of CIFAR") from error
    if not isinstance(content, dict):
        raise InputError("unreadable", str(file), reason="is no batch of CIFAR")
    return content
