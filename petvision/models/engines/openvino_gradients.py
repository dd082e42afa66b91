"""Gradients by the pixels from OpenVINO: forward and backward as one graph of convolutions.

The backward pass of a frozen, folded residual network is made of convolutions as well: through a
convolution of stride one it is the convolution with the flipped and transposed weights (of one
pixel: the transposed convolution, which needs no copy of them), through a ReLU a mask, through an
addition the gradient twice. Only the stem, whose pooling routes gradients by position, stays with
torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from petvision.images.types import Floats
from petvision.models.engines.fused import convolutions
from petvision.models.engines.openvino_engine import (
    Node,
    compiled,
    constant,
    convolution,
    openvino,
    ops,
    opset1,
)
from petvision.models.resnet import STAGES, BasicBlock, Bottleneck, ResNet

Backward = Callable[[Node], Node]


class OpenVinoGradients:
    """Differentiates a folded, finite ``ResNet`` on the CPU by its pictures, in float32.

    What differs from torch's gradients is the order of sums alone.

    Args:
        network: the whole of it, up to the logits; let go of once the graph is there.
        size: the pictures' side in pixels.
    """

    name = "openvino-fp32"

    def __init__(self, network: ResNet, size: int):
        self._stem = nn.Sequential(network.conv1, network.relu, network.maxpool)
        self._rows, self._bias = network.fc.weight.detach(), network.fc.bias.detach()
        self._network: ResNet | None = network
        self._size = size
        self._request: Any = None
        self._turn = threading.Lock()

    def prepare(self) -> None:
        """Compile the graph (about a second); otherwise the first gradient does."""
        with self._turn:
            if self._network is not None:
                model = _graph(self._network, self._size)
                self._request = compiled(model, "fp32").create_infer_request()
                self._network = None

    def __call__(self, batch: Floats, target: int) -> tuple[Floats, Floats]:
        """The gradient of logit ``target`` by every value of N×3×S×S, and the N logits."""
        self.prepare()
        with torch.inference_mode(mode=False), torch.enable_grad():
            pictures = torch.tensor(batch).requires_grad_()
            entered = self._stem(pictures)
            features, left = self._backward(entered.detach(), self._rows[target])
            (gradients,) = torch.autograd.grad(entered, pictures, torch.from_numpy(left))
        logits = torch.from_numpy(features) @ self._rows[target] + self._bias[target]
        return gradients.contiguous().numpy(), logits.numpy()

    def _backward(self, entered: Tensor, row: Tensor) -> tuple[Floats, Floats]:
        """The features, and the gradient of their product with ``row`` behind the stem."""
        with self._turn:
            inputs = [entered.contiguous().numpy(), row.reshape(1, -1, 1, 1).numpy()]
            out = self._request.infer(inputs, share_inputs=True)
            return np.array(out[0]), np.array(out[1])


def can_differentiate(network: nn.Module) -> bool:
    """Whether this is a folded ``ResNet`` of known blocks with finite weights on the CPU.

    What is no number would vanish in the masks.
    """
    return (
        isinstance(network, ResNet)
        and network.conv1.weight.device.type == "cpu"
        and isinstance(network.fc.bias, Tensor)
        and not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
        and all(bool(torch.isfinite(weights).all()) for weights in network.parameters())
    )


def _graph(network: ResNet, size: int) -> Any:
    """From the stem's answer and a row of weights to the features and the gradient."""
    side = _slid(network.conv1, size)
    pool = network.maxpool
    assert isinstance(pool.kernel_size, int)
    assert isinstance(pool.stride, int)
    assert isinstance(pool.padding, int)
    side = (side + 2 * pool.padding - pool.kernel_size) // pool.stride + 1
    entered = x = ops.parameter([-1, network.conv1.out_channels, side, side], np.float32)
    row = ops.parameter([1, network.fc.in_features, 1, 1], np.float32)
    ways: list[Backward] = []
    for stage in STAGES:
        for block in network.get_submodule(stage).children():
            assert isinstance(block, BasicBlock | Bottleneck)
            x, side, way = _block(x, side, block)
            ways.append(way)
    features = ops.reduce_mean(x, ops.constant(np.array([2, 3])), False)
    gradient = ops.divide(row, ops.constant(np.float32(side * side)))  # of an average
    for way in reversed(ways):
        gradient = way(gradient)
    return openvino.Model([features, gradient], [entered, row], "gradients")


def _block(x: Node, side: int, block: BasicBlock | Bottleneck) -> tuple[Node, int, Backward]:
    """A block's answer, its side, and the way from the gradient behind it to the one before."""
    *inner, last = convolutions(block)
    y, inside, ways = x, side, []
    for layer in inner:
        y, inside, way = _conv(y, inside, layer)
        y = ops.relu(y)
        ways.append(_after(way, y))
    y, inside, way = _conv(y, inside, last)
    ways.append(way)
    shortcut, around = x, None
    if block.downsample is not None:
        shortcut, _, around = _conv(x, side, block.downsample.get_submodule("0"))
    out = ops.relu(ops.add(y, shortcut))

    def backward(gradient: Node) -> Node:
        behind = through = _masked(gradient, out)
        for step in reversed(ways):
            through = step(through)
        return ops.add(through, behind if around is None else around(behind))

    return out, inside, backward


def _after(way: Backward, answer: Node) -> Backward:
    """Through a ReLU whose answer is known, then through the convolution before it."""
    return lambda gradient: way(_masked(gradient, answer))


def _masked(gradient: Node, answer: Node) -> Node:
    nothing = ops.constant(np.float32(0))
    return ops.select(ops.greater(answer, nothing), gradient, nothing)


def _conv(x: Node, side: int, layer: nn.Module) -> tuple[Node, int, Backward]:
    assert isinstance(layer, nn.Conv2d)
    weight, stride = layer.weight.detach(), list(layer.stride)
    size, padding = layer.kernel_size[0], int(layer.padding[0])

    def backward(gradient: Node) -> Node:
        if stride == [1, 1] and size > 1:
            turned = constant(weight.flip(2, 3).transpose(0, 1))
            around = [size - 1 - padding] * 2
            return ops.convolution(gradient, turned, stride, around, around, [1, 1])
        whole = ops.constant(np.array([side, side]))
        pads = [padding] * 2
        square = layer.in_channels == layer.out_channels
        # OpenVINO keeps rearranged weights by their address and shape: those of a square
        # convolution and of its way back would be taken for one another.
        own = constant(weight.clone() if square else weight)
        return opset1.convolution_backprop_data(gradient, own, stride, whole, pads, pads)

    return convolution(x, layer), _slid(layer, side), backward


def _slid(layer: nn.Conv2d, side: int) -> int:
    return (side + 2 * int(layer.padding[0]) - layer.kernel_size[0]) // layer.stride[0] + 1
