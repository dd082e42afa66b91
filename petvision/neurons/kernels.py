"""Kernels that lie on the photo itself: as pictures, what they look like, and where they match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import nn

from petvision.images.types import Floats
from petvision.models.handle import ModelHandle
from petvision.neurons.layers import Anatomy

Direction = Literal["vertical", "horizontal", "diagonal", ""]
Colour = Literal["red", "green", "blue", ""]

COHERENT = 0.6
"""How much of a kernel's slope must lie along one direction for it to be an edge of that one."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """A first layer's kernels: ``weights`` float32 n×3×k×k, BatchNorm folded in; how they slide."""

    weights: Floats
    stride: tuple[int, int]
    padding: tuple[int, int]

    def picture(self, index: int) -> Floats:
        """One kernel as float32 k×k×3."""
        return np.ascontiguousarray(self.weights[index].transpose(1, 2, 0))


def kernels_of(handle: ModelHandle, anatomy: Anatomy, layer: str) -> Kernels | None:
    """The kernels of a convolution on the photo; None of a deeper one, which are no pictures."""
    facts = anatomy.convolution(layer)
    module = handle.network.get_submodule(facts.name)
    if not facts.sees_colour or not isinstance(module, nn.Conv2d) or module.dilation != (1, 1):
        return None
    weights = module.weight.detach().float().cpu().contiguous().numpy()
    step = anatomy.graph.steps[anatomy.graph.module_step[facts.name]]
    before = anatomy.graph.steps[step.sources[0]].window  # padding by a step of its own
    assert step.window is not None
    rows, columns = (
        axis.before + (0 if before is None else before[i].before)
        for i, axis in enumerate(step.window)
    )
    return Kernels(weights, (step.window[0].stride, step.window[1].stride), (rows, columns))


def correlation(kernels: Kernels, index: int, pixels: Floats, grid: tuple[int, int]) -> Floats:
    """The normalised cross-correlation of a kernel with a picture, on the layer's own grid.

    Args:
        kernels: of the layer.
        index: of the filter.
        pixels: float32 1×3×S×S, as the network sees it.
        grid: the layer's (height, width).

    Returns:
        float32 h×w in −1..1; 0 where the picture is uniform.
    """
    kernel = kernels.weights[index]
    side = kernel.shape[-1]
    (top, left), (down, right) = kernels.padding, kernels.stride
    below, beyond = (
        max(0, (count - 1) * stride + side - before - length)
        for count, stride, before, length in zip(
            grid, (down, right), (top, left), pixels.shape[2:], strict=True
        )
    )
    padded = np.pad(pixels[0], ((0, 0), (top, below), (left, beyond)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2))
    windows = windows[:, ::down, ::right][:, : grid[0], : grid[1]]
    flat = windows.transpose(1, 2, 0, 3, 4).reshape(*grid, -1)
    flat = flat - flat.mean(-1, keepdims=True)
    wanted = kernel.reshape(-1) - kernel.mean()
    sizes = np.linalg.norm(flat, axis=-1) * np.linalg.norm(wanted)
    return np.asarray(np.where(sizes > 1e-6, flat @ wanted / np.maximum(sizes, 1e-6), 0), "f4")


def looks(kernel: Floats) -> tuple[Direction, Colour]:
    """What a kernel k×k×3 looks like: the direction of its edge and its colour, "" where none."""
    energy = (kernel.astype(np.float64) ** 2).sum((0, 1))
    total = float(energy.sum())
    if total == 0:
        return "", ""
    grey = kernel.mean(2)
    coloured = 1 - 3 * float((grey.astype(np.float64) ** 2).sum()) / total
    strongest = int(energy.argmax())
    names: tuple[Colour, ...] = ("red", "green", "blue")
    colour: Colour = names[strongest] if coloured > 0.5 and energy[strongest] > 0.6 * total else ""
    plane = kernel[..., strongest] if colour else grey
    return _direction(plane), colour


def _direction(plane: Floats) -> Direction:
    """By the structure tensor; a kernel that only sums up has none."""
    if abs(float(plane.sum())) > 0.3 * float(np.abs(plane).sum()):
        return ""
    down, right = np.gradient(plane.astype(np.float64))
    xx, yy, xy = (float(v.sum()) for v in (right * right, down * down, right * down))
    if xx + yy == 0 or np.hypot(xx - yy, 2 * xy) < COHERENT * (xx + yy):
        return ""
    slope = abs(np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)))
    if slope < 22.5:
        return "vertical"
    return "horizontal" if slope > 67.5 else "diagonal"
