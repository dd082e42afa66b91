"""Photos for training: split, freed of the test's twins, and delivered in batches by threads."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from petvision.errors import ConfigError, InputError
from petvision.evaluate.datasets import DataSpec, Labelled, labelled_photos
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.prepare import geometry_of, resample
from petvision.images.types import InputSpec, Picture, Pixels
from petvision.models.files import write_atomically
from training.augment import augmented
from training.config import Augment, Config

FINGERPRINT = 24  # pixels a side of the grey thumbnails that are compared
TWIN = 0.94  # correlation of two thumbnails above which they show the same photo


@dataclass(frozen=True, slots=True)
class Split:
    """What a run trains and chooses on, and what was left out of it, with the reason.

    ``seed`` and ``share`` (of validation) say how it was drawn.
    """

    classes: tuple[str, ...]
    train: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    left_out: tuple[tuple[str, str], ...]
    seed: int = 0
    share: float = 0.2

    @property
    def digest(self) -> str:
        """sha256 over names, labels and parts: two runs with equal digests saw the same photos."""
        lines = [
            f"{part}/{p.label}/{p.path.parent.name}/{p.path.name}"
            for part, photos in (("train", self.train), ("validation", self.validation))
            for p in photos
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def save(self, path: Path, root: Path) -> None:
        """Write data.json: digest, counts, split by name, files left out and why.

        Raises:
            OutputError: when it cannot be written.
        """
        tree = {
            "digest": self.digest,
            "seed": self.seed,
            "share": self.share,
            "classes": self.classes,
            "counts": {
                part: {c: sum(p.label == c for p in photos) for c in self.classes}
                for part, photos in (("train", self.train), ("validation", self.validation))
            },
            "train": [_name(p, root) for p in self.train],
            "validation": [_name(p, root) for p in self.validation],
            "left_out": [{"file": name, "why": why} for name, why in self.left_out],
        }
        write_atomically(path, json.dumps(tree, indent=1).encode())


def split_of(config: Config, record: Path) -> Split:
    """The split that ``record`` (data.json) tells of, or a new one, which it then tells of.

    Raises:
        InputError: when the data is not there.
        ConfigError: when fewer than two classes are left, or the photos are not those recorded.
    """
    if not record.exists():
        split = split_photos(config)
        split.save(record, config.data.root)
        return split
    tree = json.loads(record.read_text())
    if (tree["seed"], tree["share"]) != (config.seed, config.data.validation):
        problems = "it was drawn with another seed or data.validation; remove it to draw anew"
        raise ConfigError("several", str(record), problems=problems)
    spec = DataSpec(config.data.source, config.data.root, "trainval")
    photos = {_name(p, config.data.root): p for p in labelled_photos(spec)}
    try:
        train, validation = (tuple(photos[n] for n in tree[k]) for k in ("train", "validation"))
    except KeyError as error:
        raise ConfigError(
            "several", str(record), problems=f"{error} is recorded there but gone from the data"
        ) from error
    left_out = tuple((entry["file"], entry["why"]) for entry in tree["left_out"])
    classes = tuple(tree["classes"])
    return Split(classes, train, validation, left_out, tree["seed"], tree["share"])


def _name(photo: Labelled, root: Path) -> str:
    """Which file it is, whatever the machine: the path below the data's folder."""
    return photo.path.relative_to(root).as_posix()


def split_photos(config: Config) -> Split:
    """Read the data, leave out unreadable photos and twins of test photos, and split.

    Raises:
        InputError: when the data is not there.
        ConfigError: when fewer than two classes are left.
    """
    data = config.data
    photos = labelled_photos(DataSpec(data.source, data.root, "trainval"))
    tests = [] if data.source == "folder" else test_photos(config)
    prints, unreadable = fingerprints([p.path for p in photos])
    left_out = dict(unreadable)
    for path, twin in twins(prints, fingerprints([p.path for p in tests])[0]).items():
        left_out[path] = f"shows the same photo as {twin.name} of the test split"
    kept = [p for p in photos if p.path not in left_out]
    classes = tuple(sorted({p.label for p in kept}))
    if len(classes) < 2:
        raise ConfigError(
            "range", str(data.root), key="data", expected="two classes", found=f"{len(classes)}"
        )
    train, validation = stratified(kept, data.validation, config.seed)
    gone = tuple(sorted((path.name, why) for path, why in left_out.items()))
    return Split(classes, tuple(train), tuple(validation), gone, config.seed, data.validation)


def test_photos(config: Config) -> list[Labelled]:
    """The official test split's photos that are here; none when it is kept elsewhere."""
    try:
        photos = labelled_photos(DataSpec(config.data.source, config.data.root, "test"))
    except InputError:
        return []
    return [p for p in photos if p.path.is_file()]


def stratified(
    photos: Sequence[Labelled], share: float, seed: int
) -> tuple[list[Labelled], list[Labelled]]:
    """Two parts that have each class and group (breed) in the same proportion."""
    groups: dict[tuple[str, str], list[Labelled]] = defaultdict(list)
    for photo in photos:
        groups[photo.label, photo.group].append(photo)
    rng = np.random.default_rng(seed)
    train, validation = [], []
    for key in sorted(groups):
        members = groups[key]
        order = rng.permutation(len(members))
        taken = set(order[: round(share * len(members))].tolist())
        train += [p for i, p in enumerate(members) if i not in taken]
        validation += [p for i, p in enumerate(members) if i in taken]
    return train, validation


