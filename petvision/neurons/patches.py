"""The pieces of a photo that fire a filter most. numpy only."""

from __future__ import annotations

import numpy as np

from petvision.images.types import Box, Floats, Geometry
from petvision.neurons.graph import Graph
from petvision.neurons.receptive_field import field_box

COUNT = 3


def strongest(
    one: Floats, geometry: Geometry, graph: Graph, module: str, count: int = COUNT
) -> tuple[tuple[tuple[int, int], Box], ...]:
    """The strongest cells of a map whose receptive fields overlap by less than half.

    Args:
        one: the map, h×w, not negative.
        geometry: of the photo.
        graph: of the network.
        module: whose map it is.
        count: at most so many.

    Returns:
        (row, column) and exact receptive field (original pixels) of each, strongest first.
    """
    left = one.astype(np.float64)
    found: list[tuple[tuple[int, int], Box]] = []
    while len(found) < count and left.max() > 0:
        row, column = divmod(int(left.argmax()), one.shape[1])
        box = field_box(graph, module, (row, column), geometry)
        if all(_overlap(box, other) < 0.5 for _, other in found):
            found.append(((row, column), box))
        left[row, column] = 0
    return tuple(found)


def _overlap(one: Box, other: Box) -> float:
    wide = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    high = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return wide * high / smaller if smaller > 0 else 1.0
