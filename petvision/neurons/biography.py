"""A layer's filters over a folder: what fires them most and least, and what silencing costs.

Photos stream through; of each only a few numbers a filter are kept, so memory does not grow with
the photos but for those numbers (two a filter and photo).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from petvision.errors import OutputError, PetVisionError
from petvision.events import Event, Events, Progress, Result
from petvision.images.prepare import open_prepared
from petvision.images.types import Geometry, Prepared, Source
from petvision.models.files import write_atomically
from petvision.models.handle import ModelHandle
from petvision.models.speeds import cache_folder
from petvision.neurons.layers import Anatomy, batch_activations
from petvision.neurons.passes import logits_without
from petvision.neurons.receptive_field import field_box
from petvision.neurons.results import Extremes, Loss, Places

NINE = 9
BATCH = 4
AHEAD = 8
MOST_PHOTOS = 20_000
"""Of a larger folder so many are taken, evenly spaced."""

LOSS_PHOTOS = 64


def some_of(sources: Sequence[Source], most: int = MOST_PHOTOS) -> list[Source]:
    """At most so many of the photos, evenly spaced."""
    if len(sources) <= most:
        return list(sources)
    return [sources[int(i)] for i in np.linspace(0, len(sources) - 1, most)]


def extremes(
    handle: ModelHandle, anatomy: Anatomy, layer: str, sources: Sequence[Source]
) -> Events[Extremes]:
    """What of these photos fires each filter of a layer most and least.

    What was found is kept in the cache folder and comes from there as long as no file changed.

    Raises:
        ConfigError: ``key`` when there is no such convolution.
    """
    name = anatomy.convolution(layer).name
    chosen = some_of(sources)

    def work() -> Iterator[Event[Extremes]]:
        place = _cache_file(handle, name, chosen)
        kept = _recall(place, name)
        if kept is not None:
            yield Result(kept)
            return
        found = yield from _look(handle, anatomy, name, chosen)
        _remember(place, found)
        yield Result(found)

    return work()


def loss(
    handle: ModelHandle,
    anatomy: Anatomy,
    layer: str,
    filters: Sequence[int],
    sources: Sequence[Source],
) -> Events[Loss]:
    """What the verdicts on these photos (at most 64 of them) lose without some filters."""
    module = anatomy.taps[anatomy.convolution(layer).name].module
    chosen = some_of(sources, LOSS_PHOTOS)

    def work() -> Iterator[Event[Loss]]:
        drops: list[float] = []
        changed = 0
        for done, (_, photo) in enumerate(_opened(handle, chosen)):
            yield Progress(done, len(chosen), "silencing")
            if isinstance(photo, PetVisionError):
                continue
            whole, without = logits_without(
                handle.network, module, photo.pixels, [[], list(filters)]
            )
            best = int(whole.argmax())
            drops.append(float(whole[best] - without[best]))
            changed += int(without.argmax()) != best
        spread = float(np.std(drops)) if drops else 0.0
        mean = float(np.mean(drops)) if drops else 0.0
        yield Result(Loss(len(drops), mean, spread, changed))

    return work()


def _opened(
    handle: ModelHandle, sources: Sequence[Source]
) -> Iterator[tuple[int, Prepared | PetVisionError]]:
    """The photos in order, a few decoded ahead; closing it leaves no thread behind."""
    pool = ThreadPoolExecutor(2, thread_name_prefix="petvision-decode")
    remaining = enumerate(sources)
    waiting: deque[tuple[int, Future[Prepared]]] = deque()

    def top_up() -> None:
        while len(waiting) < AHEAD:
            following = next(remaining, None)
            if following is None:
                return
            number, source = following
            waiting.append((number, pool.submit(open_prepared, source, handle.spec)))

    try:
        top_up()
        while waiting:
            number, future = waiting.popleft()
            try:
                photo: Prepared | PetVisionError = future.result()
            except PetVisionError as error:
                photo = error
            top_up()
            yield number, photo
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _look(
    handle: ModelHandle, anatomy: Anatomy, layer: str, sources: Sequence[Source]
) -> Generator[Progress, None, Extremes]:
    filters = anatomy.convolution(layer).filters
    mean = np.full((len(sources), filters), np.nan, np.float32)
    peak = np.full((len(sources), filters), np.nan, np.float32)
    cell = np.zeros((len(sources), filters), np.int32)
    geometries: dict[int, Geometry] = {}
    waiting: list[tuple[int, Prepared]] = []
    wide = anatomy.graph.shapes[layer][2]

    def compute() -> None:
        pixels = np.concatenate([photo.pixels for _, photo in waiting])
        for (number, photo), maps in zip(
            waiting, batch_activations(handle, anatomy, layer, pixels), strict=True
        ):
            flat = maps.reshape(filters, -1)
            mean[number], peak[number] = flat.mean(1), flat.max(1)
            cell[number] = flat.argmax(1)
            geometries[number] = photo.geometry
        waiting.clear()

    for number, photo in _opened(handle, sources):
        yield Progress(number, len(sources), "photos")
        if isinstance(photo, Prepared):
            waiting.append((number, photo))
        if len(waiting) == BATCH:
            compute()
    if waiting:
        compute()
    fields: dict[tuple[int, int], tuple[float, float, float, float]] = {}

    def places(sign: int) -> Places:
        count = min(NINE, len(geometries))
        keys = np.where(np.isfinite(peak), -sign * peak, np.inf)
        photos = np.argsort(keys, axis=0, kind="stable")[:count].T.astype(np.int64)
        index = np.arange(filters)[:, None]
        values, flat = peak[photos, index], cell[photos, index].astype(np.int64)
        cells = np.stack([flat // wide, flat % wide], -1)
        boxes = np.zeros((filters, count, 4))
        for i in range(filters):
            for j in range(count):
                key = (int(photos[i, j]), int(flat[i, j]))
                if key not in fields:
                    row, column = divmod(key[1], wide)
                    fields[key] = field_box(anatomy.graph, layer, (row, column), geometries[key[0]])
                boxes[i, j] = fields[key]
        return Places(photos, values, cells, boxes)

    yield Progress(len(sources), len(sources), "receptive fields")
    most = places(1)
    yield Progress(len(sources), len(sources), "receptive fields")
    return Extremes(layer, most, places(-1), mean, peak)


def _cache_file(handle: ModelHandle, layer: str, sources: Sequence[Source]) -> Path | None:
    """Where this question's answer is kept; None where a photo is no file."""
    digest = hashlib.sha256(f"2 {handle.sha256} {layer}".encode())
    for source in sources:
        if source.kind != "file":
            return None
        try:
            facts = Path(source.location).stat()
        except OSError:
            return None
        stamp = f"\0{facts.st_size} {facts.st_mtime_ns}\0"
        digest.update(source.location.encode(errors="surrogateescape") + stamp.encode())
    return cache_folder() / "neurons" / f"{digest.hexdigest()[:32]}.npz"


def _remember(place: Path | None, found: Extremes) -> None:
    if place is None:
        return
    out = io.BytesIO()
    arrays: dict[str, Any] = {"mean": found.mean, "peak": found.peak}
    for side, places in (("most", found.most), ("least", found.least)):
        for name in ("photo", "value", "cell", "field"):
            arrays[f"{side}_{name}"] = getattr(places, name)
    np.savez(out, **arrays)
    try:
        write_atomically(place, out.getvalue())
    except OutputError:
        return  # looked at again next time


def _recall(place: Path | None, layer: str) -> Extremes | None:
    if place is None or not place.is_file():
        return None
    try:
        with np.load(place, allow_pickle=False) as kept:
            most, least = (
                Places(*(kept[f"{side}_{name}"] for name in ("photo", "value", "cell", "field")))
                for side in ("most", "least")
            )
            return Extremes(layer, most, least, kept["mean"], kept["peak"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # damaged: looked at again
        return None
