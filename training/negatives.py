"""Pictures that are neither of the classes, for choosing the "I don't know" score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.errors import ConfigError, InputError, PetVisionError
from petvision.evaluate.datasets import OFFICIAL, DataSpec, Labelled, labelled_photos, parse_spec
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.prepare import resample
from petvision.images.types import InputSpec, Picture, Pixels
from training.config import Config
from training.data import Split
from training.happenings import Word
from training.loader import as_predicted

PET, BACKGROUND = 1, 2  # in a trimap; 3 is the border between them
SMALLEST = 72  # pixels of the photo: a smaller crop shows hardly anything
MOST = 600  # of one data set, evenly picked: more tell nothing new
# What looks like a cat or a dog is no fair negative for a cat and dog classifier.
KIN = {"cat", "dog", "fox", "wolf", "leopard", "lion", "tiger", "bear"}
BACKGROUNDS = "backgrounds"


@dataclass(frozen=True, slots=True)
class Strangers:
    """Photos of none of the classes from one place, under its short name.

    Of ``cut`` photos, which do show a class, only the background is taken, by their trimaps.
    ``enlarged`` ones have so few pixels (CIFAR) that their blur gives them away.
    """

    name: str
    photos: tuple[Labelled, ...]
    cut: bool = False
    enlarged: bool = False

    def views(self, view: InputSpec, unread: list[InputError]) -> Iterator[Pixels]:
        """The pictures (uint8 size×size×3); what cannot be read is left out, into ``unread``."""
        see = _background if self.cut else _whole
        for photo in self.photos:
            try:
                seen = see(photo.path, view)
            except InputError as error:
                unread.append(error)
                continue
            if seen is not None:
                yield seen

    def word(self, unread: Sequence[InputError] = ()) -> Word | None:
        """What a person should know of them."""
        if self.cut and not self.photos:
            return Word("no_backgrounds", "No photo has a trimap beside it: no backgrounds.")
        if unread:
            named = unread[0].source + (" and others" if len(unread) > 1 else "")
            count = f"{len(unread):,} of the {len(self.photos):,} photos of {self.name}"
            return Word("unread", f"{count} cannot be read: left out ({named}).")
        return None


def negatives_of(config: Config, split: Split) -> tuple[Strangers, ...]:
    """What the "I don't know" score is chosen with; nothing where none is wanted.

    Raises:
        ConfigError: naming the key, when they are not there.
    """
    plan = config.unknown
    specs = plan.negatives if plan.score != "none" else ()
    return strangers("unknown.negatives", specs, split.validation, split.classes)


def strangers(
    key: str, specs: Sequence[str], photos: Sequence[Labelled], classes: Sequence[str]
) -> tuple[Strangers, ...]:
    """What the ``specs`` of a key name, each with a name of its own.

    It is looked for before the training, so that no mistake is found after it.

    Args:
        key: of the configuration.
        specs: ``backgrounds`` (pet-free parts of ``photos``, by their trimaps) or data SPECs, of
            which the classes themselves and their kin are left out.
        photos: where backgrounds come from.
        classes: the model's.

    Raises:
        ConfigError: naming the key, when data is not there or none of it can be used. Photos
            without trimaps have no backgrounds, which is no mistake.
    """
    found: dict[str, Strangers] = {}
    for spec in dict.fromkeys(specs):
        if spec == BACKGROUNDS:
            marked = tuple(p for p in photos if trimap_of(p.path).is_file())
            found[spec] = Strangers(spec, marked, cut=True)
            continue
        data = _parsed(key, spec)
        name = next(n for n in _names(spec, data) if n not in (*found, BACKGROUNDS))
        usable = _usable(key, spec, data, classes)
        found[name] = Strangers(name, usable, enlarged=data.kind.startswith("cifar"))
    return tuple(found.values())


def _parsed(key: str, spec: str) -> DataSpec:
    try:
        return parse_spec(spec, "trainval")
    except ConfigError as error:
        told = dict(error.parameters)
        if error.code == "type":
            told["expected"] = f"{BACKGROUNDS} or {told['expected']}"
        raise ConfigError(error.code, key, **told) from error


def _names(spec: str, data: DataSpec) -> Iterator[str]:
    """What to call a SPEC: a data set by its kind, else its folder, then more and more of it."""
    if data.kind in OFFICIAL:
        yield data.kind
    parts = data.root.parts
    yield from ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
    yield spec


def _usable(key: str, spec: str, data: DataSpec, classes: Sequence[str]) -> tuple[Labelled, ...]:
    try:
        photos = labelled_photos(data)
    except PetVisionError as error:
        raise ConfigError("several", key, problems=str(error).removesuffix(".")) from error
    others = [p for p in photos if p.label not in KIN and p.label not in classes]
    if not others:
        there = ", ".join(sorted({p.label for p in photos})[:10])
        expected = "photos of none of the classes"
        raise ConfigError("range", key, key=spec, expected=expected, found=f"only {there}")
    chosen = tuple(others[:: -(-len(others) // MOST)])
    if not any(_can_be_read(photo.path) for photo in chosen):
        expected, found = "photos that can be read", f"{len(chosen):,} that cannot"
        raise ConfigError("range", key, key=spec, expected=expected, found=found)
    return chosen


def _can_be_read(photo: Path) -> bool:
    with suppress(InputError):
        decode(load(source_of(str(photo))), resize=SMALLEST)
        return True
    return False


def _read(photo: Path, view: InputSpec) -> Picture:
    return decode(load(source_of(str(photo))), resize=view.resize)


def _whole(photo: Path, view: InputSpec) -> Pixels:
    return as_predicted(_read(photo, view), view)


def _background(photo: Path, view: InputSpec) -> Pixels | None:
    """The largest square of background; None where it is too small, or nothing is marked."""
    marks = _marks(trimap_of(photo))
    if not (marks == PET).any():
        return None  # fourteen trimaps mark no pet at all: there the "background" shows one
    left, top, side = largest_square(marks == BACKGROUND)
    if side < SMALLEST:
        return None
    picture = _read(photo, view)
    across = picture.facts.width / marks.shape[1]
    down = picture.facts.height / marks.shape[0]
    box = (left * across, top * down, (left + side) * across, (top + side) * down)
    return resample(picture, box, view.size, view.interpolation)


def _marks(trimap: Path) -> npt.NDArray[np.uint8]:
    """A trimap's marks, H×W.

    Raises:
        InputError: when it is no picture of marks.
    """
    try:
        with Image.open(trimap) as image:
            marks = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError("unreadable", trimap.name, reason="is a damaged trimap") from error
    if marks.ndim != 2:
        raise InputError("unreadable", trimap.name, reason="is in colour, which no trimap is")
    return marks


def trimap_of(photo: Path) -> Path:
    """Where Oxford-IIIT Pet keeps the trimap of a photo: beside images/ or in annotations/."""
    root, name = photo.parent.parent, f"{photo.stem}.png"
    beside = root / "trimaps" / name
    return beside if beside.is_file() else root / "annotations" / "trimaps" / name


def largest_square(free: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The largest square of True in a mask: left, top, side (0 when there is none).

    Dynamic programming: the square that ends at a pixel is one larger than the smallest of its
    three neighbours' above and left of it.
    """
    sides = free.astype(np.int32)
    for y in range(1, sides.shape[0]):
        above, row = sides[y - 1], sides[y]
        for x in np.flatnonzero(row[1:]) + 1:
            row[x] = 1 + min(above[x - 1], above[x], row[x - 1])
    bottom, right = np.unravel_index(int(sides.argmax()), sides.shape)
    side = int(sides[bottom, right])
    return int(right) - side + 1, int(bottom) - side + 1, side
