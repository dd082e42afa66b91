"""A model without some of its filters: a copy, so that the model itself never changes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from petvision.models.engines.torch_engine import TorchEngine
from petvision.models.handle import ModelHandle
from petvision.neurons.layers import Anatomy

Silenced = Mapping[str, frozenset[int]]
"""By convolution, the filters that are silenced."""


def silenced(handle: ModelHandle, anatomy: Anatomy, filters: Silenced) -> ModelHandle:
    """A copy of the model whose filters give zero after their BatchNorm.

    It has a digest of its own, so that nothing kept for the whole model is taken for its answer.

    Raises:
        ConfigError: ``key`` when there is no such convolution.
    """
    network = copy.deepcopy(handle.network)
    digest = hashlib.sha256(handle.sha256.encode())
    for layer, chosen in sorted(filters.items()):
        module = network.get_submodule(anatomy.taps[anatomy.convolution(layer).name].module)
        _zero(module, sorted(chosen))
        digest.update(f"{layer} {sorted(chosen)}".encode())
    engine = TorchEngine(network)
    return replace(
        handle, sha256=digest.hexdigest(), network=network, engine=engine, reference=engine,
        distance=0.0,
    )  # fmt: skip


@torch.no_grad()
def _zero(module: nn.Module, channels: list[int]) -> None:
    """A convolution or BatchNorm that gives zero in these channels."""
    for name in ("weight", "bias"):
        values = getattr(module, name)
        if values is not None:
            values[channels] = 0
