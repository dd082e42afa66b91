"""Mean and deviation of the training photos' colours, measured once for a set of photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from itertools import islice
from pathlib import Path

import numpy as np

from petvision.errors import OutputError
from petvision.events import Progress
from petvision.models.files import write_atomically
from petvision.models.speeds import cache_folder
from training.config import Config
from training.data import Split
from training.loader import Loader

MOST = 4000  # photos, evenly picked: more change the fourth digit
DIGITS = 4


def measured(config: Config, split: Split) -> Generator[Progress, None, Config]:
    """The configuration with ``data.mean`` and ``data.std`` as numbers.

    What is measured is kept by the digest of the photos, so that it is measured once.
    """
    if not config.data.measures:
        return config
    spec = config.data.input_spec
    key = hashlib.sha256(f"{split.digest}/{spec.size}/{spec.resize}".encode()).hexdigest()[:32]
    record = cache_folder() / "statistics" / f"{key}.json"
    found = _read(record)
    if found is None:
        found = yield from _measure(config, split)
        try:
            write_atomically(record, json.dumps(found).encode())
        except OutputError:
            yield Progress(0, 0, "the statistics could not be kept")
    mean, std = found
    update = {
        "mean": tuple(mean) if config.data.mean == "measured" else config.data.mean,
        "std": tuple(std) if config.data.std == "measured" else config.data.std,
    }
    return config.model_copy(update={"data": config.data.model_copy(update=update)})


def _read(record: Path) -> tuple[list[float], list[float]] | None:
    try:
        mean, std = json.loads(record.read_text())
        return [float(v) for v in mean], [float(v) for v in std]
    except (OSError, ValueError, TypeError):  # not there yet, or damaged: measure again
        return None


def _measure(
    config: Config, split: Split
) -> Generator[Progress, None, tuple[list[float], list[float]]]:
    step = -(-len(split.train) // MOST)
    loader = Loader(
        split.train[::step],
        split.classes,
        config.data.input_spec,
        32,
        workers=config.training.workers,
    )
    total, squares, count = np.zeros(3), np.zeros(3), 0
    for number, batch in enumerate(islice(loader.epoch(), len(loader)), 1):
        values = batch.pixels.reshape(-1, 3).astype(np.float64) / 255
        total += values.sum(0)
        squares += (values**2).sum(0)
        count += len(values)
        yield Progress(number, len(loader), "measuring the colours")
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    return mean.round(DIGITS).tolist(), std.round(DIGITS).tolist()
