"""The optimiser, its schedule and the averaged weights, from the configuration."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from training.config import Config
from training.network import TwoHeads


def optimizer_for(net: TwoHeads, config: Config) -> Optimizer:
    """The optimiser over the weights that move; biases and BatchNorm are not decayed by itself."""
    chosen = config.optimizer
    heads = {id(p) for p in net.head.parameters()}
    groups = []
    for is_head, lr in ((False, chosen.rate), (True, chosen.head_lr or chosen.rate)):
        ours = [p for p in net.parameters() if p.requires_grad and (id(p) in heads) == is_head]
        for flat in (False, True):
            decay = chosen.weight_decay if chosen.decay_all or not flat else 0.0
            part = [p for p in ours if (p.ndim <= 1) == flat]
            if not part:
                continue
            groups.append({"params": part, "lr": lr, "weight_decay": decay})
    if chosen.name == "sgd":
        return SGD(groups, momentum=chosen.momentum, nesterov=chosen.momentum > 0)
    kind = AdamW if chosen.name == "adamw" else Adam
    return kind(groups, betas=chosen.betas)


def scheduler_for(optimizer: Optimizer, config: Config, steps: int) -> LambdaLR:
    """The learning rate's factor by step, with ``steps`` to an epoch."""
    plan, total = config.scheduler, max(1, config.training.epochs * steps)
    warm = plan.warmup_epochs * steps

    def factor(step: int) -> float:
        if plan.name == "onecycle":
            return _one_cycle(min(1.0, step / total), plan.rise)
        if step < warm:
            return (step + 1) / (warm + 1)
        if plan.name == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1.0, total - warm)))
        if plan.name == "step":
            return float(plan.gamma ** (step // (plan.step_size * steps)))
        return 1.0

    return LambdaLR(optimizer, factor)


def _one_cycle(at: float, rise: float) -> float:
    """From 1/25 up to 1 and down to 1/10,000 of the rate (Smith and Topin, 2018)."""
    low, top, end = (1 / 25, 1.0, 1e-4)
    if at < rise:
        return _eased(low, top, at / rise)
    return _eased(top, end, (at - rise) / (1 - rise))


def _eased(start: float, end: float, at: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * at))


class Average:
    """An exponential moving average of a network's weights, with the usual bias correction.

    Early on the decay is (1 + n) / (10 + n), so that the start is forgotten quickly. With decay 0
    ``net`` is the network itself.
    """

    def __init__(self, net: TwoHeads, decay: float):
        self.net = copy.deepcopy(net).eval().requires_grad_(False) if decay else net
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, net: TwoHeads) -> None:
        """Move a step towards ``net``."""
        self.steps += 1
        if not self.decay:
            return
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        ours, theirs = _floats(self.net), _floats(net)
        torch._foreach_lerp_(ours, theirs, 1 - decay)


def _floats(net: nn.Module) -> list[torch.Tensor]:
    return [t for t in net.state_dict().values() if t.is_floating_point()]


@torch.no_grad()
def blended(
    start: dict[str, torch.Tensor], end: dict[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Weights between two networks of one descent: ``share`` 0 is the start, 1 the end.

    Paper: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    return {
        name: torch.lerp(start[name], tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in end.items()
    }


def class_weights(labels: Iterable[int], classes: int, rule: str) -> torch.Tensor:
    """Weights of the classes in the loss: ones, or such that each class counts the same."""
    if rule == "none":
        return torch.ones(classes)
    counts = torch.bincount(torch.tensor(list(labels)), minlength=classes).float()
    return counts.sum() / (classes * counts.clamp(min=1))
