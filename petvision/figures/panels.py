"""Explanations as pictures: one panel class for each kind of result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from petvision.explain.results import Attribution, ChannelMaps, Explanation, KernelSet
from petvision.figures.attribution import AttributionPanel
from petvision.figures.base import Panel
from petvision.figures.channel_maps import ChannelMapsPanel
from petvision.figures.kernels import KernelsPanel
from petvision.figures.style import LIGHT, Style

__all__ = ["Panel", "panel"]

_PANELS: Mapping[type[Explanation], type[Panel[Any]]] = {
    Attribution: AttributionPanel,
    ChannelMaps: ChannelMapsPanel,
    KernelSet: KernelsPanel,
}


def panel(
    kind: type[Explanation], figure: Figure, style: Style = LIGHT, *, bare: bool = False
) -> Panel[Any]:
    """An empty panel for results of ``kind``."""
    return _PANELS[kind](figure, style, bare=bare)
