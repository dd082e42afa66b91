"""The training loop: an iterator of events that can be stopped and resumed at any epoch."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from petvision.errors import ModelError
from petvision.evaluate.metrics import (
    accuracy,
    confusion,
    log_loss,
    macro,
    roc_auc,
)
from petvision.events import Partial, Progress, Result
from petvision.images.types import Floats
from petvision.models.handle import torch_device
from training.config import Config
from training.course import Course, Run, machine_of
from training.data import Split
from training.happenings import Begun, Epoch, Happening, Step, Word
from training.head import Features, features_of, fitted_head
from training.loader import Batch, Numbers
from training.mixing import mixed
from training.network import TwoHeads, frozen_copy
from training.outliers import Outliers, no_preference
from training.parallel import Team
from training.recipes import blended
from training.sweep import swept


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The best network of a run (on the CPU), its figures, and how it was chosen."""

    net: TwoHeads
    best: Epoch
    share: float
    seconds: float
    machine: str


TrainingEvents = Iterator[Progress | Partial[Happening] | Result[Trained]]


def train(
    config: Config,
    split: Split,
    net: TwoHeads,
    folder: Path,
    fingerprint: str,
    team: Team | None = None,
    finish: bool = False,
) -> TrainingEvents:
    """Train a network; resumes from ``folder/checkpoints/last.pt`` where there is one.

    With ``finish`` no further epoch is trained: what is best so far is the result.

    Raises:
        ModelError: ``bad_weights`` when the loss is no longer a number.
        OutputError: when a checkpoint cannot be written; the last whole one stays.
    """
    team = team or Team()
    run = Run(config, split, net, torch_device(config.device), folder, fingerprint, team)
    net.to(run.device, memory_format=run.memory_format)  # type: ignore[call-overload]
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    features: Features | None = None
    if config.training.head_first:
        features = yield from features_of(run)
        net.head.load_state_dict(fitted_head(run, features))
    start = {name: t.detach().cpu().clone() for name, t in net.state_dict().items()}
    if config.optimizer.lr == "auto" and config.training.epochs:
        run.config = yield from swept(run, partial(loss_of, run, None, None))
    yield from _epochs(run, features, finish)
    yield from _choose(run, start)


@dataclass(slots=True)
class Tally:
    """A running epoch: its losses, right answers and pace."""

    began: float
    loss: float = 0.0
    right: float = 0.0
    photos: int = 0
    steps: int = 0

    @property
    def pace(self) -> float:
        """Photos a second."""
        return self.photos / max(1e-9, time.perf_counter() - self.began)


def _epochs(run: Run, features: Features | None, finish: bool) -> TrainingEvents:
    """Train the network, judged after each epoch."""
    config = run.config
    teacher = frozen_copy(run.net) if run.net.gate is not None else None  # as it starts
    course = Course(run, len(run.loader("train", training=True)))
    course.resume()
    yield Partial(_begun(run, course))
    if run.split.added:
        count = f"{run.split.added:,} photo{'s' if run.split.added > 1 else ''}"
        told = f"{count} came after the run began: no part of it."
        yield Partial(Word("added", told))
    if course.following == 0:
        yield from _judge(run, course, Tally(time.perf_counter()), 0, features)
        course.keep()
    if finish:
        return
    outliers = yield from Outliers.of(run)
    for epoch in range(course.following, config.training.epochs + 1):
        assert run.best is not None  # epoch 0 was judged
        patience = config.training.early_stop
        if patience and epoch - 1 - run.best.number >= patience:
            return
        torch.manual_seed(config.seed * 100_003 + epoch)  # dropout: the same after a resume
        tally = Tally(time.perf_counter())
        yield from _one_epoch(run, course, epoch, tally, teacher, outliers)
        run.seconds += time.perf_counter() - tally.began
        yield from _judge(run, course, tally, epoch, None)
        course.keep()


def _begun(run: Run, course: Course) -> Begun:
    split = run.split
    return Begun(
        model=run.config.model.name,
        classes=split.classes,
        train=len(split.train),
        validation=len(split.validation),
        tests=split.tests,
        epochs=run.config.training.epochs,
        following=course.following,
        device=machine_of(run.device),
        out=str(run.folder),
    )


def _one_epoch(
    run: Run,
    course: Course,
    epoch: int,
    tally: Tally,
    teacher: TwoHeads | None,
    outliers: Outliers | None,
) -> TrainingEvents:
    loader = run.loader("train", training=True, epoch=epoch)
    epochs = run.config.training.epochs
    words = f"epoch {epoch} of {epochs}"
    for number, batch in enumerate(loader.epoch(epoch), 1):
        rng = np.random.default_rng((run.config.seed, epoch, number, run.team.rank))
        asked = partial(loss_of, run, teacher, outliers, course.forward, batch, rng, tally)
        loss = course.step(asked)
        if not np.isfinite(loss):
            reason = (
                "the loss is no longer a number; lower optimizer.lr and resume, the last whole "
                "epoch is kept"
            )
            raise ModelError("bad_weights", f"Epoch {epoch}", reason=reason)
        tally.loss += loss
        tally.steps += 1
        tally.photos += len(batch.everybody)
        yield Progress(number, len(loader), words)
        left = (len(loader) - number + (epochs - epoch) * len(loader)) * loader.batch_size
        pace = tally.pace
        yield Partial(Step(epoch, number, len(loader), loss, course.lr, pace, left / pace))


