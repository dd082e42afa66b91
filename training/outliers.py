"""Training with photos of none of the classes: they are to be answered with no preference.

Paper: Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier Exposure", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from petvision.errors import ConfigError, InputError
from petvision.events import Partial, Progress
from petvision.images.types import Pixels
from training.config import Config
from training.course import Run
from training.data import Split
from training.happenings import Happening
from training.loader import Batch
from training.negatives import Strangers, strangers

SHARE = 4  # known photos to one outlier in a batch
MOST = 2000  # outliers kept in memory, as pixels


@dataclass(frozen=True, slots=True, eq=False)
class Outliers:
    """Pictures of none of the classes, M×S×S×3 uint8, of which each step sees some."""

    views: Pixels

    @classmethod
    def of(cls, run: Run) -> Generator[Progress | Partial[Happening], None, Outliers | None]:
        """Read the outliers a configuration asks for, None when it wants none.

        Raises:
            ConfigError: when there are none where it says.
        """
        sources = outliers_of(run.config, run.split)
        if not sources:
            return None
        size = run.training_size(run.config.training.epochs)
        spec = replace(run.config.data.input_spec, size=size)
        views: list[Pixels] = []
        for source in sources:
            unread: list[InputError] = []
            for view in islice(source.views(spec, unread), MOST - len(views)):
                views.append(view)
                yield Progress(len(views), 0, "reading the outliers")
            if word := source.word(unread):
                yield Partial(word)
        if not views:
            raise _none(run.config)
        return cls(np.stack(views))

    def pixels(self, run: Run, size: int, rng: np.random.Generator) -> Tensor:
        """A step's outliers, some mirrored, as the known photos are: normalised, size×size."""
        count = max(1, run.config.training.batch_size // run.team.world // SHARE)
        chosen = self.views[rng.integers(0, len(self.views), count)]
        mirrored = rng.random(count) < 0.5
        chosen[mirrored] = chosen[mirrored][:, :, ::-1]
        nothing = np.zeros(0, np.int64)
        x = run.pixels(Batch(chosen, nothing, nothing))
        if x.shape[-1] == size:
            return x
        return F.interpolate(x, (size, size), mode="bilinear", antialias=True)


def outliers_of(config: Config, split: Split) -> tuple[Strangers, ...]:
    """Where the outliers come from; nothing where none are wanted.

    Raises:
        ConfigError: naming the key, when there are none where it says.
    """
    specs = config.unknown.outliers
    sources = strangers("unknown.outliers", specs, split.train, split.classes)
    if specs and not any(source.photos for source in sources):
        raise _none(config)
    return sources


def _none(config: Config) -> ConfigError:
    return ConfigError(
        "range",
        "unknown.outliers",
        key=", ".join(config.unknown.outliers),
        expected="photos of none of the classes",
        found="empty",
    )


def no_preference(logits: Tensor) -> Tensor:
    """Mean cross-entropy (nats) between equal shares and the answers, less what is unavoidable."""
    classes = logits.shape[1]
    return -F.log_softmax(logits, 1).mean() - torch.log(torch.tensor(float(classes)))