def fingerprints(
    paths: Sequence[Path],
) -> tuple[dict[Path, npt.NDArray[np.float32]], dict[Path, str]]:
    """Grey thumbnails (flattened, zero mean, unit length) of the readable photos; why others not.

    A plain photo with no contrast has a thumbnail of zeros, which resembles nothing.
    """
    spec = InputSpec(size=FINGERPRINT, resize=FINGERPRINT)
    prints: dict[Path, npt.NDArray[np.float32]] = {}
    problems: dict[Path, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, found in zip(
            paths, pool.map(lambda p: _fingerprint(p, spec), paths), strict=True
        ):
            if isinstance(found, str):
                problems[path] = found
            else:
                prints[path] = found
    return prints, problems


def _fingerprint(path: Path, spec: InputSpec) -> npt.NDArray[np.float32] | str:
    try:
        picture = decode(load(source_of(str(path))), resize=spec.resize)
    except InputError as error:
        return str(error)
    facts = picture.facts
    whole = (0.0, 0.0, float(facts.width), float(facts.height))
    grey = Image.fromarray(resample(picture, whole, spec.size, "bilinear")).convert("L")
    values = np.asarray(grey, np.float32).ravel()
    values = values - values.mean()
    unit: npt.NDArray[np.float32] = values / max(float(np.linalg.norm(values)), 1.0)
    return unit


def twins(
    ours: dict[Path, npt.NDArray[np.float32]], theirs: dict[Path, npt.NDArray[np.float32]]
) -> dict[Path, Path]:
    """Our photos that show the same as one of theirs, upright or mirrored, with that one."""
    if not ours or not theirs:
        return {}
    names, others = list(ours), list(theirs)
    a = np.stack([ours[n] for n in names])
    b = np.stack([theirs[n] for n in others])
    mirrored = a.reshape(-1, FINGERPRINT, FINGERPRINT)[:, :, ::-1].reshape(len(a), -1)
    likeness = np.maximum(a @ b.T, mirrored @ b.T)
    best = likeness.argmax(1)
    return {names[i]: others[j] for i, j in enumerate(best) if likeness[i, j] > TWIN}


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """``pixels`` uint8 N×S×S×3 and the ``labels`` int64 N that go with them."""

    pixels: Pixels
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Loader:
    """Delivers photos in batches, decoded by threads through the one door.

    ``augment`` None gives each photo as a prediction sees it, in order; with it, each epoch is a
    new order and new views, all chosen by (seed, epoch, position): equal seeds, equal batches,
    whatever the threads do.
    """

    photos: tuple[Labelled, ...]
    classes: tuple[str, ...]
    spec: InputSpec
    batch_size: int
    augment: Augment | None = None
    seed: int = 0
    workers: int = 0

    def __len__(self) -> int:
        """Batches an epoch; when training the last, smaller batch is left out."""
        if self.augment and len(self.photos) >= self.batch_size:
            return len(self.photos) // self.batch_size
        return -(-len(self.photos) // self.batch_size)

    def epoch(self, number: int = 0) -> Iterator[Batch]:
        """The batches of one epoch; closing the iterator ends its threads."""
        order = np.arange(len(self.photos))
        if self.augment:
            order = np.random.default_rng((self.seed, number)).permutation(order)
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        chunks = [order[start : start + self.batch_size] for start in starts]
        workers = self.workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            calls = [partial(self._view, int(i), number) for i in np.concatenate(chunks)]
            views = _ordered(pool, calls, 4 * workers)
            try:
                for chunk in chunks:
                    pixels = np.stack(list(islice(views, len(chunk))))
                    labels = [self.classes.index(self.photos[i].label) for i in chunk]
                    yield Batch(pixels, np.array(labels, np.int64))
            finally:
                pool.shutdown(cancel_futures=True)

    def _view(self, index: int, epoch: int) -> Pixels:
        picture = decode(load(source_of(str(self.photos[index].path))), resize=self.spec.resize)
        if self.augment is None:
            return as_predicted(picture, self.spec)
        rng = np.random.default_rng((self.seed, epoch, index))
        return augmented(picture, self.spec, self.augment, rng)


def as_predicted(picture: Picture, spec: InputSpec) -> Pixels:
    """The uint8 picture that a prediction normalises: size×size×3."""
    geometry = geometry_of(picture.facts, spec)
    return resample(picture, geometry.box, spec.size, spec.interpolation)


def _ordered(
    pool: ThreadPoolExecutor, calls: Sequence[Callable[[], Pixels]], ahead: int
) -> Iterator[Pixels]:
    """Results in order, with at most ``ahead`` calls under way."""
    rest = iter(calls)
    waiting: deque[Future[Pixels]] = deque(pool.submit(call) for call in islice(rest, ahead))
    while waiting:
        value = waiting.popleft().result()
        waiting.extend(pool.submit(call) for call in islice(rest, 1))
        yield value