def loss_of(
    run: Run,
    teacher: TwoHeads | None,
    outliers: Outliers | None,
    forward: torch.nn.Module,
    batch: Batch,
    rng: np.random.Generator,
    tally: Tally | None,
) -> Tensor:
    """Cross-entropy, and what else the configuration asks for.

    Sums over this process's photos are divided by the whole batch's weight and multiplied by the
    number of processes, whose gradients are averaged: so the figures are those of one process.
    """
    course = run.config.training
    x, labels = run.pixels(batch), torch.from_numpy(batch.labels).to(run.device)
    weights = run.class_weights.to(run.device)
    classes = len(run.split.classes)
    targets = F.one_hot(labels, classes).float()
    x, targets = mixed(x, targets, course.mixup, course.cutmix, rng)
    smooth = course.label_smoothing
    targets = targets * (1 - smooth) + smooth / classes
    strange = None if outliers is None else outliers.pixels(run, x.shape[-1], rng)
    known = len(x)
    with run.arithmetic():
        logits, gate = forward(x if strange is None else torch.cat([x, strange]))
        logits = logits.float()
        total = F.cross_entropy(logits[:known], targets, weights, reduction="sum")
        loss = total * run.team.world / weights[torch.from_numpy(batch.everybody)].sum()
        if strange is not None:
            loss = loss + run.config.unknown.outlier_weight * no_preference(logits[known:])
        if teacher is not None and gate is not None:
            loss = loss + run.config.model.gate * _moved(teacher, x, gate[:known])
    if tally is not None:
        tally.right += float((logits[:known].argmax(1) == labels).sum())
    return loss


def _moved(teacher: TwoHeads, x: Tensor, gate: Tensor) -> Tensor:
    """How far the gate is from its former answers (KL, Hinton et al., 2015)."""
    with torch.no_grad():
        former = teacher(x)[1]
    assert former is not None  # a copy of a net with a gate
    return F.kl_div(
        F.log_softmax(gate.float(), 1),
        F.log_softmax(former.float(), 1),
        reduction="batchmean",
        log_target=True,
    )


def _judge(
    run: Run, course: Course, tally: Tally, epoch: int, features: Features | None
) -> TrainingEvents:
    """Measure the averaged weights on validation; keep them when they are the best so far."""
    if features is not None and features.validation is not None:
        weight = run.net.head.weight.detach().cpu().numpy()
        logits = features.validation @ weight.T + run.net.head.bias.detach().cpu().numpy()
        labels = features.validation_labels
    else:
        logits, labels = yield from _validate(run, course.average.net)
    loss, right = run.team.summed(tally.loss / run.team.world, tally.right)
    table = confusion(logits, labels)
    validation_loss = log_loss(logits, labels)
    report = Epoch(
        number=epoch,
        loss=loss / max(1, tally.steps),
        accuracy=right / max(1, tally.photos),
        validation_loss=validation_loss,
        validation_accuracy=accuracy(logits, labels),
        validation_auc=roc_auc(logits, labels),
        validation_f1=float(macro(table)[2]),
        confusion=tuple(tuple(map(int, row)) for row in table),
        lr=course.lr,
        images_per_second=tally.pace if tally.photos else 0.0,
        seconds=time.perf_counter() - tally.began,
        best=run.best is None or validation_loss < run.best.validation_loss,
    )
    if not np.isfinite(validation_loss):
        reason = "the validation loss is no longer a number; lower optimizer.lr and resume"
        raise ModelError("bad_weights", f"Epoch {epoch}", reason=reason)
    if report.best:
        run.best = report
        run.best_weights = {n: t.cpu().clone() for n, t in course.average.net.state_dict().items()}
    course.following = epoch + 1
    yield Partial(report)


def _validate(run: Run, net: TwoHeads) -> Generator[Progress, None, tuple[Floats, Numbers]]:
    """Logits N×classes and labels N of the validation photos, as predictions see them."""
    loader = run.loader("validation", training=False)
    logits: list[Floats] = []
    labels: list[Numbers] = []
    for number, batch in enumerate(loader.epoch(), 1):
        ours = _logits(run, net, batch)
        logits.append(run.team.gathered(ours, len(batch.everybody)))
        labels.append(batch.everybody)
        yield Progress(number, len(loader), "validation")
    return np.concatenate(logits), np.concatenate(labels)


@torch.inference_mode()
def _logits(run: Run, net: TwoHeads, batch: Batch) -> npt.NDArray[np.float32]:
    """Logits of a batch; leaves the network in evaluation mode."""
    net.eval()
    with run.arithmetic():
        features = net.features(run.pixels(batch))
    logits: npt.NDArray[np.float32] = net.head(features.float()).cpu().numpy()
    return logits


def _choose(run: Run, start: dict[str, Tensor]) -> TrainingEvents:
    """Try the mixes of the start and the best end; validation loss chooses."""
    assert run.best is not None  # epoch 0 was judged
    end, chosen, share = run.best_weights, run.best_weights, 1.0
    shares = run.config.training.blend if run.best.number else ()
    for candidate in shares:
        if candidate == 1.0:
            continue
        mixture = blended(start, end, candidate)
        run.net.load_state_dict(mixture)
        logits, labels = yield from _validate(run, run.net)
        loss = log_loss(logits, labels)
        if loss < run.best.validation_loss:
            chosen, share = mixture, candidate
            run.best = replace(
                run.best,
                validation_loss=loss,
                validation_accuracy=accuracy(logits, labels),
                validation_auc=roc_auc(logits, labels),
            )
    run.net.load_state_dict(chosen)
    net = run.net.cpu().eval()
    yield Result(Trained(net, run.best, share, run.seconds, machine_of(run.device)))
