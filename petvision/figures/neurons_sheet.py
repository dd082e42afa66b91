"""Tiles as a file: one picture in one axes, words above and below."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from petvision.figures import text
from petvision.figures.neurons import Tile
from petvision.figures.parts import Area, Paragraph, blank_axes, put_axes
from petvision.figures.style import LIGHT, Style
from petvision.images.types import Pixels

MARGIN = 0.2
BETWEEN = 0.08
GAP = 10
CAPTION = 0.2
"""Inches (``GAP``: pixels)."""

DPI = 150


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file of tiles holds: title, lines under it, tiles in ``columns``, lines below."""

    title: str
    lines: tuple[str, ...]
    tiles: tuple[Tile, ...]
    columns: int
    notes: tuple[str, ...] = ()


def sheet_figure(sheet: Sheet, style: Style = LIGHT, width: float = 7.2) -> Figure:
    """The sheet as a figure of that width (inches), as high as it needs."""
    figure = Figure(figsize=(width, 4), dpi=DPI, facecolor=style.surface)
    inner = width - 2 * MARGIN
    head = _paragraphs(figure, style, (sheet.title,), sheet.lines, inner)
    foot = _paragraphs(figure, style, (), sheet.notes, inner)
    image, cell, rows = _mosaic(sheet.tiles, sheet.columns)
    step = inner / (sheet.columns * (cell[1] + GAP) - GAP)  # inches a pixel
    tile_high = cell[0] * step
    maps_high = rows * (tile_high + CAPTION) if sheet.tiles else 0.0
    heads, feet = (sum(h + BETWEEN for _, h in group) for group in (head, foot))
    high = 2 * MARGIN + heads + maps_high + feet
    figure.set_size_inches(width, high)
    top = high - MARGIN
    for paragraph, tall in head:
        paragraph.put(MARGIN, top)
        top -= tall + BETWEEN
    if sheet.tiles:
        _place(figure, sheet, style, image, (MARGIN, top, inner, maps_high), cell, rows)
        top -= maps_high
    for paragraph, tall in foot:
        paragraph.put(MARGIN, top)
        top -= tall + BETWEEN
    return figure


def sheet_bytes(sheet: Sheet, kind: Literal["png", "svg"], style: Style = LIGHT) -> bytes:
    """The sheet as the bytes of a file."""
    figure = sheet_figure(sheet, style)
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "petvision"}):
        date = {"Date": None} if kind == "svg" else {}
        figure.savefig(out, format=kind, dpi=DPI, facecolor="auto", metadata=date)
    return out.getvalue()


def _paragraphs(
    figure: Figure, style: Style, titles: Sequence[str], lines: Sequence[str], width: float
) -> list[tuple[Paragraph, float]]:
    made = []
    for number, words in enumerate((*titles, *lines)):
        is_title = number < len(titles)
        paragraph = Paragraph(figure, text.TITLE if is_title else text.BODY, bold=is_title)
        paragraph.words = words
        paragraph.colour(style)
        made.append((paragraph, paragraph.fit(width)))
    return made


def _mosaic(tiles: Sequence[Tile], columns: int) -> tuple[Pixels, tuple[int, int], int]:
    """All tiles in one RGBA picture, each in the upper left of its cell; captions go between."""
    if not tiles:
        return np.zeros((1, 1, 4), np.uint8), (1, 1), 0
    high = max(tile.pixels.shape[0] for tile in tiles)
    wide = max(tile.pixels.shape[1] for tile in tiles)
    rows = -(-len(tiles) // columns)
    made = np.zeros((rows * high, columns * (wide + GAP) - GAP, 4), np.uint8)
    for number, tile in enumerate(tiles):
        y, x = (number // columns) * high, (number % columns) * (wide + GAP)
        pixels = tile.pixels
        if pixels.shape[:2] != (high, wide):  # small ones grow to their cell, keeping their shape
            factor = min(high / pixels.shape[0], wide / pixels.shape[1])
            size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST))
        made[y : y + pixels.shape[0], x : x + pixels.shape[1], :3] = pixels
        made[y : y + pixels.shape[0], x : x + pixels.shape[1], 3] = 255
    return made, (high, wide), rows


def _place(
    figure: Figure,
    sheet: Sheet,
    style: Style,
    image: Pixels,
    area: tuple[float, float, float, float],
    cell: tuple[int, int],
    rows: int,
) -> None:
    left, top, width, high = area
    axes = blank_axes(figure)
    axes.set_aspect("auto")
    put_axes(axes, Area(left, top - high, width, high))
    step = width / image.shape[1]
    row = high / rows
    axes.set(xlim=(0, width), ylim=(high, 0))
    for number in range(rows):  # one image a row of tiles, captions between
        part = image[number * cell[0] : (number + 1) * cell[0]]
        y = number * row
        place = (0, width, y + cell[0] * step, y)
        axes.imshow(part, extent=place, aspect="auto", interpolation="antialiased")
    axes.set(xlim=(0, width), ylim=(high, 0))
    for number, tile in enumerate(sheet.tiles):
        x = (number % sheet.columns) * (cell[1] + GAP) * step
        y = (number // sheet.columns) * row + cell[0] * step + 0.03
        axes.text(
            x, y, tile.caption, size=text.SMALL, family=text.FAMILY, color=style.muted, va="top",
            parse_math=False,
        )  # fmt: skip
