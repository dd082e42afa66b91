"""Where a filter fires: connected places of its map, in pixels of the original photo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from petvision.images.types import Box, Floats, Geometry
from petvision.neurons.graph import Graph
from petvision.neurons.receptive_field import field_box
from petvision.neurons.results import Doubles, Region, Size

THRESHOLD = 0.5
"""Share of the map's maximum over which a place belongs to a region."""

MOST = 12
SIZES: tuple[tuple[float, Size], ...] = ((0.05, "small"), (0.15, "medium"), (0.30, "large"))


def size_of(share: float) -> Size:
    """The class of a region that covers ``share`` of what the network sees.

    Small under 5 %, medium under 15 %, large up to 30 %, very large beyond.
    """
    if share < SIZES[0][0]:
        return SIZES[0][1]
    if share < SIZES[1][0]:
        return SIZES[1][1]
    return SIZES[2][1] if share <= SIZES[2][0] else "very large"


def upsampled(one: Floats, size: int) -> Doubles:
    """A map h×w at ``size``×``size`` pixels, bilinear between the cells' centres."""
    return resized(one, size, size)


def resized(one: Floats, rows: int, columns: int) -> Doubles:
    """A map on another grid, bilinear between the cells' centres."""
    high, wide = one.shape
    return np.asarray(_weights(high, rows) @ one.astype(np.float64) @ _weights(wide, columns).T)


def _weights(cells: int, size: int) -> Doubles:
    """size×cells: how much of each cell every pixel takes; beyond the outer centres, the cell."""
    centres = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    lower = np.minimum(np.floor(centres).astype(int), max(cells - 2, 0))
    upper = np.minimum(lower + 1, cells - 1)
    share = centres - lower
    weights = np.zeros((size, cells))
    pixels = np.arange(size)
    np.add.at(weights, (pixels, lower), 1 - share)
    np.add.at(weights, (pixels, upper), share)
    return weights


def regions_of(
    one: Floats,
    geometry: Geometry,
    graph: Graph,
    module: str,
    threshold: float = THRESHOLD,
    match: Floats | None = None,
) -> tuple[Region, ...]:
    """The places where a map is at or over ``threshold`` of its maximum, most interesting first.

    Args:
        one: the map, h×w, not negative.
        geometry: of the photo.
        graph: of the network, for the receptive fields.
        module: whose map it is.
        threshold: share of the (upsampled) map's maximum, 0..1.
        match: the kernel's cross-correlation with the photo on the map's own grid, if there is.

    Returns:
        At most ``MOST`` regions; none for a map that is zero everywhere.
    """
    size = geometry.size
    heat = upsampled(one, size)
    largest = float(heat.max())
    if largest <= 0:
        return ()
    labels, count = scipy.ndimage.label(heat >= threshold * largest)
    parts = scipy.ndimage.find_objects(labels)[:count]
    found = [
        _region(heat, labels[part] == number, part, geometry, one.shape)
        for number, part in enumerate(parts, 1)
    ]
    found.sort(key=lambda region: (-region[1][3], region[0]))
    return tuple(
        _told(number, box, figures, cell, geometry, graph, module, match)
        for number, (box, figures, cell) in enumerate(found[:MOST], 1)
    )


Mask = npt.NDArray[np.bool_]
Figures = tuple[float, float, float, float, tuple[float, float]]


def _region(
    heat: Doubles,
    inside: Mask,
    part: tuple[slice, ...],
    geometry: Geometry,
    grid: tuple[int, ...],
) -> tuple[Box, Figures, tuple[int, int]]:
    rows, columns = part[:2]
    box = (
        *geometry.to_original(columns.start, rows.start),
        *geometry.to_original(columns.stop, rows.stop),
    )
    here = heat[part]
    pixels = int(inside.sum())
    mean = float(here[inside].mean())
    outside = (float(heat.sum()) - mean * pixels) / max(heat.size - pixels, 1)
    intensity = mean / float(heat.max())
    selectivity = max(0.0, 1 - outside / mean)
    y, x = divmod(int(np.where(inside, here, -1).argmax()), here.shape[1])
    y, x = y + rows.start, x + columns.start
    cell = (
        int((y + 0.5) * grid[0] / heat.shape[0]),
        int((x + 0.5) * grid[1] / heat.shape[1]),
    )
    peak = geometry.to_original(x + 0.5, y + 0.5)
    return box, (pixels / heat.size, intensity, selectivity, intensity * selectivity, peak), cell


def _told(
    number: int,
    box: Box,
    figures: Figures,
    cell: tuple[int, int],
    geometry: Geometry,
    graph: Graph,
    module: str,
    match: Floats | None,
) -> Region:
    share, intensity, selectivity, interest, peak = figures
    return Region(
        number=number,
        box=box,
        peak=peak,
        cell=cell,
        field=field_box(graph, module, cell, geometry),
        share=share,
        size=size_of(share),
        intensity=intensity,
        selectivity=selectivity,
        interest=interest,
        match=None if match is None else float(match[cell]),
    )
