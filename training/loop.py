"""The training loop: an iterator of events that can be stopped and resumed at any epoch."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from petvision.errors import ModelError
from petvision.evaluate.metrics import accuracy, log_loss, roc_auc
from petvision.events import Partial, Progress, Result
from petvision.models.handle import torch_device
from training.checkpoints import load_checkpoint, save_checkpoint
from training.config import Config
from training.data import Batch, Loader, Split
from training.network import TwoHeads, fit_head, frozen_copy
from training.recipes import Average, blended, class_weights, optimizer_for, scheduler_for


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's figures; ``loss`` is of training, the others of the averaged weights.

    Epoch 0 is the start: the last layer fitted on cached features, or as it was.
    """

    number: int
    loss: float
    validation_loss: float
    validation_accuracy: float
    validation_auc: float
    lr: float
    images_per_second: float


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The best network of a run (on the CPU), its figures, and how it was chosen."""

    net: TwoHeads
    best: Epoch
    share: float
    seconds: float
    machine: str


@dataclass(frozen=True, slots=True)
class Speed:
    """An epoch's mean training loss and its pace."""

    loss: float = 0.0
    images_per_second: float = 0.0


TrainingEvents = Iterator[Progress | Partial[Epoch] | Result[Trained]]


@dataclass(slots=True, eq=False)
class Run:
    """What the steps of a run share. Built once by ``train``."""

    config: Config
    split: Split
    net: TwoHeads
    device: torch.device
    folder: Path
    fingerprint: str
    seconds: float = 0.0
    best: Epoch | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def loader(self, part: str, training: bool) -> Loader:
        """The batches of a part of the split, as seen in training or by a prediction."""
        data, course = self.config.data, self.config.training
        photos = self.split.train if part == "train" else self.split.validation
        augment = data.augment if training else None
        spec = data.input_spec
        if training and course.image_size:
            spec = replace(spec, size=course.image_size)
        return Loader(
            photos, self.split.classes, spec, course.batch_size, augment,
            self.config.seed, course.workers,
        )  # fmt: skip

    def pixels(self, batch: Batch) -> Tensor:
        """A batch as the network wants it: normalised, channels last, on the device."""
        data = self.config.data
        x = torch.from_numpy(batch.pixels).to(self.device, non_blocking=True)
        x = x.permute(0, 3, 1, 2).float().div_(255)
        mean, std = (
            torch.tensor(v, device=self.device).view(3, 1, 1) for v in (data.mean, data.std)
        )
        return x.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)

    def arithmetic(self) -> Any:
        """bf16 where the machine computes it natively and the configuration allows it."""
        if not self.config.training.amp or not has_bf16(self.device):
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def class_weights(self) -> Tensor:
        """Weights of the classes in the loss."""
        labels = [self.split.classes.index(p.label) for p in self.split.train]
        rule = self.config.training.class_weights
        return class_weights(labels, len(self.split.classes), rule)


class Course:
    """The moving parts of a run: optimiser, schedule, averaged weights; kept and resumed."""

    def __init__(self, run: Run, steps: int):
        self.run = run
        self.optimizer = optimizer_for(run.net, run.config)
        self.scheduler = scheduler_for(self.optimizer, run.config, steps)
        self.average = Average(run.net, run.config.training.ema)
        self.following = 0

    @property
    def lr(self) -> float:
        """The learning rate now."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self, loss_of: Callable[[], Tensor]) -> float:
        """One step of the optimiser; returns the loss before it."""
        net, training = self.run.net, self.run.config.training
        net.train()
        if training.freeze_statistics:
            net.freeze_statistics()
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()  # type: ignore[no-untyped-call]
        if training.clip_norm:
            torch.nn.utils.clip_grad_norm_(net.parameters(), training.clip_norm)
        self.optimizer.step()
        self.scheduler.step()
        self.average.update(net)
        return float(loss.detach())

    def keep(self) -> None:
        """Write best.pt when the last judged epoch is the best, then last.pt."""
        run, folder = self.run, self.run.folder / "checkpoints"
        assert run.best is not None
        if run.best.number == self.following - 1:
            best = {"config": run.fingerprint, "epoch": asdict(run.best), "net": run.best_weights}
            save_checkpoint(folder / "best.pt", best)
        state = {
            "config": run.fingerprint,
            "following": self.following,
            "seconds": run.seconds,
            "net": run.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "average": self.average.net.state_dict(),
            "average_steps": self.average.steps,
        }
        save_checkpoint(folder / "last.pt", state)

    def resume(self) -> None:
        """Go on from last.pt, where there is one."""
        run, folder = self.run, self.run.folder / "checkpoints"
        state = load_checkpoint(folder / "last.pt", run.fingerprint)
        best = load_checkpoint(folder / "best.pt", run.fingerprint)
        if state is None or best is None:
            return
        run.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.average.net.load_state_dict(state["average"])
        self.average.steps = state["average_steps"]
        self.following, run.seconds = state["following"], state["seconds"]
        run.best, run.best_weights = Epoch(**best["epoch"]), best["net"]


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 is faster than fp32 there (old processors only emulate it)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def machine_of(device: torch.device) -> str:
    """What computes, in words for the card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def train(
    config: Config, split: Split, net: TwoHeads, folder: Path, fingerprint: str
) -> TrainingEvents:
    """Train a network; resumes from ``folder/checkpoints/last.pt`` where there is one.

    Raises:
        ModelError: ``bad_weights`` when the loss is no longer a number.
        OutputError: when a checkpoint cannot be written; the last whole one stays.
    """
    run = Run(config, split, net, torch_device(config.device), folder, fingerprint)
    net.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    if config.training.head_first:
        yield from _fit_head(run)
    start = {name: t.detach().cpu().clone() for name, t in net.state_dict().items()}
    yield from _epochs(run)
    yield from _choose(run, start)


