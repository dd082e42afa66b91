"""Labelled photos on disk: which file shows what, and which part of the data it belongs to.

A data set is named by a SPEC: ``pets:DIR`` (Oxford-IIIT Pet, cat and dog), ``cifar10:DIR`` and
``cifar100:DIR`` (``DIR/train|test/CLASS/*.png`` or torchvision's batches), ``folder:DIR`` (a
folder a class) or ``csv:FILE``
(columns ``path`` and ``label``, and ``split`` where it has splits), each with ``@trainval`` or
``@test`` behind it. A folder has splits when it holds ``train`` (or ``trainval``, and perhaps
``val``) beside ``test``, or such parts alone, each with the class folders; any other is one whole,
of which nothing is a test part.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from petvision.errors import ConfigError, InputError
from petvision.evaluate.cifar import class_folders
from petvision.images.inputs import is_photo_name

SPLITS = ("trainval", "test")
PARTS = {"trainval": ("trainval", "train", "val", "valid", "validation"), "test": ("test",)}
"""What the parts of a folder or CSV may be called, by split."""
COLUMNS = (("path", "file", "filename", "image"), ("label", "class", "truth"))
PART_COLUMNS = ("split", "part", "subset")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One photo and its truth: ``label`` a class name, ``group`` a finer one (the breed)."""

    path: Path
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class DataSpec:
    """A parsed SPEC: the kind of data, its folder and its split (empty: all of it)."""

    kind: str
    root: Path
    split: str

    def __str__(self) -> str:
        """The SPEC without the folder: fit for a card that travels."""
        return f"{self.kind}@{self.split}" if self.split else self.kind


def parse_spec(text: str, default_split: str = "test", where: str = "--data") -> DataSpec:
    """Read a SPEC such as ``pets:photos/pets@test``.

    Data without splits, a folder or CSV, is taken whole unless a split is asked for. ``where``
    is the option or key that a person wrote it at.

    Raises:
        ConfigError: when the kind or the split is not known.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in READERS:
        kinds = ", ".join(f"{name}:{'FILE' if name == 'csv' else 'DIR'}" for name in READERS)
        raise ConfigError("type", where, key="SPEC", expected=f"one of {kinds}", found=text)
    root, at, split = rest.rpartition("@")
    if not at or os.sep in split or Path(rest).expanduser().exists():
        root, split = rest, ""
    elif split not in SPLITS:
        expected = " or ".join(f"@{name}" for name in SPLITS)
        raise ConfigError("range", where, key="the split", expected=expected, found=f"@{split}")
    if not split and kind in OFFICIAL:
        split = default_split
    return DataSpec(kind, Path(root).expanduser(), split)


def labelled_photos(spec: DataSpec) -> list[Labelled]:
    """All photos of a data set's split, in a fixed order.

    Raises:
        InputError: ``not_found`` when the folder does not hold such data.
    """
    photos = READERS[spec.kind](spec.root, spec.split)
    if not photos:
        raise _missing(spec.root, f"No photos of {spec} were found below it.")
    return photos


def _pets(root: Path, split: str) -> list[Labelled]:
    """Oxford-IIIT Pet: annotations/SPLIT.txt has ``NAME CLASS SPECIES BREED``; species 1 is cat."""
    lists = root / "annotations" / f"{split}.txt"
    if not lists.is_file() and (root / "oxford-iiit-pet").is_dir():
        return _pets(root / "oxford-iiit-pet", split)
    if not lists.is_file():
        raise _missing(lists, "Oxford-IIIT Pet has images/ and annotations/ below its folder.")
    photos = []
    for line in lists.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, species, _ = line.split()
        label = "cat" if species == "1" else "dog"
        photos.append(Labelled(root / "images" / f"{name}.jpg", label, name.rpartition("_")[0]))
    return photos


def _cifar10(root: Path, split: str) -> list[Labelled]:
    return _cifar(class_folders("cifar10", root), split)


def _cifar100(root: Path, split: str) -> list[Labelled]:
    return _cifar(class_folders("cifar100", root), split)


def _cifar(root: Path, split: str) -> list[Labelled]:
    part = root / ("train" if split == "trainval" else "test")
    if not part.is_dir():
        raise _missing(
            part, "A CIFAR folder holds train/CLASS and test/CLASS, or the batches of its authors."
        )
    return _folder(part, "")


def _folder(root: Path, split: str) -> list[Labelled]:
    if not root.is_dir():
        raise _missing(root, "Name a folder that holds one folder a class.")
    if has_splits(root):
        parts = [part for name in PARTS[split or "test"] if (part := root / name).is_dir()]
        if not parts:
            raise _missing(root / "test", "The folder has no test part: add @trainval.")
        return [photo for part in parts for photo in _classes(part)]
    if split == "test":
        raise _missing(root / "test", "The folder has no splits: leave out @test to take all.")
    return _classes(root)


def _classes(root: Path) -> list[Labelled]:
    return [
        Labelled(path, folder.name)
        for folder in sorted(folders_of(root))
        for path in sorted(folder.rglob("*"))
        if is_photo_name(path.name)
    ]


def has_splits(root: Path) -> bool:
    """Whether a folder holds a training and a test part, or parts alone, with folders of theirs."""
    names = {f.name for f in folders_of(root)}
    training, test = (
        {n for n in names.intersection(part) if any(f.is_dir() for f in (root / n).iterdir())}
        for part in PARTS.values()
    )
    return bool(training) and (bool(test) or names == training)


def folders_of(root: Path) -> list[Path]:
    """The folders in a folder, hidden ones apart."""
    return [f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")]


def _csv(file: Path, split: str) -> list[Labelled]:
    """Paths are relative to the file; photos that are gone are told when they are read."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.DictReader(text)
            names = rows.fieldnames or []
            path, label = (_column(file, names, wanted) for wanted in COLUMNS)
            group = next((n for n in names if n.lower() in PART_COLUMNS), "")
            if split == "test" and not group:
                problems = "it has no column split: leave out @test to take all of it"
                raise ConfigError("several", str(file), problems=problems)
            wanted = PARTS[split] if split and group else ()
            return [
                Labelled(file.parent / row[path], row[label])
                for row in rows
                if row[path] and row[label] and (not wanted or row[group] in wanted)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("unreadable", str(file), reason=f"is no CSV ({reason})") from error


def _column(file: Path, names: Sequence[str], wanted: tuple[str, ...]) -> str:
    for name in names:
        if name.strip().lower() in wanted:
            return name
    raise ConfigError(
        "several",
        str(file),
        problems=f"it has no column {wanted[0]} (it has {', '.join(names) or 'none'})",
    )


def _missing(path: Path, remedy: str) -> InputError:
    return InputError("not_found", str(path), remedy=remedy)


READERS: dict[str, Callable[[Path, str], list[Labelled]]] = {
    "pets": _pets,
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "folder": _folder,
    "csv": _csv,
}
OFFICIAL = ("pets", "cifar10", "cifar100")
