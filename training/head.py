"""The last layer first: fitted to its optimum on features that are read once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from petvision.events import Progress, through
from petvision.images.prepare import normalise
from petvision.images.types import Floats
from petvision.models.engine import prepare_engine
from petvision.models.engines.base import Engine
from petvision.models.handle import from_network
from training.checkpoints import load_checkpoint, save_checkpoint
from training.course import Run
from training.loader import Numbers

FAST_FROM = 100  # photos from which making a fast engine ready is worth its seconds


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the last layer reads, N×F with labels N; of validation only where that is all there is.

    (That is: nothing but the head is trained, so no photo has to be looked at again.)
    """

    train: Floats
    train_labels: Numbers
    validation: Floats | None
    validation_labels: Numbers


def features_of(run: Run) -> Generator[Progress, None, Features]:
    """The photos' features as predictions see them, from the run's folder or read now."""
    cache = run.folder / "checkpoints" / "features.pt"
    kept = load_checkpoint(cache, run.fingerprint)
    if kept is None:
        parts = ("train",) if run.config.training.epochs else ("train", "validation")
        engine = yield from _engine(run, len(run.split.train))
        kept = {"config": run.fingerprint}
        for part in parts:
            rows, labels = yield from _read(run, part, engine)
            kept |= {part: torch.from_numpy(rows), f"{part}_labels": torch.from_numpy(labels)}
        if run.team.leads:
            save_checkpoint(cache, kept)
    found = {name: value.numpy() for name, value in kept.items() if isinstance(value, Tensor)}
    nothing = np.zeros(0, np.int64)
    return Features(
        found["train"],
        found["train_labels"],
        found.get("validation"),
        found.get("validation_labels", nothing),
    )


def _engine(run: Run, photos: int) -> Generator[Progress, None, Engine]:
    """The fastest engine there is for the network as it starts; torch's own for a few photos."""
    handle = from_network(
        run.net.network, run.split.classes, run.config.data.input_spec, run.config.model.name
    )
    if photos < FAST_FROM or run.device.type != "cpu" or not run.config.training.amp:
        return handle.reference
    return (yield from through(prepare_engine(handle, "auto"))).engine


def _read(run: Run, part: str, engine: Engine) -> Generator[Progress, None, tuple[Floats, Numbers]]:
    loader = run.loader(part, training=False)
    spec = run.config.data.input_spec
    rows: list[Floats] = []
    labels: list[Numbers] = []
    for number, batch in enumerate(loader.epoch(), 1):
        ours = np.zeros((0, run.net.head.in_features), np.float32)
        if len(batch.pixels):
            pictures = np.concatenate([normalise(p, spec) for p in batch.pixels])
            ours = engine.forward(pictures).features
        rows.append(run.team.gathered(np.asarray(ours, np.float32), len(batch.everybody)))
        labels.append(batch.everybody)
        yield Progress(number, len(loader), f"reading features ({part})")
    return np.concatenate(rows), np.concatenate(labels)


def fitted_head(run: Run, features: Features) -> dict[str, Tensor]:
    """The last layer's state dict, fitted to the training photos' features."""
    weight, bias = fit_head(features.train, features.train_labels, run.class_weights.numpy())
    return {"weight": weight, "bias": bias}


def fit_head(
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32] | Sequence[float],
    decay: float = 1e-4,
) -> tuple[Tensor, Tensor]:
    """Logistic regression (softmax, L2) on cached features, to its optimum by L-BFGS.

    Args:
        features: N×F.
        labels: N class numbers.
        weights: weight of each class in the loss.
        decay: weight of ½·|W|² beside the mean loss.

    Returns:
        ``weight`` classes×F and ``bias`` classes, for features as they are.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-6
    x = torch.from_numpy((features - mean) / scale)
    y, importance = torch.from_numpy(labels), torch.as_tensor(weights)
    weight = torch.zeros(len(importance), x.shape[1], requires_grad=True)
    bias = torch.zeros(len(importance), requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = nn.functional.cross_entropy(x @ weight.T + bias, y, importance)
        value = value + decay / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]
    plain = weight.detach() / torch.from_numpy(scale)
    return plain, bias.detach() - plain @ torch.from_numpy(mean)
