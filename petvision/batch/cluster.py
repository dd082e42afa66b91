"""A run on many machines: Ray Data reads the list, an engine in each actor answers it.

No scheduler and no protocol of our own: what to do is a list, what was done a Parquet data set in
the run's folder, and the store is filled from that. Photos of a machine that is lost are done by
the others, because Ray does a block again whose answers did not arrive; a block that was answered
twice is merged once. Photos are read as everywhere, by ``images.door``: files that every machine
sees, addresses of the web within the door's bounds, other stores (``s3://``) through fsspec.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from petvision.batch.run import Plan, identity, make_folder
from petvision.batch.scan import Found, scan
from petvision.batch.store import Outcome, Store
from petvision.errors import ConfigError, InputError
from petvision.events import Event, Progress, Result
from petvision.images.inputs import source_of
from petvision.images.types import ImageFacts, Milliseconds, Note, Source
from petvision.lock import FolderLock
from petvision.models.handle import ModelHandle, open_model
from petvision.models.predict import Unknown
from petvision.models.results import ModelIdentity, Prediction

BLOCK = 64  # photos that one actor answers at a time
LIGHT = 0.01  # of a processor, for what only writes: it finds room beside the actors
ROUND = 20_000  # photos handed to the cluster at once: what a crash can cost, and what is held
PARTS = "cluster"

Batch = dict[str, np.ndarray[Any, Any]]


class Answerer:
    """An actor: a model opened once, asked for every block."""

    def __init__(self, model: str, engine: str, unknown: Unknown) -> None:
        self._handle = open_model(model, engine=engine)
        self._unknown = unknown

    def __call__(self, batch: Batch) -> Batch:
        """Answer a block of places; each answer is one JSON text."""
        from petvision.models.stream import answers

        sources = [source_of(os.fsdecode(key)) for key in batch["key"]]
        found = answers(self._handle, sources, unknown=self._unknown)
        texts = [json.dumps(_told(answer.prediction, answer.error)) for answer in found]
        return {**batch, "answer": np.array(texts, object)}


def run_on_cluster(
    handle: ModelHandle, model: str, plan: Plan, folder: Path, address: str
) -> Iterator[Event[int]]:
    """Answer what is to do on a Ray cluster; the result is how many photos that were.

    Args:
        handle: the model, opened here too: the store is this model's and engine's.
        model: its name or path, as every machine of the cluster can open it.
        plan: what to do; it cannot watch.
        folder: the run's.
        address: of the cluster, such as ``auto`` or ``ray://host:10001``; ``local`` starts one.

    Raises:
        ConfigError: when Ray is not installed or the cluster cannot be reached.
        OutputError: when the folder cannot be written or belongs to another run.
    """
    data = _ray_data(address)
    make_folder(folder)
    lock = FolderLock(folder)
    try:
        with closing(Store(folder)) as store:
            store.begin(identity(handle, plan.unknown), plan.inputs.places)
            done = 0
            for _ in _merge(store, folder, handle, plan):  # what a crash left behind
                yield Progress(0, 0, "answers of an earlier run")
            found = (one for one in scan(plan.inputs) if one is not None)
            todo = (one for one in found if not store.settled(one, retry=plan.retry))
            while part := list(islice(todo, ROUND)):
                yield Progress(done, 0, "photos")
                blocks = -(-len(part) // BLOCK)
                rows = data.from_items([_row(f) for f in part], override_num_blocks=blocks)
                answered = rows.map_batches(
                    Answerer,
                    fn_constructor_args=(model, handle.engine.name, plan.unknown),
                    batch_size=BLOCK,
                    concurrency=(1, max(1, _actors())),
                    num_cpus=1,
                )
                answered.write_parquet(str(folder / PARTS), ray_remote_args={"num_cpus": LIGHT})
                for merged in _merge(store, folder, handle, plan):
                    done += merged
                    yield Progress(done, 0, "photos")
            store.finish()
            yield Result(done)
    finally:
        lock.release()


def _ray_data(address: str) -> Any:
    if importlib.util.find_spec("ray") is None:
        remedy = "Install it with: pip install petvision[cluster]"
        raise ConfigError("key", "--cluster", key="Ray here", remedy=remedy)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    import ray.data

    if not ray.is_initialized():
        try:
            ray.init(None if address == "local" else address, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            raise ConfigError(
                "range", "--cluster", key="ADDRESS", expected="a running cluster's", found=address
            ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray.data


def _actors() -> int:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get("CPU", 1))


def _row(found: Found) -> dict[str, object]:
    return {
        "key": found.key,
        "size": -1 if found.size is None else found.size,
        "mtime_ns": -1 if found.mtime_ns is None else found.mtime_ns,
    }


def _merge(store: Store, folder: Path, handle: ModelHandle, plan: Plan) -> Iterator[int]:
    """Bring the data set's files into the store, each in one transaction, and let go of them."""
    from pyarrow import parquet

    for file in sorted((folder / PARTS).glob("**/*.parquet")):
        told = [_outcome(row, handle, plan) for row in parquet.read_table(file).to_pylist()]
        fresh = [one for one in told if not store.settled(one.found, retry=plan.retry)]
        store.write(fresh)
        file.unlink()
        yield len(fresh)


def _told(prediction: Prediction | None, error: Exception | None) -> dict[str, object]:
    if prediction is None:
        return {"code": getattr(error, "code", "unreadable"), "message": str(error)}
    image, ms = prediction.image, prediction.ms
    return {
        "label": prediction.label,
        "scores": dict(prediction.scores),
        "logits": list(prediction.logits),
        "confidence": prediction.confidence,
        "unknown": prediction.unknown,
        "unknown_score": prediction.unknown_score,
        "unknown_threshold": prediction.unknown_threshold,
        "engine": prediction.engine,
        "rechecked": prediction.rechecked,
        "image": [image.width, image.height, image.format, image.sha256],
        "notes": [[note.code, note.words] for note in image.notes],
        "ms": [ms.read, ms.decode, ms.prepare, ms.compute],
    }


def _outcome(row: Mapping[str, Any], handle: ModelHandle, plan: Plan) -> Outcome:
    key, told = bytes(row["key"]), json.loads(row["answer"])
    source = source_of(os.fsdecode(key))
    size, mtime_ns = (None if row[name] < 0 else int(row[name]) for name in ("size", "mtime_ns"))
    found = Found(source, key, size, mtime_ns)
    truth = plan.truths.of(key) if plan.truths is not None else None
    by = plan.truths.made_by if plan.truths is not None else ""
    if "code" in told:
        return Outcome(found, None, _error(source, told), truth, by)
    width, height, kind, sha256 = told["image"]
    prediction = Prediction(
        label=told["label"],
        scores=told["scores"],
        logits=tuple(told["logits"]),
        confidence=told["confidence"],
        unknown=told["unknown"],
        unknown_score=told["unknown_score"],
        unknown_threshold=told["unknown_threshold"],
        model=ModelIdentity(handle.card.name, handle.sha256),
        image=ImageFacts(width, height, kind, sha256, tuple(Note(*one) for one in told["notes"])),
        engine=told["engine"],
        ms=Milliseconds(*told["ms"]),
        rechecked=told["rechecked"],
    )
    return Outcome(found, prediction, None, truth, by)


class _Told(InputError):
    """An error as another machine told it."""

    def __init__(self, code: str, source: str, message: str) -> None:
        super().__init__("unreadable", source, reason="")
        self.code, self._message = code, message

    def __str__(self) -> str:
        return self._message


def _error(source: Source, told: Mapping[str, str]) -> InputError:
    return _Told(told["code"], source.label, told["message"])
