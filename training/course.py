"""What the steps of a run share, and its moving parts: optimiser, schedule, averaged weights."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from petvision.models.engines.torch_engine import has_bf16
from training.checkpoints import load_checkpoint, save_checkpoint
from training.config import Config
from training.data import Split
from training.happenings import Epoch
from training.loader import Batch, Loader
from training.network import TwoHeads
from training.parallel import Team
from training.recipes import Average, class_weights, optimizer_for, scheduler_for


@dataclass(slots=True, eq=False)
class Run:
    """What the steps of a run share. Built once by ``train``."""

    config: Config
    split: Split
    net: TwoHeads
    device: torch.device
    folder: Path
    fingerprint: str
    team: Team = field(default_factory=Team)
    seconds: float = 0.0
    best: Epoch | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    class_weights: Tensor = field(init=False)

    def __post_init__(self) -> None:
        """Work out the weights of the classes in the loss."""
        numbers = {name: i for i, name in enumerate(self.split.classes)}
        labels = [numbers[p.label] for p in self.split.train]
        rule = self.config.training.class_weights
        self.class_weights = class_weights(labels, len(numbers), rule)

    def loader(self, part: str, training: bool, epoch: int = 0) -> Loader:
        """The batches of a part of the split, as seen in training or by a prediction."""
        data, course = self.config.data, self.config.training
        photos = self.split.train if part == "train" else self.split.validation
        spec = data.input_spec
        if training:
            spec = replace(spec, size=self.training_size(epoch))
        return Loader(
            photos,
            self.split.classes,
            spec,
            course.batch_size,
            data.augment if training else None,
            self.config.seed,
            course.workers,
            self.team.rank,
            self.team.world,
        )

    def training_size(self, epoch: int) -> int:
        """Pixels a side of an epoch's training pictures."""
        course = self.config.training
        if course.progressive_size:
            stage = (max(1, epoch) - 1) * len(course.progressive_size) // max(1, course.epochs)
            return course.progressive_size[min(stage, len(course.progressive_size) - 1)]
        return course.image_size or self.config.data.image_size

    def pixels(self, batch: Batch) -> Tensor:
        """A batch as the network wants it: normalised, in its memory order, on the device."""
        spec = self.config.data.input_spec
        x = torch.from_numpy(batch.pixels).to(self.device, non_blocking=True)
        x = x.permute(0, 3, 1, 2).float().div_(255)
        mean, std = (
            torch.tensor(v, device=self.device).view(3, 1, 1) for v in (spec.mean, spec.std)
        )
        return x.sub_(mean).div_(std).contiguous(memory_format=self.memory_format)

    @property
    def memory_format(self) -> torch.memory_format:
        """The order of a picture's numbers in memory."""
        last = self.config.training.channels_last
        if last == "auto":
            last = self.device.type != "cpu" or not self.config.training.amp or self.half is None
        return torch.channels_last if last else torch.contiguous_format

    def arithmetic(self) -> AbstractContextManager[object]:
        """Half precision where the machine computes it natively and the configuration allows."""
        if not self.config.training.amp or self.half is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.half)

    @property
    def half(self) -> torch.dtype | None:
        """The half-precision format that pays here: bf16, on older GPUs fp16, else none."""
        if has_bf16(self.device):
            return torch.bfloat16
        return torch.float16 if self.device.type == "cuda" else None


class Course:
    """The moving parts of a run; kept and resumed."""

    def __init__(self, run: Run, steps: int):
        self.run = run
        self.optimizer = optimizer_for(run.net, run.config)
        self.scheduler = scheduler_for(self.optimizer, run.config, steps)
        self.average = Average(run.net, run.config.training.ema)
        self.forward = run.team.wrap(run.net, run.device)
        scaled = run.config.training.amp and run.half == torch.float16
        self.scaler = torch.amp.GradScaler(run.device.type, enabled=scaled)
        self.following = 0

    @property
    def lr(self) -> float:
        """The learning rate now."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self, loss_of: Callable[[], Tensor]) -> float:
        """One step of the optimiser; returns the loss before it."""
        net, training = self.run.net, self.run.config.training
        self.forward.train()
        if training.freeze_statistics:
            net.freeze_statistics()
        self.optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if training.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(net.parameters(), training.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        with warnings.catch_warnings():
            # The scaler left out a step whose gradients overflowed; the schedule goes on.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
            self.scheduler.step()
        self.average.update(net)
        return float(loss.detach())

    def keep(self) -> None:
        """Write best.pt when the last judged epoch is the best, then last.pt."""
        run, folder = self.run, self.run.folder / "checkpoints"
        assert run.best is not None
        if not run.team.leads:
            return
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
            "scaler": self.scaler.state_dict(),
            "average": self.average.net.state_dict() if self.average.decay else {},
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
        self.scaler.load_state_dict(state["scaler"])
        if self.average.decay:
            self.average.net.load_state_dict(state["average"])
        self.average.steps = state["average_steps"]
        self.following, run.seconds = state["following"], state["seconds"]
        run.best, run.best_weights = Epoch(**best["epoch"]), best["net"]


def machine_of(device: torch.device) -> str:
    """What computes, in words for the card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
