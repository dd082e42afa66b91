"""Which photos a run trains and chooses on: split, and freed of what would flatter its figures."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petvision.errors import ConfigError, InputError
from petvision.evaluate.datasets import (
    DataSpec,
    Labelled,
    folders_of,
    has_splits,
    labelled_photos,
    parse_spec,
)
from petvision.events import Progress, Result, through
from petvision.models.files import write_atomically
from training.config import Config, Data
from training.likeness import prints, twins

BEGUN = "events.jsonl"  # beside data.json: the run has begun
LEAST = 2  # photos of a class: one to train on, one to choose on


@dataclass(frozen=True, slots=True)
class Split:
    """What a run trains and chooses on, and what was left out of it, with the reason.

    ``seed`` and ``share`` (of validation) say how it was drawn; ``tests`` is how many photos of
    a test part were compared with it. ``seen`` names every photo that was there, ``state`` tells
    whether one of these files was changed since, and ``added`` is how many have come since the
    run began. ``contents`` is a sha256 over the contents of the photos of both parts.
    """

    classes: tuple[str, ...]
    train: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    left_out: tuple[tuple[str, str], ...]
    seed: int = 0
    share: float = 0.2
    tests: int = 0
    seen: tuple[str, ...] = ()
    state: str = ""
    contents: str = ""
    added: int = 0

    @property
    def digest(self) -> str:
        """sha256 over names, labels, parts and contents: equal digests, the same photos."""
        lines = [
            f"{part}/{p.label}/{p.path.parent.name}/{p.path.name}"
            for part, photos in (("train", self.train), ("validation", self.validation))
            for p in photos
        ]
        # Runs of the first release did not record the contents.
        return _sha256(lines + [self.contents] * bool(self.contents))

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many photos of each class each part has."""
        parts = (("train", self.train), ("validation", self.validation))
        tallies = {part: Counter(p.label for p in photos) for part, photos in parts}
        return {part: {c: tally[c] for c in self.classes} for part, tally in tallies.items()}

    def save(self, path: Path, root: Path) -> None:
        """Write data.json: digest, counts, split by name, files left out and why.

        Raises:
            OutputError: when it cannot be written.
        """
        tree = {
            "digest": self.digest,
            "seed": self.seed,
            "share": self.share,
            "tests": self.tests,
            "classes": self.classes,
            "counts": self.counts,
            "train": [_name(p, root) for p in self.train],
            "validation": [_name(p, root) for p in self.validation],
            "left_out": [{"file": name, "why": why} for name, why in self.left_out],
            "seen": self.seen,
            "state": self.state,
            "contents": self.contents,
        }
        write_atomically(path, json.dumps(tree, indent=1).encode())


Splitting = Iterator[Progress | Result[Split]]


def split_of(config: Config, record: Path) -> Splitting:
    """The split that ``record`` (data.json) tells of, or a new one, which it then tells of.

    What was looked at before is drawn anew when photos or settings are others since; a run that
    has begun goes on with its own.

    Raises:
        InputError: when the data is not there.
        ConfigError: when the photos are too few, or not those recorded.
    """
    begun = (record.parent / BEGUN).exists()
    if record.exists() and (begun or _still_so(config, record)):
        yield Result(_recorded(config, record))
        return
    for event in split_photos(config):
        if isinstance(event, Result):
            event.value.save(record, config.data.root)
        yield event


def _still_so(config: Config, record: Path) -> bool:
    """Whether the same would be drawn again: from the same files, in the same way."""
    data = config.data
    try:
        tree = json.loads(record.read_text())
        drawn = [tree[key] for key in ("seed", "share", "classes", "state")]
    except (ValueError, KeyError, TypeError):  # damaged, or of an earlier release
        return False
    classes = list(data.classes or sorted(drawn[2]))
    state = _state(_all_photos(data), data.root)
    return bool(drawn == [config.seed, data.validation, classes, state])


def _state(photos: Sequence[Labelled], root: Path) -> str:
    """sha256 over the files' names, labels, sizes and times: another one when a file changed."""
    lines = []
    for photo in photos:
        try:
            status = photo.path.stat()
            when = f"{status.st_size}/{status.st_mtime_ns}"
        except OSError:  # a CSV may name what is not there; that is told when it is read
            when = "gone"
        lines.append(f"{_name(photo, root)}/{photo.label}/{when}")
    return _sha256(lines)


