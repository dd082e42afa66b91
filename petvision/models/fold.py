"""BatchNorm folded into the convolution before it: the same function, fewer passes over memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn

from petvision.models.efficientnet_lite import EfficientNetLite, InvertedBottleneck
from petvision.models.resnet import BasicBlock, Bottleneck, ResNet


def fold_batchnorm(network: nn.Module) -> None:
    """Fold every BatchNorm that certainly follows a convolution, in place.

    That is so in this project's own networks and in any ``nn.Sequential``. The BatchNorm becomes
    an ``nn.Identity`` of the same name, so that layers keep their names.
    """
    for module in list(network.modules()):
        for conv_name, norm_name in _pairs(module):
            conv, norm = getattr(module, conv_name), getattr(module, norm_name)
            _fold(conv, norm)
            setattr(module, norm_name, nn.Identity())


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    if isinstance(module, BasicBlock | Bottleneck | ResNet):
        for index in ("1", "2", "3"):
            if isinstance(getattr(module, f"bn{index}", None), nn.BatchNorm2d):
                yield f"conv{index}", f"bn{index}"
    if isinstance(module, EfficientNetLite | InvertedBottleneck):
        for conv_name, norm_name in module.FOLDS:
            if isinstance(getattr(module, norm_name), nn.BatchNorm2d):
                yield conv_name, norm_name
    if isinstance(module, nn.Sequential):
        children = list(module.named_children())
        for (name, child), (after, norm) in pairwise(children):
            if isinstance(child, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                yield name, after


@torch.no_grad()
def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None  # every network here keeps its statistics
    assert variance is not None
    scale = (variance.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    bias = -mean.double() * scale
    if conv.bias is not None:
        bias = bias + conv.bias.double() * scale
    if norm.bias is not None:
        bias = bias + norm.bias.double()
    conv.weight.mul_(scale.to(conv.weight.dtype).view(-1, 1, 1, 1))
    conv.bias = nn.Parameter(bias.to(conv.weight.dtype))
