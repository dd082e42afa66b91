"""Many photos, one after another: decoded in threads, answered in batches, in input order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from petvision.errors import PetVisionError
from petvision.images.prepare import open_prepared
from petvision.images.types import Prepared, Source
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown, predict
from petvision.models.results import Prediction

AHEAD = 2  # batches decoded or being decoded while one is computed


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one source: a prediction or, in its place, the error."""

    source: Source
    prediction: Prediction | None
    error: PetVisionError | None


def answers(
    handle: ModelHandle,
    sources: Iterable[Source],
    *,
    unknown: Unknown = "auto",
    batch: int = 16,
    threads: int = 2,
) -> Iterator[Answer]:
    """One answer a source, in order, with at most ``AHEAD`` batches waiting decoded.

    Closing the generator stops the work; no thread is left behind.

    Args:
        handle: the model.
        sources: taken as they are needed, so they may be endless.
        unknown: see ``predict``.
        batch: pictures computed at a time.
        threads: that read and decode.
    """
    remaining = iter(sources)
    waiting: deque[tuple[Source, Future[Prepared]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="petvision-decode")

    def top_up() -> None:
        while len(waiting) < AHEAD * batch:
            source = next(remaining, None)
            if source is None:
                return
            waiting.append((source, pool.submit(open_prepared, source, handle.spec)))

    try:
        top_up()
        while waiting:
            chunk = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
            top_up()
            yield from _answer(handle, chunk, unknown)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _answer(
    handle: ModelHandle, chunk: list[tuple[Source, Future[Prepared]]], unknown: Unknown
) -> list[Answer]:
    outcomes = [_outcome(future) for _, future in chunk]
    ready = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    predictions = iter(predict(handle, ready, unknown))
    return [
        Answer(source, None, outcome)
        if isinstance(outcome, PetVisionError)
        else Answer(source, next(predictions), None)
        for (source, _), outcome in zip(chunk, outcomes, strict=True)
    ]


def _outcome(future: Future[Prepared]) -> Prepared | PetVisionError:
    try:
        return future.result()
    except PetVisionError as error:
        return error
