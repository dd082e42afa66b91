"""Many small maps as ONE image: a grid of axes would take the window's thread a third of a second.

All images are RGBA float32 in 0..1; what lies between tiles is transparent.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from petvision.figures.colours import solid
from petvision.images.types import Floats

TILE = 56
GAP = 4
SILENT = 0.02


def feature_mosaic(rows: list[Floats], columns: int) -> Floats:
    """One row a layer, one tile a channel, each row on its own scale from zero.

    Args:
        rows: k×h×w with k ≤ ``columns`` each.
        columns: tiles in a row.
    """
    step = TILE + GAP
    canvas = np.zeros((len(rows) * step - GAP, columns * step - GAP, 4), np.float32)
    for i, maps in enumerate(rows):
        top = float(maps.max()) or 1.0
        for j, one in enumerate(maps):
            y, x = i * step, j * step
            canvas[y : y + TILE, x : x + TILE] = solid()(_tile(one) / top)
    return canvas


def _tile(one: Floats) -> Floats:
    """A map as a TILE×TILE square: cells stay cells, larger maps are averaged."""
    rule = Image.Resampling.BOX if max(one.shape) > TILE else Image.Resampling.NEAREST
    image = Image.fromarray(np.asarray(one, np.float32)).resize((TILE, TILE), rule)
    return np.asarray(image, np.float32)


def grid_columns(count: int) -> int:
    """How many columns a near-square grid of so many tiles has."""
    return int(np.ceil(np.sqrt(count)))


def filter_grid(filters: Floats, zoom: int) -> Floats:
    """Filters n×k×k×3 (0..1) as a near-square grid of enlarged tiles."""
    count, side = filters.shape[:2]
    columns = grid_columns(count)
    tile, gap = side * zoom, max(1, zoom)
    rows = -(-count // columns)
    grid = np.zeros((rows * (tile + gap) - gap, columns * (tile + gap) - gap, 4), np.float32)
    for i, one in enumerate(filters):
        y, x = (i // columns) * (tile + gap), (i % columns) * (tile + gap)
        grid[y : y + tile, x : x + tile, :3] = one.repeat(zoom, 0).repeat(zoom, 1)
        grid[y : y + tile, x : x + tile, 3] = 1
    return grid


def filter_pictures(weights: Floats) -> Floats:
    """Weights n×3×k×k as pictures n×k×k×3: mid-grey is zero, each filter's largest weight full.

    A filter that is next to silent beside the others stays grey.
    """
    largest = np.abs(weights).max((1, 2, 3), keepdims=True)
    floor = SILENT * float(largest.max(initial=0)) or 1.0
    pictures = 0.5 + 0.5 * weights / np.maximum(largest, floor)
    return np.asarray(pictures.transpose(0, 2, 3, 1), np.float32)
