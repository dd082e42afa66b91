"""Filters as pictures: tiles that the window lays out itself and files show as one sheet.

A tile is plain pixels, so that a screen full of them costs one image each and no axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from petvision.figures.mosaic import filter_pictures
from petvision.images.types import Box, Floats, Geometry, Picture, Pixels
from petvision.neurons.results import Detail, Maps, Ranked, Region

COLOUR_MAPS = ("inferno", "viridis", "magma", "cividis", "jet")
TILE = 320
MAP_TILE = 112
OPACITY = 0.6
DARKEST = 0.25
FADE = 0.7
BOX_COLOURS = ("#ffd400", "#35c6f4", "#ff7ab6", "#9be564", "#c9a2ff", "#ffa64d")
FIELD_COLOUR = "#ffffff"
Say = Callable[[str], str]
"""Translates a word or template; ``str`` leaves it English."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A small picture: uint8 h×w×3, the words under it, and the filter it belongs to (−1: none)."""

    pixels: Pixels
    caption: str
    index: int = -1


def small_photo(photo: Picture | None, geometry: Geometry, wide: int = TILE) -> Pixels:
    """The photo at a tile's size: at most ``wide`` pixels on its longer side."""
    factor = wide / max(geometry.width, geometry.height)
    size = max(1, round(geometry.width * factor)), max(1, round(geometry.height * factor))
    if photo is None:
        return np.full((size[1], size[0], 3), 128, np.uint8)
    image = Image.fromarray(photo.pixels)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def heat_over(
    photo: Pixels,
    one: Floats,
    geometry: Geometry,
    opacity: float = OPACITY,
    colours: str = "inferno",
) -> Pixels:
    """A map laid over a small photo where the network saw it, on its own scale from zero."""
    factor = photo.shape[1] / geometry.width
    left, top, right, bottom = (round(v * factor) for v in geometry.box)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, photo.shape[1]), min(bottom, photo.shape[0])
    size = max(right - left, 1), max(bottom - top, 1)
    heat = Image.fromarray(np.asarray(one, np.float32)).resize(size, Image.Resampling.BILINEAR)
    shares = np.clip(np.asarray(heat) / (float(one.max()) or 1.0), 0, 1)
    # Not from the map's very dark end, which would only darken the photo where little is.
    colour = matplotlib.colormaps[colours](DARKEST + (1 - DARKEST) * shares)[..., :3] * 255
    alpha = (min(1.0, 1.5 * opacity) * shares**FADE)[..., None]
    made = _muted(photo, 0.8 * opacity)
    made[top:bottom, left:right] *= 1 - alpha
    made[top:bottom, left:right] += alpha * colour
    return made.astype(np.uint8)


def _muted(photo: Pixels, share: float) -> Floats:
    """Colours drawn towards grey, so that the heat's are the only strong ones."""
    grey = np.asarray(Image.fromarray(photo).convert("L"), np.float32)[..., None]
    return np.asarray(photo + share * (grey - photo), np.float32)


def heat_tiles(
    maps: Maps,
    ranking: Sequence[Ranked],
    photo: Picture | None,
    opacity: float = OPACITY,
    colours: str = "inferno",
    wide: int = TILE,
    say: Say = str,
) -> list[Tile]:
    """Ranked filters over the photo."""
    under = small_photo(photo, maps.geometry, wide)
    return [
        Tile(
            heat_over(under, maps.maps[r.index], maps.geometry, opacity, colours),
            say("{rank}. filter {filter}").format(rank=r.rank, filter=r.index),
            r.index,
        )
        for r in ranking
    ]


def map_tile(one: Floats, side: int = MAP_TILE, colours: str = "inferno") -> Pixels:
    """A map alone, cells as cells, on its own scale from zero."""
    rule = Image.Resampling.BOX if max(one.shape) > side else Image.Resampling.NEAREST
    shares = np.asarray(one, np.float32) / (float(one.max()) or 1.0)
    small = np.asarray(Image.fromarray(shares).resize((side, side), rule))
    return np.asarray(matplotlib.colormaps[colours](small)[..., :3] * 255, np.uint8)


