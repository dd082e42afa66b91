"""Colour maps of heat. All are perceptually ordered and safe for the colour-blind."""

from __future__ import annotations

import functools

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap

from petvision.figures.style import AGAINST, FOR

_FADE = 0.7
"""Opacity grows with the heat to this power: weak heat shows the photo, none shows it plain."""


@functools.cache
def overlay(signed: bool) -> Colormap:
    """For heat on a photo: the weaker, the more transparent."""
    steps = np.linspace(-1 if signed else 0, 1, 511 if signed else 256)
    if signed:
        colours = LinearSegmentedColormap.from_list("sides", [*AGAINST, *FOR])((steps + 1) / 2)
    else:
        colours = matplotlib.colormaps["inferno"](0.25 + 0.72 * steps)
    colours[:, 3] = np.abs(steps) ** _FADE
    return ListedColormap(colours, name="signed heat" if signed else "heat")


@functools.cache
def solid() -> Colormap:
    """For maps of their own, without a photo under them."""
    return matplotlib.colormaps["inferno"]


@functools.cache
def greys() -> Colormap:
    """For the weights of filters: mid-grey is zero."""
    return matplotlib.colormaps["gray"]
