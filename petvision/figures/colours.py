"""Colour maps of heat: perceptually ordered, safe for the colour-blind; jet for old habits."""

from __future__ import annotations

import functools
from typing import Literal, get_args

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap

from petvision.figures.style import AGAINST, FOR

_FADE = 0.7
"""Opacity grows with the heat to this power: weak heat shows the photo, none shows it plain."""


Colours = Literal["heat", "viridis", "cividis", "grey", "jet"]
COLOURS: tuple[Colours, ...] = get_args(Colours)
"""``heat`` is the default: inferno for what is never negative, blue to orange for signed maps."""


@functools.cache
def overlay(signed: bool, colours: Colours = "heat") -> Colormap:
    """For heat on a photo: the weaker, the more transparent."""
    steps = np.linspace(-1 if signed else 0, 1, 511 if signed else 256)
    if colours == "heat" and signed:
        drawn = LinearSegmentedColormap.from_list("sides", [*AGAINST, *FOR])((steps + 1) / 2)
    elif colours == "heat":
        drawn = matplotlib.colormaps["inferno"](0.25 + 0.72 * steps)
    else:
        name = "gray" if colours == "grey" else colours
        drawn = matplotlib.colormaps[name](np.linspace(0, 1, len(steps)))
    drawn[:, 3] = np.abs(steps) ** _FADE
    return ListedColormap(drawn, name=f"{colours}, signed" if signed else colours)


@functools.cache
def solid() -> Colormap:
    """For maps of their own, without a photo under them."""
    return matplotlib.colormaps["inferno"]


@functools.cache
def greys() -> Colormap:
    """For the weights of filters: mid-grey is zero."""
    return matplotlib.colormaps["gray"]
