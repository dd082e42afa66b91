"""Which pixels a cell of a layer can see at all: exact, edges and strides included.

From the cell back to the picture, step by step, the positions that feed it are kept as sets, one
for rows and one for columns (every window is a rectangle, so the two do not mix). Where paths
join, the sets unite. What is left at the picture is the footprint that a gradient would have in a
network whose weights are all positive.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from petvision.images.types import Box, Geometry
from petvision.neurons.graph import Axis, Graph

Used = npt.NDArray[np.bool_]


def field(graph: Graph, module: str, cell: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels that can change one cell of a module's output.

    Args:
        graph: of the network.
        module: the module's name.
        cell: (row, column) in its output.

    Returns:
        Left, top, right, bottom in pixels of the network's input, right and bottom not included.
    """
    row, column = cell
    sides = [_back(graph, module, index, axis) for axis, index in ((0, row), (1, column))]
    (top, bottom), (left, right) = ((int(s.min()), int(s.max()) + 1) for s in sides)
    return left, top, right, bottom


def field_box(graph: Graph, module: str, cell: tuple[int, int], geometry: Geometry) -> Box:
    """The same in pixels of the original photo."""
    left, top, right, bottom = field(graph, module, cell)
    return (*geometry.to_original(left, top), *geometry.to_original(right, bottom))


def _back(graph: Graph, module: str, index: int, axis: int) -> npt.NDArray[np.int64]:
    """The positions along an axis of the picture that feed position ``index`` of a module."""
    start = graph.module_step[module]
    wanted: dict[int, Used] = {}
    wanted[start] = np.zeros(graph.steps[start].grid[axis], bool)
    wanted[start][index] = True
    found: dict[int, list[Used]] = defaultdict(list)
    for number in range(start, -1, -1):
        if number in found:
            wanted[number] = np.logical_or.reduce(found[number])
        if number not in wanted:
            continue
        step = graph.steps[number]
        for source in step.sources:
            length = graph.steps[source].grid[axis]
            if step.kind == "all":
                fed = np.ones(length, bool)
            elif step.window is not None:
                fed = _through(wanted[number], step.window[axis], length)
            else:
                fed = wanted[number]
            found[source].append(fed)
    return np.flatnonzero(wanted[0])


def _through(wanted: Used, window: Axis, length: int) -> Used:
    """The positions before a sliding window that feed the wanted ones after it."""
    fed = np.zeros(length, bool)
    starts = np.flatnonzero(wanted) * window.stride - window.before
    for tap in range(window.size):
        positions = starts + tap * window.dilation
        fed[positions[(positions >= 0) & (positions < length)]] = True
    return fed
