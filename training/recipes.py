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
    """The optimiser over all weights; biases and BatchNorm are not decayed."""
    chosen = config.optimizer
    heads = {id(p) for p in net.network.fc.parameters()}
    groups = []
    for is_head, lr in ((False, chosen.lr), (True, chosen.head_lr or chosen.lr)):
        ours = [p for p in net.parameters() if (id(p) in heads) == is_head]
        for flat, decay in ((False, chosen.weight_decay), (True, 0.0)):
            part = [p for p in ours if (p.ndim <= 1) == flat]
            groups.append({"params": part, "lr": lr, "weight_decay": decay})
    if chosen.name == "sgd":
        return SGD(groups, momentum=chosen.momentum, nesterov=True)
    kind = AdamW if chosen.name == "adamw" else Adam
    return kind(groups, betas=chosen.betas)


def scheduler_for(optimizer: Optimizer, config: Config, steps: int) -> LambdaLR:
    """The learning rate's factor by step, with ``steps`` to an epoch."""
    plan, total = config.scheduler, max(1, config.training.epochs * steps)
    warm = plan.warmup_epochs * steps

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        if plan.name == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1.0, total - warm)))
        if plan.name == "step":
            return float(plan.gamma ** (step // (plan.step_size * steps)))
        return 1.0

    return LambdaLR(optimizer, factor)


class Average:
    """An exponential moving average of a network's weights, with the usual bias correction.

    Early on the decay is (1 + n) / (10 + n), so that the start is forgotten quickly.
    """

    def __init__(self, net: TwoHeads, decay: float):
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, net: TwoHeads) -> None:
        """Move a step towards ``net``; with decay 0, become it."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        ours, theirs = _floats(self.net), _floats(net)
        torch._foreach_lerp_(ours, theirs, 1 - (decay if self.decay else 0.0))


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
