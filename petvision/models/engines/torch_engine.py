"""The torch engines: float32, the reference of all others, and bfloat16 where it is fast."""

from __future__ import annotations

import functools
import os
import threading
from typing import Any, cast

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from petvision.images.types import Floats
from petvision.models.activations import device_of, gradient_at_input, memory_format
from petvision.models.architectures import last_linear
from petvision.models.engines.base import Trunk
from petvision.models.engines.fused import FusedTrunk, can_fuse
from petvision.models.resnet import ResNet


def use_threads(count: int | None = None) -> int:
    """Decide how many threads compute in this process, torch's and OpenVINO's; returns it.

    numpy's own (OpenBLAS) becomes one: the heads' small products gain nothing from more, and while
    an engine holds the cores they spin (seen: 5 ms a photo for what takes 0.2).

    Args:
        count: how many; by default as torch has it (one a core, or ``OMP_NUM_THREADS``), but no
            more than the cores this process may use. Engines made before keep theirs.
    """
    if count is None:
        count = torch.get_num_threads()
        if hasattr(os, "sched_getaffinity"):
            count = min(count, len(os.sched_getaffinity(0)))
    if count != torch.get_num_threads():
        torch.set_num_threads(count)
    _one_blas_thread()
    return count


@functools.cache
def _one_blas_thread() -> None:
    threadpool_limits(limits=1, user_api="blas")


def has_bf16(device: torch.device) -> bool:
    """Whether torch computes bfloat16 natively there (others only emulate it, slowly)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


class Layers:
    """A network cut before its last linear layer.

    ``head`` is that layer's name; it is empty for a network of another build, whose features are
    its logits. ``pooled`` says that the features are the average of the last maps.
    """

    def __init__(self, network: nn.Module):
        self.network = network
        self.pooled = _is_pooled(network)
        self.plain = _is_plain(network)
        self.head = last_linear(network) if self.pooled or self.plain else ""
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        self._last_conv = convolutions[-1] if convolutions else None

    def __call__(self, x: Tensor, *, maps: bool = True) -> tuple[Tensor, Tensor | None]:
        """Features N×F and the last convolution's maps (None where there is no convolution)."""
        network: Any = self.network
        if self.pooled:
            grid = network.trunk(x)
            return grid.mean((2, 3)), grid
        if self.plain:
            grid = network.features(x)
            return network.classifier[:-1](torch.flatten(network.avgpool(grid), 1)), grid
        if not maps or self._last_conv is None:
            return network(x), None
        return self._with_last_maps(x)

    def _with_last_maps(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        caught: list[Tensor] = []
        assert self._last_conv is not None
        hook = self._last_conv.register_forward_hook(lambda _m, _i, y: caught.append(y.clone()))
        try:
            return self.network(x), caught[-1] if caught else None
        finally:
            hook.remove()


def _is_pooled(network: nn.Module) -> bool:
    pooling, last = getattr(network, "avgpool", None), getattr(network, "fc", None)
    averaged = isinstance(pooling, nn.AdaptiveAvgPool2d) and pooling.output_size in (1, (1, 1))
    return hasattr(network, "trunk") and averaged and isinstance(last, nn.Linear)


def _is_plain(network: nn.Module) -> bool:
    parts = [getattr(network, name, None) for name in ("features", "avgpool", "classifier")]
    *_, classifier = parts
    return (
        all(isinstance(part, nn.Module) for part in parts)
        and isinstance(classifier, nn.Sequential)
        and isinstance(classifier[-1], nn.Linear)
    )


class TorchEngine:
    """A torch network that answers numpy batches.

    Args:
        network: folded, frozen, in evaluation mode.
        dtype: what it computes in.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype = torch.float32):
        use_threads()
        self.name = "torch-fp32" if dtype == torch.float32 else "torch-bf16"
        self.lanes = 1
        self._dtype = dtype
        self._layers = Layers(network)
        self._device = device_of(network)
        self._format = memory_format(self._device, dtype)
        self._fuses = can_fuse(network)
        self._fused: dict[int, FusedTrunk] = {}
        self._fusing = threading.Lock()

    @torch.inference_mode()
    def forward(self, batch: Floats, *, maps: bool = False) -> Trunk:
        """Features and, where asked for, maps of a batch."""
        if self._fuses and len(batch) == 1:
            x = torch.from_numpy(batch).to(self._dtype)
            grid: Tensor | None = self._trunk(batch.shape[-1])(x)
            assert grid is not None
            features = grid.mean((2, 3))
        else:
            # A copy: a network may begin with a layer that writes over what it is given.
            x = torch.tensor(batch, dtype=self._dtype, device=self._device)
            x = x.to(memory_format=self._format)
            features, grid = self._layers(x, maps=maps)
        return Trunk(_numpy(features), _numpy(grid) if maps and grid is not None else None)

    def _trunk(self, side: int) -> FusedTrunk:
        """The fused layers for single pictures; made when the first one comes."""
        network = self._layers.network
        assert isinstance(network, ResNet)
        with self._fusing:
            if side not in self._fused:
                self._fused = {side: FusedTrunk(network, side)}  # one side at a time is in use
            return self._fused[side]


class TorchGradients:
    """The reference for gradients: torch differentiates the network as it is."""

    name = "torch-fp32"

    def __init__(self, network: nn.Module):
        self._network = network

    def prepare(self) -> None:
        """It is ready."""

    def __call__(self, batch: Floats, target: int) -> tuple[Floats, Floats]:
        """See ``gradient_at_input``."""
        return gradient_at_input(self._network, batch, target)


def _numpy(values: Tensor) -> Floats:
    return cast(Floats, values.float().contiguous().cpu().numpy())
