"""Training with photos of none of the classes: they are to be answered with no preference.

Paper: Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier Exposure", ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from petvision.errors import ConfigError
from petvision.events import Progress
from petvision.images.types import Pixels
from training.course import Run
from training.loader import Batch
from training.negatives import negative_views

SHARE = 4  # known photos to one outlier in a batch
MOST = 2000  # outliers kept in memory, as pixels


@dataclass(frozen=True, slots=True, eq=False)
class Outliers:
    """Pictures of none of the classes, M×S×S×3 uint8, of which each step sees some."""

    views: Pixels

    @classmethod
    def of(cls, run: Run) -> Generator[Progress, None, Outliers | None]:
        """Read the outliers a configuration asks for, None when it wants none.

        Raises:
            ConfigError: when there are none where it says.
        """
        specs = run.config.unknown.outliers
        if not specs:
            return None
        size = run.training_size(run.config.training.epochs)
        spec = replace(run.config.data.input_spec, size=size)
        found: Iterable[Pixels] = chain.from_iterable(
            negative_views(s, run.split.train, run.split.classes, spec) for s in specs
        )
        views: list[Pixels] = []
        for view in islice(found, MOST):
            views.append(view)
            yield Progress(len(views), 0, "reading the outliers")
        if not views:
            raise ConfigError(
                "range",
                "unknown.outliers",
                key=", ".join(specs),
                expected="photos of none of the classes",
                found="empty",
            )
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


def no_preference(logits: Tensor) -> Tensor:
    """Mean cross-entropy (nats) between equal shares and the answers, less what is unavoidable."""
    classes = logits.shape[1]
    return -F.log_softmax(logits, 1).mean() - torch.log(torch.tensor(float(classes)))
