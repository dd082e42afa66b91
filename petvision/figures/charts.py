"""What all charts share: plain axes in the style's colours, and files of any figure."""

from __future__ import annotations

import io
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from petvision.figures import text
from petvision.figures.style import Style

Kind = Literal["png", "svg"]
DPI = 200
LINE = 1.6
THIN = 0.7
PAD = 0.1


def empty_figure(style: Style, size: tuple[float, float] = (4.8, 4.2)) -> Figure:
    """A figure of that size, inches, on the style's surface, that lays itself out."""
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=PAD, h_pad=PAD))
    FigureCanvasAgg(figure)
    figure.set_facecolor(style.surface)
    return figure


def plain(axes: Axes, style: Style, *, grid: bool = True) -> Axes:
    """Quiet axes: two spines, faint grid, small text."""
    axes.set_facecolor(style.surface)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(style.line)
    axes.tick_params(
        colors=style.muted, labelsize=text.SMALL, labelfontfamily=text.FAMILY, width=0.8
    )
    axes.tick_params(color=style.line)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, color=style.line, linewidth=0.6, alpha=0.6)
    return axes


def name_axes(axes: Axes, style: Style, across: str, up: str, title: str = "") -> None:
    """What is counted along each axis, and what the chart shows."""
    axes.set_xlabel(across, color=style.text, size=text.BODY, family=text.FAMILY)
    axes.set_ylabel(up, color=style.text, size=text.BODY, family=text.FAMILY)
    if title:
        axes.set_title(
            title, color=style.text, size=text.BODY + 1, family=text.FAMILY, loc="left", pad=10
        )


def legend(axes: Axes, style: Style, place: Any = "best") -> None:
    """Name the lines, without a box around."""
    axes.legend(
        loc=place,
        frameon=True,
        facecolor=style.surface,
        edgecolor="none",
        framealpha=0.85,
        labelcolor=style.text,
        prop={"size": text.SMALL, "family": text.FAMILY},
    )


def file_of(figure: Figure, kind: Kind, dpi: float = DPI) -> bytes:
    """A figure as the bytes of a file, the same for the same content.

    It is laid out once: whatever further file is made of it has the same layout.
    """
    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "petvision"}):
        date = {"Date": None} if kind == "svg" else {}
        figure.savefig(out, format=kind, dpi=dpi, facecolor="auto", metadata=date)
    figure.set_layout_engine("none")
    return out.getvalue()
