"""Why, for many photos of a run: panels in its folder, and a small heat map each in its store."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from petvision.batch.rows import HEAT_CELLS, TRUST, Reader, Row
from petvision.batch.store import Explained, Store
from petvision.errors import ConfigError, PetVisionError
from petvision.events import Event, Progress, Result
from petvision.explain import registry
from petvision.explain.cache import Cache
from petvision.explain.results import Attribution
from petvision.explain.run import context_of, trust_events
from petvision.explain.trust import WORST, Referee
from petvision.images.door import load
from petvision.images.inputs import source_of
from petvision.images.prepare import prepare_encoded
from petvision.images.types import Floats, Geometry, Source
from petvision.lock import FolderLock
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown
from petvision.reports.panels import stem_of
from petvision.reports.photo import explain_to_folder

FOLDER = "explanations"
_SAMPLES = 4  # a side of a cell, where heat is looked up


@dataclass(frozen=True, slots=True)
class ExplainedMany:
    """How many photos were explained now, were so before, and could not be (number and why)."""

    done: int
    before: int
    failed: tuple[tuple[int, PetVisionError], ...]


def explain_many(
    handle: ModelHandle,
    run: Path,
    methods: Sequence[str],
    items: Sequence[int] | None = None,
    *,
    trust: bool = False,
) -> Iterator[Event[ExplainedMany]]:
    """Explain photos of a run into ``run/explanations/NUMBER-STEM``; done ones are not done again.

    Args:
        handle: the run's model.
        run: the run's folder.
        methods: ids of the registry.
        items: the photos' numbers (all that could be read).
        trust: judge every map as its badge in the window does (some hundred forward passes each).

    Raises:
        ConfigError: when a method does not exist, or the run is another model's.
        OutputError: when the folder cannot be written.
    """
    for name in methods:
        registry.method(name)
    lock = FolderLock(run)
    try:
        with closing(Reader(run)) as reader, closing(Store(run)) as store:
            if reader.identity.model_sha256 != handle.sha256:
                model = reader.identity.model
                raise ConfigError(
                    "range", "--model", key="the model", expected=model, found=handle.card.name
                )
            try:
                yield from _Many(handle, run, methods, reader, store, trust).events(items)
            finally:
                reader.close()
                store.settle()
    finally:
        lock.release()


class _Many:
    def __init__(
        self,
        handle: ModelHandle,
        run: Path,
        methods: Sequence[str],
        reader: Reader,
        store: Store,
        trust: bool,
    ) -> None:
        self._trust, self._referee = trust, Referee()
        self._judged = reader.judged()
        self._handle, self._run, self._methods = handle, run, tuple(methods)
        self._reader, self._store = reader, store
        self._before = reader.explained()
        self._done = self._skipped = 0
        self._failed: list[tuple[int, PetVisionError]] = []

    def events(self, items: Sequence[int] | None) -> Iterator[Event[ExplainedMany]]:
        rows = self._reader.rows() if items is None else iter(self._reader.some(items))
        total = self._reader.summary().items if items is None else len(items)
        for number, row in enumerate(rows):
            yield Progress(number, total, "photos")
            known = self._before.get(row.number, frozenset())
            enough = known >= set(self._methods) and (not self._trust or row.number in self._judged)
            if row.answer is None or enough:
                self._skipped += row.answer is not None
                continue
            yield from self._one(row, tuple(dict.fromkeys([*self._methods, *sorted(known)])))
        yield Progress(total, total, "photos")
        yield Result(ExplainedMany(self._done, self._skipped, tuple(self._failed)))

    def _one(self, row: Row, methods: Sequence[str]) -> Iterator[Event[ExplainedMany]]:
        source = source_of(row.location)
        folder = Path(FOLDER) / f"{row.number}-{stem_of(source)}"
        threshold = self._reader.identity.threshold
        unknown: Unknown = "off" if threshold is None else threshold
        try:
            job = explain_to_folder(
                self._handle, source, self._run / folder, methods=methods, unknown=unknown
            )
            for event in job:
                if isinstance(event, Result):
                    explained = event.value.explained
                    maps = [one for one in explained.explanations if isinstance(one, Attribution)]
                    more = agreement_of([on_photo(one.heat, one.geometry) for one in maps])
                    lights: dict[str, float] = {}
                    if self._trust or row.number in self._judged:
                        lights = yield from self._lights(source, maps)
                    found = [
                        _kept(row.number, one, folder.as_posix(), more, lights.get(one.method))
                        for one in maps
                    ]
                    self._store.explained(row.number, found)
                    self._done += 1
                else:
                    yield Progress(0, 0, source.label)
        except PetVisionError as error:
            if error.code in ("no_space", "read_only"):
                raise
            self._failed.append((row.number, error))

    def _lights(
        self, source: Source, maps: Sequence[Attribution]
    ) -> Generator[Progress, None, dict[str, float]]:
        """The badge of each map, as its place in ``WORST``."""
        prepared = prepare_encoded(load(source), self._handle.spec)
        lights: dict[str, float] = {}
        for found in maps:
            context = context_of(self._handle, prepared, target=found.target)
            values = registry.parameters(found.method, dict(found.parameters))
            for event in trust_events(context, values, found, self._referee, Cache()):
                if isinstance(event, Result):
                    lights[found.method] = float(WORST.index(event.value.light))
                else:
                    yield Progress(0, 0, source.label)
        return lights


def agreement_of(heats: Sequence[Floats]) -> float | None:
    """The least rank correlation (-1 to 1) between any two maps of a photo; None for one alone.

    What speaks against the class counts as nothing, because not every method tells of it.
    """
    ranks = [rankdata(np.maximum(heat, 0)) for heat in heats if heat.max() > 0]
    pairs = [np.corrcoef(one, other)[0, 1] for one, other in combinations(ranks, 2)]
    return float(min(pairs)) if pairs else None


def _kept(
    number: int, found: Attribution, folder: str, agreement: float | None, light: float | None
) -> Explained:
    facts = {fact.code: fact.value for fact in found.facts}
    facts |= {} if agreement is None else {"agreement": agreement}
    facts |= {} if light is None else {TRUST: light}
    return Explained(
        item=number,
        method=found.method,
        target=found.target,
        parameters=json.dumps(dict(found.parameters)),
        image_sha256=found.provenance.image_sha256,
        folder=folder,
        heat=on_photo(found.heat, found.geometry),
        facts=json.dumps(facts),
        made=time.time(),
    )


def on_photo(heat: Floats, geometry: Geometry, cells: int = HEAT_CELLS) -> Floats:
    """Heat on the model's grid as means over ``cells``×``cells`` of the photo's whole frame.

    What the network did not see has none.
    """
    fine = (np.arange(cells * _SAMPLES) + 0.5) / (cells * _SAMPLES)
    left, top, right, bottom = geometry.box
    rows, columns = heat.shape
    x = (fine * geometry.width - left) / (right - left)
    y = (fine * geometry.height - top) / (bottom - top)
    inside = ((y >= 0) & (y < 1))[:, None] & ((x >= 0) & (x < 1))[None, :]
    at_y = np.clip((y * rows).astype(int), 0, rows - 1)
    at_x = np.clip((x * columns).astype(int), 0, columns - 1)
    found = np.where(inside, heat[at_y[:, None], at_x[None, :]], 0.0)
    means = found.reshape(cells, _SAMPLES, cells, _SAMPLES).mean((1, 3))
    return np.asarray(means, np.float32)