def _fit_head(run: Run) -> TrainingEvents:
    """Fit the last layer on the training photos' features, as predictions see them."""
    cache = run.folder / "checkpoints" / "head.pt"
    kept = load_checkpoint(cache, run.fingerprint)
    if kept is None:
        loader = run.loader("train", training=False)
        rows, labels = [], []
        for number, batch in enumerate(loader.epoch()):
            rows.append(_infer(run, run.net, batch)[0])
            labels.append(batch.labels)
            yield Progress(number + 1, len(loader), "reading features")
        y = np.concatenate(labels)
        weights = class_weights(
            y.tolist(), len(run.split.classes), run.config.training.class_weights
        )
        weight, bias = fit_head(np.concatenate(rows), y, weights.numpy())
        kept = {"config": run.fingerprint, "weight": weight, "bias": bias}
        save_checkpoint(cache, kept)
    run.net.network.fc.load_state_dict({"weight": kept["weight"], "bias": kept["bias"]})


def _epochs(run: Run) -> TrainingEvents:
    """Train the whole network, judged after each epoch."""
    config = run.config
    loader = run.loader("train", training=True)
    teacher = frozen_copy(run.net) if run.net.gate is not None else None
    course = Course(run, len(loader))
    course.resume()
    if course.following == 0:
        yield from _judge(run, course, 0, Speed())
        course.keep()
    weights = run.class_weights().to(run.device)
    for epoch in range(course.following, config.training.epochs + 1):
        began, losses = time.perf_counter(), []
        for number, batch in enumerate(loader.epoch(epoch)):
            loss = course.step(partial(_loss, run, teacher, batch, weights))
            if not np.isfinite(loss):
                reason = "the loss is no longer a number; lower optimizer.lr and resume"
                raise ModelError("bad_weights", f"Epoch {epoch}", reason=reason)
            losses.append(loss)
            yield Progress(number + 1, len(loader), f"epoch {epoch} of {config.training.epochs}")
        seconds = time.perf_counter() - began
        run.seconds += seconds
        speed = Speed(float(np.mean(losses)), len(losses) * loader.batch_size / seconds)
        yield from _judge(run, course, epoch, speed)
        course.keep()


def _loss(run: Run, teacher: TwoHeads | None, batch: Batch, weights: Tensor) -> Tensor:
    """Cross-entropy, and how far the gate has moved from its former answers (KL, Hinton 2015)."""
    x, y = run.pixels(batch), torch.from_numpy(batch.labels).to(run.device)
    with run.arithmetic():
        logits, gate = run.net(x)
        loss = F.cross_entropy(
            logits.float(), y, weights, label_smoothing=run.config.training.label_smoothing
        )
        if teacher is not None and gate is not None:
            with torch.no_grad():
                former = teacher(x)[1]
            assert former is not None  # a copy of a net with a gate
            moved = F.kl_div(
                F.log_softmax(gate.float(), 1),
                F.log_softmax(former.float(), 1),
                reduction="batchmean",
                log_target=True,
            )
            loss = loss + run.config.model.gate * moved
    return loss


def _judge(run: Run, course: Course, epoch: int, speed: Speed) -> TrainingEvents:
    """Measure the averaged weights on validation; keep them when they are the best so far."""
    logits, labels = yield from _validate(run, course.average.net)
    report = Epoch(
        number=epoch,
        loss=speed.loss,
        validation_loss=log_loss(logits, labels),
        validation_accuracy=accuracy(logits, labels),
        validation_auc=roc_auc(logits, labels),
        lr=course.lr,
        images_per_second=speed.images_per_second,
    )
    if run.best is None or report.validation_loss < run.best.validation_loss:
        run.best = report
        run.best_weights = {n: t.cpu().clone() for n, t in course.average.net.state_dict().items()}
    course.following = epoch + 1
    yield Partial(report)


def _validate(
    run: Run, net: TwoHeads
) -> Generator[Progress, None, tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """Logits N×classes and labels N of the validation photos, as predictions see them."""
    loader = run.loader("validation", training=False)
    logits, labels = [], []
    for number, batch in enumerate(loader.epoch()):
        logits.append(_infer(run, net, batch)[1])
        labels.append(batch.labels)
        yield Progress(number + 1, len(loader), "validation")
    return np.concatenate(logits), np.concatenate(labels)


@torch.inference_mode()
def _infer(
    run: Run, net: TwoHeads, batch: Batch
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Features and logits of a batch; leaves the network in evaluation mode."""
    net.eval()
    with run.arithmetic():
        features = net.features(run.pixels(batch))
    features = features.float()
    return features.cpu().numpy(), net.network.fc(features).cpu().numpy()


def _choose(run: Run, start: dict[str, Tensor]) -> TrainingEvents:
    """Try the mixes of the start and the best end; validation loss chooses."""
    assert run.best is not None  # epoch 0 was judged
    end, chosen, share = run.best_weights, run.best_weights, 1.0
    for candidate in run.config.training.blend:
        if candidate == 1.0:
            continue
        mixed = blended(start, end, candidate)
        run.net.load_state_dict(mixed)
        logits, labels = yield from _validate(run, run.net)
        loss = log_loss(logits, labels)
        if loss < run.best.validation_loss:
            chosen, share = mixed, candidate
            run.best = replace(
                run.best,
                validation_loss=loss,
                validation_accuracy=accuracy(logits, labels),
                validation_auc=roc_auc(logits, labels),
            )
    run.net.load_state_dict(chosen)
    net = run.net.cpu().eval()
    yield Result(Trained(net, run.best, share, run.seconds, machine_of(run.device)))
