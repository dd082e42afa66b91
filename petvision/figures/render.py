"""Explanations as files: PNG and SVG bytes, the same for the same result."""

from __future__ import annotations

import io

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from petvision.explain.results import Explanation
from petvision.figures.panels import panel
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Picture

Size = tuple[float, float]

WIDTH = 7.2
HEIGHTS = (3.0, 10.0)
DPI = 150


def png(
    explanation: Explanation,
    photo: Picture | None = None,
    style: Style = LIGHT,
    size: Size | None = None,
    dpi: float = DPI,
    *,
    bare: bool = False,
) -> bytes:
    """A PNG of the explanation's panel.

    Args:
        explanation: what to show.
        photo: the photo it explains, upright and uncropped, of any size.
        style: its colours.
        size: width and height, inches; a width of 7.2 and the height that fits unless given.
        dpi: pixels an inch.
        bare: without title, sentence, facts and parameters.
    """
    return _bytes("png", explanation, photo, style, size, dpi, bare)


def svg(
    explanation: Explanation,
    photo: Picture | None = None,
    style: Style = LIGHT,
    size: Size | None = None,
    dpi: float = DPI,
    *,
    bare: bool = False,
) -> bytes:
    """An SVG of the explanation's panel; what is made of pixels has ``dpi``. See ``png``."""
    return _bytes("svg", explanation, photo, style, size, dpi, bare)


def _bytes(
    kind: str,
    explanation: Explanation,
    photo: Picture | None,
    style: Style,
    size: Size | None,
    dpi: float,
    bare: bool,
) -> bytes:
    figure = Figure(figsize=size or (WIDTH, HEIGHTS[1]), dpi=dpi)
    FigureCanvasAgg(figure)
    made = panel(type(explanation), figure, style, bare=bare)
    made.show(explanation, photo)
    if size is None:
        least, most = HEIGHTS
        figure.set_size_inches(WIDTH, min(max(made.height_for(WIDTH), least), most))
    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "petvision"}):
        date = {"Date": None} if kind == "svg" else {}
        figure.savefig(out, format=kind, dpi=dpi, facecolor="auto", metadata=date)
    return out.getvalue()