def _sha256(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _recorded(config: Config, record: Path) -> Split:
    try:
        tree = json.loads(record.read_text())
        # Runs of the first release did not record how they were drawn: that was as configured.
        seed = tree.get("seed", config.seed)
        share = tree.get("share", config.data.validation)
        names = {part: tree[part] for part in ("train", "validation")}
        left_out = tuple((entry["file"], entry["why"]) for entry in tree["left_out"])
        classes = tuple(tree["classes"])
        seen = tuple(tree.get("seen", ()))
        state, contents = tree.get("state", ""), tree.get("contents", "")
    except (ValueError, KeyError, TypeError) as error:
        problems = "it is damaged; choose another folder (out) to begin anew"
        raise ConfigError("several", str(record), problems=problems) from error
    if (seed, share) != (config.seed, config.data.validation):
        problems = "this run was drawn with another seed or data.validation; choose another folder"
        raise ConfigError("several", str(record), problems=f"{problems} (out)")
    photos = {_name(p, config.data.root): p for p in _all_photos(config.data)}
    try:
        train, validation = (tuple(photos[n] for n in names[part]) for part in names)
    except KeyError as error:
        problems = f"{error} is gone from the data; put it back, or choose another folder (out)"
        raise ConfigError("several", str(record), problems=problems) from error
    added = len(photos.keys() - set(seen)) if seen else 0
    tests = tree.get("tests", 0)
    return Split(
        classes, train, validation, left_out, seed, share, tests, seen, state, contents, added
    )


def _name(photo: Labelled, root: Path) -> str:
    """Which file it is, whatever the machine: the path below the data's folder."""
    home = root if root.is_dir() else root.parent
    if photo.path.is_relative_to(home):
        return photo.path.relative_to(home).as_posix()
    return photo.path.as_posix()


def split_photos(config: Config) -> Splitting:
    """Read the data, leave out what is unreadable or shows a validation or test photo, and split.

    A photo that is named twice counts once.

    Raises:
        InputError: when the data is not there.
        ConfigError: when fewer than two classes, or fewer than two photos of one, are left, or a
            photo has two labels.
    """
    data = config.data
    photos = _own_photos(data)
    more = _more_photos(data, photos)
    tests = test_photos(config)
    ours = yield from through(prints([p.path for p in photos + more], "reading the photos"))
    theirs = yield from through(prints([p.path for p in tests], "reading the test photos"))
    left_out = dict(ours.unreadable)
    for path, twin in twins(ours.found, theirs.found).items():
        left_out[path] = f"shows the same photo as {twin.path.name} of the test part"
    itself = "shows the same photo as the test part: it is the same file"
    left_out |= dict.fromkeys({p.path for p in tests} & set(ours.found), itself)
    kept = [p for p in photos if p.path not in left_out]
    classes = _classes(data, kept, photos)
    train, validation = stratified(kept, data.validation, config.seed)
    train += more
    chosen_on = {p.path for p in validation}
    parts = (
        {path: a for path, a in ours.found.items() if (path in chosen_on) == chosen}
        for chosen in (True, False)
    )
    of_validation, of_train = parts
    of_train = {path: a for path, a in of_train.items() if path not in left_out}
    for path, twin in twins(of_train, of_validation).items():
        left_out[path] = f"shows the same photo as {twin.path.name}, which the run chooses on"
    train = [p for p in train if p.path not in left_out]
    _two_of_each(data, classes, train, validation)
    gone = sorted(
        (_name(p, data.root), left_out[p.path]) for p in photos + more if p.path in left_out
    )
    yield Result(
        Split(
            classes,
            tuple(train),
            tuple(validation),
            tuple(gone),
            config.seed,
            data.validation,
            len(tests),
            tuple(_name(p, data.root) for p in photos + more),
            _state(photos + more, data.root),
            _sha256([ours.found[p.path].digest for p in (*train, *validation)]),
        )
    )


def _all_photos(data: Data) -> list[Labelled]:
    photos = _own_photos(data)
    return photos + _more_photos(data, photos)


def _once(photos: Sequence[Labelled], where: str) -> list[Labelled]:
    """Each photo once, in their order.

    Raises:
        ConfigError: when one of them has two labels.
    """
    found: dict[Path, Labelled] = {}
    for photo in photos:
        first = found.setdefault(photo.path, photo)
        if first.label != photo.label:
            problems = f"{photo.path.name} is both {first.label} and {photo.label}"
            raise ConfigError("several", where, problems=problems)
    return list(found.values())


def _more_photos(data: Data, photos: Sequence[Labelled]) -> list[Labelled]:
    """What is trained on besides, of the classes of the ``photos``.

    Raises:
        ConfigError: when one of the sources has nothing to add.
    """
    classes, ours = {p.label for p in photos}, {p.path for p in photos}
    more: list[Labelled] = []
    for text in data.also:
        found = labelled_photos(parse_spec(text, "trainval", "data.also"))
        taken = [p for p in found if p.label in classes]
        if not taken:
            there = sorted({p.label for p in found})
            remedy = f"There are {', '.join(there[:10]) or 'no photos'}."
            raise ConfigError(
                "key", "data.also", key=f"class of the model in {text}", remedy=remedy
            )
        more += [p for p in taken if p.path not in ours]
    return _once(more, "data.also")


def _own_photos(data: Data) -> list[Labelled]:
    """What is trained and chosen on, of the classes wanted."""
    spec = DataSpec(data.source, data.root, "trainval")
    photos = labelled_photos(spec)
    if data.split == "all":
        photos = photos + _official_test(data)
    photos = _once(photos, str(data.root))
    if not data.classes:
        return photos
    there = sorted({p.label for p in photos})
    for name in data.classes:
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            remedy = f"Did you mean {near[0]}?" if near else f"There are {', '.join(there[:10])}."
            raise ConfigError("key", "data.classes", key=f"class {name!r} there", remedy=remedy)
    return [p for p in photos if p.label in data.classes]


def test_photos(config: Config) -> list[Labelled]:
    """The test part's photos that are here; none when it is trained on or kept elsewhere."""
    data = config.data
    if data.split == "all":
        return []
    photos = [p for p in _official_test(data) if p.path.is_file()]
    return [p for p in photos if not data.classes or p.label in data.classes]


def _official_test(data: Data) -> list[Labelled]:
    try:
        return labelled_photos(DataSpec(data.source, data.root, "test"))
    except (InputError, ConfigError):  # a folder or CSV without a test part
        return []


def _classes(data: Data, kept: Sequence[Labelled], photos: Sequence[Labelled]) -> tuple[str, ...]:
    """The classes in the order of the outputs.

    Raises:
        ConfigError: when they are too few, or one has no photo that can be read.
    """
    named = set(data.classes) or {p.label for p in photos}
    if data.source == "folder" and not data.classes and not has_splits(data.root):
        named |= {f.name for f in folders_of(data.root)}
    classes = data.classes or tuple(sorted(named))
    counts = Counter(p.label for p in kept)
    where = str(data.root)
    if len(classes) < 2:
        there = f"one class ({classes[0]})" if classes else "none"
        expected = "photos of two classes or more, each in a folder of its own"
        raise ConfigError("range", where, key="the data", expected=expected, found=there)
    for name in classes:
        if counts[name] < LEAST:
            found = ("none", "one")[counts[name]] + " that can be used"
            raise ConfigError(
                "range", where, key=f"class {name!r}", expected="two photos or more", found=found
            )
    return classes


def _two_of_each(
    data: Data,
    classes: Sequence[str],
    train: Sequence[Labelled],
    validation: Sequence[Labelled],
) -> None:
    for words, photos in (("train on", train), ("choose on", validation)):
        there = {p.label for p in photos}
        for name in classes:
            if name not in there:
                expected = f"different photos, at least one to {words}"
                raise ConfigError(
                    "range", str(data.root), key=f"class {name!r}", expected=expected, found="so"
                )


def stratified(
    photos: Sequence[Labelled], share: float, seed: int
) -> tuple[list[Labelled], list[Labelled]]:
    """Two parts that have each class and group (breed) in the same proportion.

    A class has at least one photo in each part.
    """
    groups: dict[tuple[str, str], list[Labelled]] = defaultdict(list)
    for photo in photos:
        groups[photo.label, photo.group].append(photo)
    rng = np.random.default_rng(seed)
    train: list[Labelled] = []
    validation: list[Labelled] = []
    for key in sorted(groups):
        members = groups[key]
        order = rng.permutation(len(members))
        taken = set(order[: round(share * len(members))].tolist())
        train += [p for i, p in enumerate(members) if i not in taken]
        validation += [p for i, p in enumerate(members) if i in taken]
    for part, other in ((train, validation), (validation, train)):
        counts = Counter(p.label for p in part)
        for label in {p.label for p in other} - set(counts):
            moved = next(p for p in other if p.label == label)
            other.remove(moved)
            part.append(moved)
    return train, validation
