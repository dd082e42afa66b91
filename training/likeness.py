"""Telling that two files show the same photo: by their bytes, or by their thumbnails."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.errors import InputError
from petvision.events import Progress, Result
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.prepare import resample

SIDE = 24  # pixels a side of the grey thumbnails that are compared
TWIN = 0.94  # correlation of two thumbnails above which they show the same photo
BLOCK = 2048  # photos compared at a time
CHUNK = 64  # photos read between two signs of life


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What a photo is recognised by.

    ``digest`` is the sha256 of the file; ``thumbnail`` float32 SIDE², zero mean, unit length (a
    plain photo's is all zeros, which resembles nothing).
    """

    digest: str
    thumbnail: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """The prints of the readable photos, and why the others could not be read."""

    found: Mapping[Path, Print]
    unreadable: Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class Twin:
    """Another file that shows the same photo; ``exact`` when it has the same bytes."""

    path: Path
    exact: bool


def prints(paths: Sequence[Path], words: str) -> Iterator[Progress | Result[Prints]]:
    """Read photos in threads and take their prints."""
    found: dict[Path, Print] = {}
    unreadable: dict[Path, str] = {}
    rest = iter(paths)
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="petvision-decode") as pool:
        while chunk := list(islice(rest, CHUNK)):
            for path, taken in zip(chunk, pool.map(_print, chunk), strict=True):
                if isinstance(taken, str):
                    unreadable[path] = taken
                else:
                    found[path] = taken
            yield Progress(len(found) + len(unreadable), len(paths), words)
    yield Result(Prints(found, unreadable))


def _print(path: Path) -> Print | str:
    try:
        encoded = load(source_of(str(path)))
        picture = decode(encoded, resize=SIDE)
    except InputError as error:
        return str(error)
    facts = picture.facts
    whole = (0.0, 0.0, float(facts.width), float(facts.height))
    grey = Image.fromarray(resample(picture, whole, SIDE, "bilinear")).convert("L")
    values = np.asarray(grey, np.float32).ravel()
    values = values - values.mean()
    unit: npt.NDArray[np.float32] = values / max(float(np.linalg.norm(values)), 1.0)
    return Print(facts.sha256, unit)


def twins(ours: Mapping[Path, Print], theirs: Mapping[Path, Print]) -> dict[Path, Twin]:
    """Our photos that show the same as one of theirs, upright or mirrored, with that one.

    A photo is not its own twin: of equal sets each pair is found from both sides.
    """
    if not ours or not theirs:
        return {}
    found: dict[Path, Twin] = {}
    for names in _blocks(ours):
        a = np.stack([ours[n].thumbnail for n in names])
        a = np.concatenate([a, _mirrored(a)])
        best = np.full(len(names), TWIN, np.float32)
        for others in _blocks(theirs):
            b = np.stack([theirs[n].thumbnail for n in others])
            likeness = (a @ b.T).reshape(2, len(names), len(others)).max(axis=0)
            place = {name: i for i, name in enumerate(others)}
            for i, name in enumerate(names):
                if name in place:
                    likeness[i, place[name]] = -1
            nearest = likeness.argmax(axis=1)
            for i in np.flatnonzero(likeness.max(axis=1) > best).tolist():
                name, other = names[i], others[nearest[i]]
                best[i] = likeness[i, nearest[i]]
                found[name] = Twin(other, ours[name].digest == theirs[other].digest)
    return found


def _blocks(prints_of: Mapping[Path, Print]) -> list[list[Path]]:
    """The paths, some at a time: all likenesses at once would fill the memory."""
    paths = list(prints_of)
    return [paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK)]


def _mirrored(thumbnails: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    square = thumbnails.reshape(-1, SIDE, SIDE)
    return square[:, :, ::-1].reshape(len(thumbnails), -1)
