"""The 8-bit form of a model for bulk: made once from training photos, kept with what it costs.

NNCF sets the range of every activation by the photos it is shown and rounds weights and
activations to eight bits (Nagel et al., "A White Paper on Neural Network Quantization", 2021).
Unlike the other engines it does not promise the reference's verdicts: what it costs in accuracy is
measured on labelled photos when it is made, kept beside it and told, and more than ``MOST`` is
refused. It lies in the cache folder, by the model's digest.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from petvision.errors import ConfigError, OutputError
from petvision.events import Event, Progress, Result
from petvision.images.prepare import open_prepared
from petvision.images.types import Floats, Source
from petvision.models.boundary import margin_slope, margins, two_best, unknown_slope
from petvision.models.engines.base import Engine
from petvision.models.handle import ModelHandle
from petvision.models.speeds import cache_folder
from petvision.models.stream import answers

MOST = 0.002  # of accuracy: a fifth of a percentage point
CALIBRATION = 300  # photos, as NNCF takes by default
COMPARED = 200  # other photos, whose margins give the stated distance
OFTEN = 0.99  # of them lie within that distance

Labelled = tuple[Source, str]


@dataclass(frozen=True, slots=True)
class Cost:
    """What eight bits cost.

    ``accuracy`` is the 8-bit form's on ``photos`` labelled ones, ``reference`` the reference's;
    ``again`` is the share of verdicts that were computed again on the reference, because they lie
    within ``distance`` (see ``petvision.models.boundary``) of another.
    """

    photos: int
    accuracy: float
    reference: float
    again: float
    distance: float

    @property
    def words(self) -> str:
        """The cost in a sentence."""
        points = 100 * (self.reference - self.accuracy)
        return (
            f"eight bits cost {points:.2f} points of accuracy on {self.photos:,} photos "
            f"({self.accuracy:.4f} instead of {self.reference:.4f})"
        )


def file_of(handle: ModelHandle) -> Path:
    """Where the 8-bit form of a model lies, or would."""
    return cache_folder() / "int8" / f"{handle.card.name}-{handle.sha256[:16]}.xml"


def cost_of(handle: ModelHandle) -> Cost | None:
    """What the 8-bit form costs; None where there is none yet."""
    try:
        told = json.loads(file_of(handle).with_suffix(".json").read_bytes())
        return Cost(**told)
    except (OSError, ValueError, TypeError):  # not there, or damaged: it can be made again
        return None


def quantise(
    handle: ModelHandle, training: Sequence[Source], labelled: Sequence[Labelled]
) -> Iterator[Event[Cost]]:
    """Make and measure the 8-bit form of a model, in place of an earlier one.

    Args:
        handle: the model, on an engine whose verdicts are the reference's.
        training: at least ``CALIBRATION + COMPARED`` photos that the model was trained on.
        labelled: photos with their classes, to measure the cost on.

    Raises:
        ConfigError: when NNCF is not installed, there are too few photos, or it costs too much.
        InputError: when a training photo cannot be read.
        OutputError: when the cache folder cannot be written.
    """
    if importlib.util.find_spec("nncf") is None:
        remedy = "Install it with: pip install petvision[int8]"
        raise ConfigError("key", "openvino-int8", key="NNCF here", remedy=remedy)
    if len(training) < CALIBRATION + COMPARED or not labelled:
        wanted = f"at least {CALIBRATION + COMPARED:,} training photos and some labelled ones"
        found = f"{len(training):,} and {len(labelled):,}"
        raise ConfigError("range", "openvino-int8", key="photos", expected=wanted, found=found)
    from petvision.models.engines.openvino_engine import OpenVinoEngine, quantised

    pictures: list[Floats] = []
    for source in training[: CALIBRATION + COMPARED]:
        pictures.append(open_prepared(source, handle.spec).pixels)
        yield Progress(len(pictures), CALIBRATION + COMPARED, "training photos")
    yield Progress(0, 0, "rounding to eight bits")
    target = file_of(handle)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as place:
            made = Path(place) / target.name
            quantised(handle.network, handle.spec.size, pictures[:CALIBRATION], made)
            engine = OpenVinoEngine(made, handle.spec.size, "int8")
            distance = _distance(handle, engine, pictures[CALIBRATION:])
            fast = dataclasses.replace(handle, engine=engine, distance=distance)
            cost = yield from _cost(handle, fast, labelled)
            if cost.reference - cost.accuracy > MOST:
                expected = f"at most {100 * MOST:g} points"
                raise ConfigError(
                    "range", handle.card.name, key="the cost", expected=expected, found=cost.words
                )
            made.with_suffix(".json").write_text(json.dumps(asdict(cost), indent=1), "utf-8")
            for suffix in (".bin", ".xml", ".json"):  # the last one says that the others are whole
                made.with_suffix(suffix).replace(target.with_suffix(suffix))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError("read_only", str(target.parent), reason=reason) from error
    yield Result(cost)


def _distance(handle: ModelHandle, engine: Engine, pictures: Sequence[Floats]) -> float:
    """How far ``OFTEN`` of the pictures are at most, in the unit of ``boundary``."""
    exact, found = (
        np.concatenate([one.forward(picture).features for picture in pictures])
        for one in (handle.reference, engine)
    )
    right, seen = handle.heads.verdicts(exact), handle.heads.verdicts(found)
    best, second = two_best(right.logits)
    apart = margins(seen.logits, best, second) - margins(right.logits, best, second)
    off = np.abs(apart) / margin_slope(handle.heads, exact, best, second)
    if right.unknown is not None and seen.unknown is not None:
        slope = unknown_slope(handle.heads, exact, right)
        off = np.maximum(off, np.abs(seen.unknown - right.unknown) / slope)
    return float(np.quantile(off, OFTEN))


def _cost(
    handle: ModelHandle, fast: ModelHandle, labelled: Sequence[Labelled]
) -> Generator[Progress, None, Cost]:
    """Answer the labelled photos both ways; those that cannot be read count for neither."""
    photos = again = 0
    right = [0, 0]
    sources = [source for source, _ in labelled]
    pairs = zip(answers(handle, sources), answers(fast, sources), labelled, strict=True)
    for number, (exact, found, (_, label)) in enumerate(pairs, 1):
        if exact.prediction is not None and found.prediction is not None:
            photos += 1
            again += found.prediction.rechecked
            right[0] += exact.prediction.best_class == label
            right[1] += found.prediction.best_class == label
        if number % 16 == 0:
            yield Progress(number, len(labelled), "photos, both ways")
    reference, accuracy = (count / max(1, photos) for count in right)
    return Cost(photos, accuracy, reference, again / max(1, photos), fast.distance)
