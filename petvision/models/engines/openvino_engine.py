"""The OpenVINO engines: the folded network as a graph of OpenVINO's own operations.

No ONNX, no tracing. This is the one module that imports OpenVINO (others have it from here), and
it keeps the package's telemetry from ever being imported.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from petvision.images.types import Floats
from petvision.models.engines.base import Trunk
from petvision.models.engines.torch_engine import use_threads
from petvision.models.resnet import STAGES, BasicBlock, Bottleneck, ResNet

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it would phone home
import openvino  # noqa: E402
from openvino import opset1  # noqa: E402  (its pooling gives no indices)
from openvino import opset13 as ops  # noqa: E402

__all__ = [
    "Node",
    "OpenVinoEngine",
    "Precision",
    "compiled",
    "constant",
    "convolution",
    "has_bf16",
    "openvino",
    "ops",
    "opset1",
    "quantised",
]

Precision = Literal["fp32", "bf16", "int8"]
Node = Any  # OpenVINO ships no types

HINTS = {"fp32": "f32", "bf16": "bf16"}


@functools.cache
def _core() -> Any:
    return openvino.Core()


def has_bf16() -> bool:
    """Whether this processor computes bfloat16 natively."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoEngine:
    """A folded network compiled for this processor, for batches of any length.

    Args:
        network: a folded ``ResNet`` or ``PooledNet`` on the CPU (``can_rebuild``), or what
            ``quantised`` wrote.
        size: the pictures' side in pixels.
        precision: always told to OpenVINO, which would otherwise choose bf16 by itself.
        lanes: batches computed at once, each with its share of the threads: none waits for
            another after every layer, which is faster for many photos and slower for one.
    """

    def __init__(self, network: nn.Module | Path, size: int, precision: Precision, lanes: int = 1):
        self.name = f"openvino-{precision}"
        self.lanes = lanes
        model = network if isinstance(network, Path) else _graph(network, size)
        made = compiled(model, precision, lanes)
        self._free: SimpleQueue[Any] = SimpleQueue()  # a request answers one batch at a time
        for _ in range(lanes):
            self._free.put(made.create_infer_request())

    def forward(self, batch: Floats, *, maps: bool = False) -> Trunk:
        """Features and, where asked for, maps of a batch."""
        request = self._free.get()
        try:
            out = request.infer([np.ascontiguousarray(batch)], share_inputs=True)
            # The outputs live in the request's own memory: copy what the caller keeps.
            return Trunk(np.array(out[0]), np.array(out[1]) if maps else None)
        finally:
            self._free.put(request)


def compiled(model: Any, precision: Precision, lanes: int = 1) -> Any:
    """A model (a graph, or the path of one) made ready for this processor, in ``lanes``."""
    settings = {
        # Of an 8-bit network, what is left to compute in floating point.
        "INFERENCE_PRECISION_HINT": HINTS.get(precision, "bf16" if has_bf16() else "f32"),
        "PERFORMANCE_HINT": "LATENCY" if lanes == 1 else "THROUGHPUT",
        "NUM_STREAMS": str(lanes),
        "INFERENCE_NUM_THREADS": use_threads(),
    }
    return _core().compile_model(model, "CPU", settings)


def quantised(network: nn.Module, size: int, pictures: Sequence[Floats], target: Path) -> None:
    """Write a network in eight bits to ``target`` (.xml, and a .bin beside it).

    The ranges of its activations are those that the pictures (each 1×3×S×S) give rise to.
    """
    import nncf

    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # its bars
        made = nncf.quantize(
            _graph(network, size), nncf.Dataset(pictures), subset_size=len(pictures)
        )
    openvino.save_model(made, target, compress_to_fp16=False)


def _graph(network: nn.Module, size: int) -> Any:
    picture = ops.parameter([-1, 3, size, size], np.float32)
    maps = _resnet(picture, network) if isinstance(network, ResNet) else _plain(picture, network)
    features = ops.reduce_mean(maps, ops.constant(np.array([2, 3])), False)
    return openvino.Model([features, maps], [picture], "trunk")


def _resnet(x: Node, network: ResNet) -> Node:
    x = ops.relu(convolution(x, network.conv1))
    x = _max_pool(x, network.maxpool)
    for stage in STAGES:
        for block in network.get_submodule(stage).children():
            x = _block(x, block)
    return x


def _block(x: Node, block: nn.Module) -> Node:
    assert isinstance(block, BasicBlock | Bottleneck)
    y = convolution(ops.relu(convolution(x, block.conv1)), block.conv2)
    if isinstance(block, Bottleneck):
        y = convolution(ops.relu(y), block.conv3)
    if block.downsample is not None:
        x = convolution(x, block.downsample.get_submodule("0"))
    return ops.relu(ops.add(y, x))


def _plain(x: Node, network: nn.Module) -> Node:
    for layer in network.get_submodule("features").children():
        match layer:
            case nn.Conv2d():
                x = convolution(x, layer)
            case nn.ReLU():
                x = ops.relu(x)
            case nn.MaxPool2d():
                x = _max_pool(x, layer)
    return x


def convolution(x: Node, layer: nn.Module) -> Node:
    """What a layer of torch computes, with its bias."""
    assert isinstance(layer, nn.Conv2d)
    padding = [int(side) for side in layer.padding]
    weight = constant(layer.weight)
    y = ops.convolution(x, weight, layer.stride, padding, padding, layer.dilation)
    if layer.bias is None:
        return y
    return ops.add(y, constant(layer.bias.view(1, -1, 1, 1)))


def _max_pool(x: Node, layer: nn.MaxPool2d) -> Node:
    size, stride, padding = (
        [value, value] if isinstance(value, int) else list(value)
        for value in (layer.kernel_size, layer.stride, layer.padding)
    )
    return opset1.max_pool(x, stride, padding, padding, size, "floor")


def constant(values: Tensor) -> Node:
    """A tensor of torch; it shares its memory."""
    return ops.constant(values.detach().contiguous().numpy(), shared_memory=True)
