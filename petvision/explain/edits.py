"""Edits of a photo: strokes that erase, blur or put another photo's content in its place.

Strokes are kept in pixels of the upright original, so that the same strokes edit the picture the
network gets and the one on the screen, whatever their scales. numpy and Pillow only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from petvision.images.types import Box, Floats, Geometry, Picture, Pixels

Kind = Literal["erase", "blur", "paste"]
BLUR = 1 / 20
"""Standard deviation of the blur, in shorter sides of the photo: shapes go, colours stay."""

Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A way of a round brush, or a filled rectangle.

    ``points`` are (x, y) in original pixels and ``radius`` is the brush's, in the same. A stroke
    whose ``box`` is set is that rectangle instead and has no points.
    """

    kind: Kind
    points: tuple[tuple[float, float], ...] = ()
    radius: float = 0.0
    box: Box | None = None

    def further(self, x: float, y: float) -> Stroke:
        """The stroke drawn on to another point."""
        return replace(self, points=(*self.points, (x, y)))


class History:
    """Strokes with undo and redo; a new stroke ends what could be redone."""

    def __init__(self) -> None:
        self.strokes: tuple[Stroke, ...] = ()
        self._before: list[tuple[Stroke, ...]] = []
        self._after: list[tuple[Stroke, ...]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether an undone step can be done again."""
        return bool(self._after)

    def begin(self, stroke: Stroke) -> None:
        """Add a stroke as one step."""
        self._step((*self.strokes, stroke))

    def extend(self, x: float, y: float) -> None:
        """Draw the last stroke on; that is no step of its own."""
        *others, last = self.strokes
        self.strokes = (*others, last.further(x, y))

    def clear(self) -> None:
        """Take all strokes away as one step."""
        if self.strokes:
            self._step(())

    def undo(self) -> None:
        """Go a step back."""
        if self._before:
            self._after.append(self.strokes)
            self.strokes = self._before.pop()

    def redo(self) -> None:
        """Do an undone step again."""
        if self._after:
            self._before.append(self.strokes)
            self.strokes = self._after.pop()

    def _step(self, strokes: tuple[Stroke, ...]) -> None:
        self._before.append(self.strokes)
        self._after.clear()
        self.strokes = strokes


class Edited:
    """A picture with strokes on it; changing the strokes costs what the change covers.

    Args:
        picture: of any scale; it stays as it is.
        colour: what erasing leaves, RGB 0..255 (the mean of the photos the network was trained on).
        other: another photo for ``paste``; without one, pasting erases.
    """

    def __init__(
        self, picture: Picture, colour: tuple[int, int, int], other: Picture | None = None
    ) -> None:
        self._picture = picture
        self._colour = colour
        self._other = other
        self._strokes: tuple[Stroke, ...] = ()
        self._contents: dict[Kind, Pixels] = {}
        self.pixels: Pixels = picture.pixels.copy()

    @property
    def picture(self) -> Picture:
        """The edited picture as it is now; its pixels change with the next ``show``."""
        return replace(self._picture, pixels=self.pixels)

    def show(self, strokes: Sequence[Stroke]) -> Rect | None:
        """Bring the pixels to these strokes.

        Returns:
            left, top, right, bottom of what changed, in pixels of this picture; None for nothing.
        """
        now = tuple(strokes)
        same = _same(self._strokes, now)
        if same == len(self._strokes) and same == len(now):
            return None
        grown = _tail(self._strokes, now, same)
        if grown is not None:  # painting goes on: only the new piece is laid on
            dirty = self._rect(grown)
            self._lay(grown, dirty)
        else:
            dirty = self._around((*self._strokes[same:], *now[same:]))
            left, top, right, bottom = dirty
            self.pixels[top:bottom, left:right] = self._picture.pixels[top:bottom, left:right]
            for stroke in now:
                self._lay(stroke, dirty)
        self._strokes = now
        return dirty

    def _around(self, strokes: Sequence[Stroke]) -> Rect:
        rects = [self._rect(stroke) for stroke in strokes]
        return (
            min(rect[0] for rect in rects),
            min(rect[1] for rect in rects),
            max(rect[2] for rect in rects),
            max(rect[3] for rect in rects),
        )

    def _placed(self, x: float, y: float) -> tuple[float, float]:
        (left, top), scale = self._picture.origin, self._picture.scale
        return (x - left) * scale, (y - top) * scale

    def _rect(self, stroke: Stroke) -> Rect:
        """What a stroke may cover, inside the picture."""
        high, wide = self.pixels.shape[:2]
        if stroke.box is not None:
            corners = [self._placed(*stroke.box[:2]), self._placed(*stroke.box[2:])]
            reach = 1.0
        else:
            corners = [self._placed(*point) for point in stroke.points]
            reach = stroke.radius * self._picture.scale + 1
        across, down = [c[0] for c in corners], [c[1] for c in corners]
        left = min(max(int(min(across) - reach), 0), wide)
        top = min(max(int(min(down) - reach), 0), high)
        right = min(max(int(max(across) + reach) + 1, left), wide)
        bottom = min(max(int(max(down) + reach) + 1, top), high)
        return left, top, right, bottom

    def _lay(self, stroke: Stroke, within: Rect) -> None:
        """Put a stroke's content where it goes, inside ``within``."""
        own = self._rect(stroke)
        left, top = max(own[0], within[0]), max(own[1], within[1])
        right, bottom = min(own[2], within[2]), min(own[3], within[3])
        if right <= left or bottom <= top:
            return
        mask = self._mask(stroke, (left, top, right, bottom))
        place = self.pixels[top:bottom, left:right]
        place[mask] = self._content(stroke.kind)[top:bottom, left:right][mask]

    def _mask(self, stroke: Stroke, rect: Rect) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        left, top, right, bottom = rect
        image = Image.new("L", (right - left, bottom - top))
        draw = ImageDraw.Draw(image)
        if stroke.box is not None:
            (x0, y0), (x1, y1) = self._placed(*stroke.box[:2]), self._placed(*stroke.box[2:])
            corners = (round(x0) - left, round(y0) - top, round(x1) - left - 1, round(y1) - top - 1)
            if corners[2] >= corners[0] and corners[3] >= corners[1]:
                draw.rectangle(corners, fill=1)
        else:
            # Pillow names a pixel by its middle: half a pixel less than where it lies.
            shift = left + 0.5, top + 0.5
            points = [
                (x - shift[0], y - shift[1])
                for x, y in (self._placed(*point) for point in stroke.points)
            ]
            radius = max(stroke.radius * self._picture.scale - 0.5, 0.0)
            draw.line(points, fill=1, width=round(2 * radius) + 1, joint="curve")
            for x, y in points:
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
        return np.asarray(image, bool)

    def _content(self, kind: Kind) -> Pixels:
        if kind not in self._contents:
            self._contents[kind] = self._made(kind)
        return self._contents[kind]

    def _made(self, kind: Kind) -> Pixels:
        pixels = self._picture.pixels
        if kind == "blur":
            return blurred(pixels)
        if kind == "paste" and self._other is not None:
            return fitted(self._other.pixels, pixels.shape[1], pixels.shape[0])
        return np.broadcast_to(np.array(self._colour, np.uint8), pixels.shape)


def blurred(pixels: Pixels) -> Pixels:
    """A photo without its shapes: RGB uint8 of the same size."""
    high, wide = pixels.shape[:2]
    sigma = BLUR * min(high, wide)
    times = max(1, int(sigma / 4))  # a strong blur of a smaller copy looks the same
    small = Image.fromarray(pixels).reduce(times)
    soft = small.filter(ImageFilter.GaussianBlur(sigma / times))
    return np.asarray(soft.resize((wide, high), Image.Resampling.BICUBIC))


def fitted(pixels: Pixels, wide: int, high: int) -> Pixels:
    """The middle of another photo at this size, not stretched."""
    rows, columns = pixels.shape[:2]
    scale = max(wide / columns, high / rows)
    across, down = wide / scale, high / scale
    left, top = (columns - across) / 2, (rows - down) / 2
    box = (left, top, left + across, top + down)
    resized = Image.fromarray(pixels).resize((wide, high), Image.Resampling.BICUBIC, box=box)
    return np.asarray(resized)


def box_of(geometry: Geometry, left: int, top: int, side: int) -> Box:
    """A square of model pixels as a rectangle of the original."""
    return (
        *geometry.to_original(left, top),
        *geometry.to_original(left + side, top + side),
    )


def mean_colour(mean: Sequence[float]) -> tuple[int, int, int]:
    """The mean of the training photos (0..1 a channel) as RGB 0..255."""
    red, green, blue = (round(255 * value) for value in mean)
    return red, green, blue


def covered(pixels: Floats, cover: Floats, left: int, top: int, side: int) -> Floats:
    """What the network sees (1×3×S×S) with a square of ``cover`` in it."""
    made = pixels.copy()
    made[:, :, top : top + side, left : left + side] = cover[
        :, :, top : top + side, left : left + side
    ]
    return made


def _same(before: tuple[Stroke, ...], after: tuple[Stroke, ...]) -> int:
    """How many strokes at the beginning are the same."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one is not other and one != other:
            break
        count += 1
    return count


def _tail(before: tuple[Stroke, ...], after: tuple[Stroke, ...], same: int) -> Stroke | None:
    """The piece by which ``after`` goes on where ``before`` ended, None for another change."""
    if same == len(before) and len(after) == same + 1:
        return after[-1]
    if same == len(before) - 1 and len(after) == len(before):
        old, new = before[-1], after[-1]
        reach = len(old.points)
        goes_on = reach and new.points[:reach] == old.points
        if goes_on and replace(new, points=()) == replace(old, points=()):
            return replace(new, points=new.points[reach - 1 :])
    return None
