"""Photos in batches, decoded by threads through the one door."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from petvision.evaluate.datasets import Labelled
from petvision.images.door import decode, load
from petvision.images.inputs import source_of
from petvision.images.prepare import geometry_of, resample
from petvision.images.types import InputSpec, Picture, Pixels
from training.augment import augmented
from training.config import Augment

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """This process's share of a batch: ``pixels`` uint8 N×S×S×3 and its ``labels`` int64 N.

    ``everybody`` are the labels of the whole batch, over all processes.
    """

    pixels: Pixels
    labels: Numbers
    everybody: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Loader:
    """Delivers photos in batches.

    ``augment`` None gives each photo as a prediction sees it, in order; with it, each epoch is a
    new order and new views, all chosen by (seed, epoch, position): equal seeds, equal batches,
    whatever the threads do. Of ``world`` processes each takes every world-th photo of a batch.
    """

    photos: tuple[Labelled, ...]
    classes: tuple[str, ...]
    spec: InputSpec
    batch_size: int
    augment: Augment | None = None
    seed: int = 0
    workers: int = 0
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        """Batches an epoch; when training the last, smaller batch is left out."""
        if self.augment and len(self.photos) >= self.batch_size:
            return len(self.photos) // self.batch_size
        return -(-len(self.photos) // self.batch_size)

    def epoch(self, number: int = 0) -> Iterator[Batch]:
        """The batches of one epoch; closing the iterator ends its threads.

        Raises:
            InputError: when a photo can no longer be read.
        """
        numbers = {name: i for i, name in enumerate(self.classes)}
        labels = np.array([numbers[p.label] for p in self.photos], np.int64)
        order = np.arange(len(self.photos))
        if self.augment:
            order = np.random.default_rng((self.seed, number)).permutation(order)
        starts = range(0, len(self) * self.batch_size, self.batch_size)
        chunks = [order[start : start + self.batch_size] for start in starts]
        ours = [chunk[self.rank :: self.world] for chunk in chunks]
        workers = self.workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers, thread_name_prefix="petvision-decode") as pool:
            calls = [partial(self.view, int(i), number) for i in np.concatenate(ours)]
            views = _ordered(pool, calls, max(4 * workers, 2 * self.batch_size))
            try:
                for chunk, mine in zip(chunks, ours, strict=True):
                    pixels = list(islice(views, len(mine)))
                    size = self.spec.size
                    stacked = np.stack(pixels) if pixels else np.zeros((0, size, size, 3), np.uint8)
                    yield Batch(stacked, labels[mine], labels[chunk])
            finally:
                pool.shutdown(cancel_futures=True)

    def view(self, index: int, epoch: int = 0) -> Pixels:
        """One photo as the network sees it in an epoch: uint8 S×S×3."""
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
