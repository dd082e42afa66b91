"""Heat as plain pixels, for what is painted at screen rate; the same colours as in figures."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

from petvision.figures.colours import Colours, overlay, solid
from petvision.figures.scale import Scale
from petvision.images.types import Floats, Pixels

LEVELS = 512
SIDE = 448
"""Pixels on the longer side to which a coarse map is stretched before it is coloured."""


@functools.cache
def table(signed: bool, colours: Colours = "heat", *, opaque: bool = False) -> Pixels:
    """The colours from the scale's low to its high end: RGBA uint8 ``LEVELS``×4.

    Args:
        signed: whether the scale is centred at zero.
        colours: the palette.
        opaque: without the transparency of weak heat.
    """
    steps = np.linspace(0, 1, LEVELS)
    chosen = solid() if opaque and not signed and colours == "heat" else overlay(signed, colours)
    made = np.asarray(np.round(255 * chosen(steps)), np.uint8)
    if opaque:
        made[:, 3] = 255
    return made


def stretched(heat: Floats, side: int = SIDE) -> Floats:
    """A map at ``side`` pixels on its longer side, bilinear; larger maps stay as they are."""
    rows, columns = heat.shape
    factor = side / max(rows, columns)
    if factor <= 1:
        return heat
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    image = Image.fromarray(np.asarray(heat, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)


def coloured(heat: Floats, scale: Scale, colours: Pixels) -> Pixels:
    """A map h×w as RGBA uint8 h×w×4, its opacity not multiplied in.

    Args:
        heat: finite values.
        scale: what its ends stand for.
        colours: from ``table``.
    """
    span = scale.high - scale.low
    places = (heat - np.float32(scale.low)) * np.float32((len(colours) - 1) / span)
    chosen: Pixels = colours[np.clip(places, 0, len(colours) - 1).astype(np.intp)]
    return chosen


def value_at(heat: Floats, x: float, y: float) -> float:
    """What a map shows at a place (0..1 of its width and height), interpolated as it is drawn."""
    rows, columns = heat.shape
    across = min(max(x * columns - 0.5, 0.0), columns - 1.0)
    down = min(max(y * rows - 0.5, 0.0), rows - 1.0)
    left, top = int(across), int(down)
    right, bottom = min(left + 1, columns - 1), min(top + 1, rows - 1)
    u, v = across - left, down - top
    above = heat[top, left] * (1 - u) + heat[top, right] * u
    below = heat[bottom, left] * (1 - u) + heat[bottom, right] * u
    return float(above * (1 - v) + below * v)
