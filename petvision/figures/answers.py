"""Photos with what was said of them: a sheet of answers, and one mistake with its heat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from petvision.explain.results import Attribution
from petvision.figures import text
from petvision.figures.charts import empty_figure
from petvision.figures.colours import overlay
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Picture, Pixels

COLUMNS = 6
TILE = 1.5
"""Inches."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A square photo, what was said of it in a short line, and the truth where that was wrong."""

    pixels: Pixels
    words: str
    truth: str = ""


def sheet(wrong: Sequence[Answered], right: Sequence[Answered], style: Style = LIGHT) -> Figure:
    """Wrong answers above, right ones below."""
    groups = [("Wrong", wrong), ("Right", right)]
    groups = [(title, photos) for title, photos in groups if photos]
    rows = [-(-len(photos) // COLUMNS) for _, photos in groups]
    high = sum(count * (TILE + 0.42) + 0.4 for count in rows)
    figure = empty_figure(style, (COLUMNS * TILE + 0.6, max(high, 1.0)))
    for part, (title, photos), count in zip(
        figure.subfigures(len(groups), 1, squeeze=False, height_ratios=rows).flat,
        groups, rows, strict=True,
    ):  # fmt: skip
        part.set_facecolor(style.surface)
        part.suptitle(title, x=0.01, ha="left", color=style.text, size=text.TITLE - 1)
        grid = part.subplots(count, COLUMNS, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, photo in zip(grid.flat, photos, strict=False):
            axes.imshow(photo.pixels)
            _say(axes, photo, style)
    return figure


def _say(axes: Axes, photo: Answered, style: Style) -> None:
    words = f"{photo.words}\ntruth {photo.truth}" if photo.truth else photo.words
    axes.set_title(
        words, color=style.bad if photo.truth else style.text, size=text.SMALL,
        family=text.FAMILY, loc="left", pad=3, parse_math=False,
    )  # fmt: skip


def mistake(
    photo: Picture, answer: Attribution, truth: Attribution, words: str, style: Style = LIGHT
) -> Figure:
    """The photo, the heat for the wrong answer and the heat for the truth, on one scale."""
    aspect = photo.pixels.shape[0] / photo.pixels.shape[1]
    wide = 3.0 if aspect <= 1.2 else 2.2
    figure = empty_figure(style, (3 * wide + 0.6, wide * aspect + 0.75))
    figure.suptitle(
        words, x=0.01, ha="left", color=style.text, size=text.BODY + 1, family=text.FAMILY
    )
    top = max(float(answer.heat.max()), float(truth.heat.max())) or 1.0
    for axes, heat in zip(figure.subplots(1, 3), (None, answer, truth), strict=True):
        axes.set_axis_off()
        box = answer.geometry
        axes.imshow(photo.pixels, extent=(0, box.width, box.height, 0))
        if heat is None:
            continue
        x0, y0, x1, y1 = heat.geometry.box
        axes.imshow(
            np.clip(heat.heat, 0, None), extent=(x0, x1, y1, y0), cmap=overlay(False), vmin=0,
            vmax=top, interpolation="bilinear", alpha=0.85,
        )  # fmt: skip
        axes.set(xlim=(0, box.width), ylim=(box.height, 0))
        axes.set_title(
            f"Evidence for {heat.target}".replace("_", " "), color=style.muted, size=text.SMALL,
            family=text.FAMILY, loc="left", parse_math=False,
        )  # fmt: skip
    return figure