def grid_tiles(
    maps: Maps,
    ranking: Sequence[Ranked],
    colours: str = "inferno",
    side: int = MAP_TILE,
    say: Say = str,
) -> list[Tile]:
    """Ranked filters' maps alone, with number and rank."""
    words = say("{filter} · rank {rank}")
    return [
        Tile(
            map_tile(maps.maps[r.index], side, colours),
            words.format(filter=r.index, rank=r.rank),
            r.index,
        )
        for r in ranking
    ]


def kernel_tiles(kernel: Floats, index: int, side: int = MAP_TILE, say: Say = str) -> list[Tile]:
    """A first layer's kernel: the mix, then its red, green and blue alone (mid-grey is zero)."""
    mix = filter_pictures(kernel.transpose(2, 0, 1)[None])[0]
    tiles = [Tile(_enlarged(mix, side), say("kernel"), index)]
    for channel, name in enumerate(("red", "green", "blue")):
        alone = np.repeat(mix[..., channel : channel + 1], 3, 2)
        tiles.append(Tile(_enlarged(alone, side), say(name), index))
    return tiles


def boxes_over(photo: Pixels, detail: Detail, geometry: Geometry) -> Pixels:
    """A small photo with a filter's regions: number (the first starred), box, receptive field."""
    factor = photo.shape[1] / geometry.width
    image = Image.fromarray(photo)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(10, photo.shape[1] // 48))
    for region in reversed(detail.regions):
        _draw_region(draw, region, factor, font)
    return np.asarray(image)


def _draw_region(draw: ImageDraw.ImageDraw, region: Region, factor: float, font: Font) -> None:
    colour = BOX_COLOURS[(region.number - 1) % len(BOX_COLOURS)]
    if region.number == 1:
        for inset, ink in ((-1, "#000000"), (0, FIELD_COLOUR)):
            draw.rectangle(_scaled(region.field, factor, inset), outline=ink)
    draw.rectangle(_scaled(region.box, factor, -1), outline="#000000")
    draw.rectangle(_scaled(region.box, factor), outline=colour, width=2)
    words = f"{region.number}*" if region.number == 1 else str(region.number)
    left, top, _, _ = _scaled(region.box, factor)
    _, _, wide, high = draw.textbbox((0, 0), words, font=font)
    top -= int(high) + 5  # above the box, which may be smaller than its number
    draw.rectangle((left, top, left + wide + 4, top + high + 3), fill=colour)
    draw.text((left + 2, top), words, fill="#000000", font=font)
    x, y = region.peak[0] * factor, region.peak[1] * factor
    draw.line((x - 4, y, x + 4, y), fill=colour, width=2)
    draw.line((x, y - 4, x, y + 4), fill=colour, width=2)


def _scaled(box: Box, factor: float, inset: int = 0) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(v * factor) for v in box)
    right, bottom = max(right - 1, left), max(bottom - 1, top)
    return left + inset, top + inset, max(right - inset, left), max(bottom - inset, top)


def crop(photo: Picture, box: Box, side: int = MAP_TILE) -> Pixels:
    """A piece of the photo in a square of ``side``, whole, its surroundings grey."""
    (x, y), scale = photo.origin, photo.scale
    high, wide = photo.pixels.shape[:2]
    left, right = (int(np.clip(round((v - x) * scale), 0, wide)) for v in (box[0], box[2]))
    top, bottom = (int(np.clip(round((v - y) * scale), 0, high)) for v in (box[1], box[3]))
    left, top = min(left, wide - 1), min(top, high - 1)
    piece = photo.pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    factor = side / max(piece.shape[:2])
    size = max(1, round(piece.shape[1] * factor)), max(1, round(piece.shape[0] * factor))
    small = np.asarray(Image.fromarray(piece).resize(size, Image.Resampling.BILINEAR))
    made = np.full((side, side, 3), 128, np.uint8)
    y0, x0 = (side - size[1]) // 2, (side - size[0]) // 2
    made[y0 : y0 + size[1], x0 : x0 + size[0]] = small
    return made


def pattern_tile(pixels: Floats, caption: str, index: int, side: int = MAP_TILE) -> Tile:
    """A synthesised pattern (float32 h×w×3 in 0..1)."""
    image = Image.fromarray(np.asarray(pixels * 255, np.uint8))
    return Tile(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)), caption, index)


def _enlarged(picture: Floats, side: int) -> Pixels:
    image = Image.fromarray(np.asarray(np.clip(picture, 0, 1) * 255, np.uint8))
    return np.asarray(image.resize((side, side), Image.Resampling.NEAREST))
