"""Many photos, one after another: decoded in threads, answered in batches, in input order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from petvision.errors import PetVisionError
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats, Prepared, Source
from petvision.models.handle import ModelHandle
from petvision.models.predict import Unknown, judged
from petvision.models.results import Prediction

MANY = 200  # photos from which an engine for many (engine.for_many) is worth preparing

LANE_BATCH = 8  # pictures of a batch in a lane: fewer cost more for each than they save

_Decoded = list[tuple[Source, Future[Prepared]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one source: a prediction or, in its place, the error.

    ``features`` are what the prediction was made of: F numbers.
    """

    source: Source
    prediction: Prediction | None
    error: PetVisionError | None
    features: Floats | None = None


def answers(
    handle: ModelHandle,
    sources: Iterable[Source],
    *,
    unknown: Unknown = "auto",
    batch: int = 16,
    threads: int | None = None,
    ahead: int = 1,
) -> Iterator[Answer]:
    """One answer a source, in order.

    Photos are decoded in ``threads``, and computed in one thread for each of the engine's lanes.
    Closing the generator ends the work after the batches in hand; no thread is left behind.

    Args:
        handle: the model; for hundreds of photos, from ``engine.for_many``.
        sources: taken as they are needed, so they may be endless; where they end, the answers
            end, too, even if they could go on.
        unknown: see ``predict``.
        batch: pictures computed at a time, shared out among the lanes.
        threads: that read and decode; by default two, or one for each lane.
        ahead: batches decoded, for each lane, while one is computed.
    """
    remaining = iter(sources)
    lanes = handle.engine.lanes
    size = max(min(batch, LANE_BATCH), batch // lanes)
    decoders = ThreadPoolExecutor(threads or max(2, lanes), thread_name_prefix="petvision-decode")
    computers = ThreadPoolExecutor(lanes, thread_name_prefix="petvision-compute")
    under_way: deque[Future[list[Answer]]] = deque()
    over = False

    def top_up() -> None:
        nonlocal over
        while not over and len(under_way) < lanes * (1 + ahead):
            chunk = [
                (source, decoders.submit(open_prepared, source, handle.spec))
                for source in islice(remaining, size)
            ]
            over = len(chunk) < size
            if chunk:
                under_way.append(computers.submit(_answer, handle, chunk, unknown))

    try:
        top_up()
        while under_way:
            yield from under_way.popleft().result()
            top_up()
    finally:
        computers.shutdown(wait=False, cancel_futures=True)
        decoders.shutdown(wait=True, cancel_futures=True)
        computers.shutdown(wait=True)


def one_by_one(
    handle: ModelHandle, sources: Iterable[Source], *, unknown: Unknown = "auto"
) -> Iterator[Answer]:
    """One answer a source, each before the next source is taken."""
    for source in sources:
        yield from answers(handle, [source], unknown=unknown, batch=1, threads=1)


def _answer(handle: ModelHandle, chunk: _Decoded, unknown: Unknown) -> list[Answer]:
    outcomes = [_outcome(future) for _, future in chunk]
    ready = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    answered = iter(zip(*judged(handle, ready, unknown), strict=True))
    return [
        Answer(source, None, outcome)
        if isinstance(outcome, PetVisionError)
        else Answer(source, (found := next(answered))[0], None, found[1])
        for (source, _), outcome in zip(chunk, outcomes, strict=True)
    ]


def _outcome(future: Future[Prepared]) -> Prepared | PetVisionError:
    try:
        return future.result()
    except PetVisionError as error:
        return error
