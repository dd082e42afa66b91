"""Labelled photos on disk: which file shows what, and which part of the data it belongs to.

A data set is named by a SPEC: ``pets:DIR`` (Oxford-IIIT Pet, cat and dog), ``cifar10:DIR`` and
``cifar100:DIR`` (``DIR/train|test/CLASS/*.png``) or ``folder:DIR`` (a folder a class), each with
``@trainval`` or ``@test`` behind it where the data has official splits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from petvision.errors import ConfigError, InputError
from petvision.images.inputs import is_photo_name

SPLITS = ("trainval", "test")


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


def parse_spec(text: str, default_split: str = "test") -> DataSpec:
    """Read a SPEC such as ``pets:photos/pets@test``.

    Raises:
        ConfigError: when the kind or the split is not known.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in READERS:
        kinds = ", ".join(f"{name}:DIR" for name in READERS)
        raise ConfigError("type", "--data", key="SPEC", expected=f"one of {kinds}", found=text)
    root, at, split = rest.rpartition("@")
    if not at or split not in SPLITS:
        root, split = rest, default_split
    return DataSpec(kind, Path(root).expanduser(), "" if kind == "folder" else split)


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


def _cifar(root: Path, split: str) -> list[Labelled]:
    part = root / ("train" if split == "trainval" else "test")
    if not part.is_dir():
        raise _missing(part, "The CIFAR folders hold train/CLASS and test/CLASS.")
    return _folder(part, "")


def _folder(root: Path, split: str) -> list[Labelled]:
    if not root.is_dir():
        raise _missing(root, "Name a folder that holds one folder a class.")
    folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    return [
        Labelled(path, folder.name)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if is_photo_name(path.name)
    ]


def _missing(path: Path, remedy: str) -> InputError:
    return InputError("not_found", str(path), remedy=remedy)


READERS: dict[str, Callable[[Path, str], list[Labelled]]] = {
    "pets": _pets,
    "cifar10": _cifar,
    "cifar100": _cifar,
    "folder": _folder,
}
