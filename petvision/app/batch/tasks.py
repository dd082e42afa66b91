"""What the tab's threads do: reading the store, decoding, corrections. No widgets, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QBrush, QImage, QPainter

from petvision.app import tasks
from petvision.batch import columns as cols
from petvision.batch.columns import Columns, Ints, Wanted
from petvision.batch.mean import MeanHeat, means
from petvision.batch.rows import LIGHTS, TRUST, Reader, Row
from petvision.batch.sort import Sorted, sort_into
from petvision.batch.store import Store
from petvision.batch.truth import Truths, read_table
from petvision.events import result_of
from petvision.figures.style import CORNER_PX
from petvision.images import door
from petvision.images.inputs import source_of
from petvision.images.types import Floats
from petvision.lock import FolderLock, is_running

PREVIEW_PX = 560


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A store's columns, what the run was asked to look at, and whether one is at work on it."""

    columns: Columns
    inputs: tuple[str, ...]
    running: bool


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A photo large enough to look at, without and with its heat.

    ``lights`` are the badges (red, amber, green) of the maps that were judged.
    """

    row: Row
    plain: QImage | None
    heats: dict[str, QImage]
    lights: dict[str, str]


def load(folder: Path, before: Columns | None) -> Loaded:
    """Read what changed in a store."""
    found = cols.load(folder, before)
    with closing(Reader(folder)) as reader:
        return Loaded(found, reader.inputs(), is_running(folder))


def choose(folder: Path, columns: Columns, wanted: Wanted) -> Ints:
    """The wanted items' numbers in their order."""
    fits = cols.matching(folder, wanted.text) if wanted.text else None
    names = cols.by_name(folder) if wanted.order == "name" else None
    return cols.chosen(columns, wanted, fits, names)


def rows(folder: Path, numbers: Sequence[int]) -> list[Row]:
    """Some rows."""
    with closing(Reader(folder)) as reader:
        return reader.some(numbers)


def thumbnail(location: str) -> QImage:
    """A photo as a small square with round corners: cutting them off takes longest in painting.

    Raises:
        InputError: when it cannot be read any more.
    """
    encoded = door.load(source_of(location))
    square = tasks.thumbnail(door.decode(encoded, tasks.THUMBNAIL_PX // 2))
    rounded = QImage(square.size(), QImage.Format.Format_ARGB32_Premultiplied)
    rounded.fill(Qt.GlobalColor.transparent)
    painter = QPainter(rounded)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(square))
    painter.drawRoundedRect(rounded.rect(), CORNER_PX, CORNER_PX)
    painter.end()
    return rounded


def preview(folder: Path, number: int) -> Preview | None:
    """A photo with its heats; None when the store does not know it (any more).

    Raises:
        OutputError: when the store cannot be read.
    """
    with closing(Reader(folder)) as reader:
        found = reader.some([number])
        heats = reader.heats([number])
    if not found:
        return None
    (row,) = found
    if row.failed is not None or row.kind != "file":
        return Preview(row, None, {}, {})
    picture = door.decode_for_display(door.load(source_of(row.location)), PREVIEW_PX**2)
    plain = tasks.image_of(picture)
    lights = {h.method: LIGHTS[int(h.facts[TRUST])] for h in heats if TRUST in h.facts}
    images = {heat.method: overlaid(plain, heat.heat) for heat in heats}
    return Preview(row, plain, images, lights)


def overlaid(photo: QImage, heat: Floats) -> QImage:
    """A photo under heat that covers its whole frame."""
    both = photo.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(both)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(both.rect(), heat_image(heat))
    painter.end()
    return both


def heat_image(heat: Floats, *, solid: bool = False) -> QImage:
    """Heat as colours: over a photo the weaker the more transparent, or ``solid``."""
    from petvision.figures import colours

    signed = bool((heat < 0).any())
    most = float(np.abs(heat).max()) or 1.0
    shares = (heat / most + 1) / 2 if signed else heat / most
    table = colours.solid() if solid else colours.overlay(signed)
    pixels = np.ascontiguousarray((table(shares) * 255).round().astype(np.uint8))
    height, width, _ = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.copy()


@dataclass(frozen=True, slots=True, eq=False)
class MeanPicture:
    """A mean heat and its picture, the alarm's region framed."""

    mean: MeanHeat
    image: QImage


def mean_pictures(folder: Path, numbers: Sequence[int] | None) -> list[MeanPicture]:
    """The mean heat of a selection (None: all that were explained)."""
    return [MeanPicture(mean, _mean_image(mean)) for mean in means(folder, numbers)]


def _mean_image(mean: MeanHeat) -> QImage:
    small = heat_image(mean.heat, solid=True)
    smooth = Qt.TransformationMode.SmoothTransformation
    image = small.scaled(256, 192, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    if mean.alarm is not None:
        left, top, right, bottom = mean.alarm.region.box
        painter = QPainter(image)
        pen = painter.pen()
        pen.setColor(Qt.GlobalColor.white)
        pen.setWidth(3)
        painter.setPen(pen)
        w, h = image.width(), image.height()
        frame = QRect(round(left * w), round(top * h), 0, 0)
        frame.setRight(round(right * w) - 1)
        frame.setBottom(round(bottom * h) - 1)
        painter.drawRect(frame.adjusted(1, 1, -1, -1))
        painter.end()
    return image


def dry_sort(folder: Path, target: Path, numbers: Sequence[int] | None) -> Sorted:
    """What sorting photos (None: all) into a folder would do; nothing is done.

    Raises:
        OutputError: when the store cannot be read.
    """
    return result_of(sort_into(folder, target, only=numbers, dry=True))


def correct(folder: Path, numbers: Sequence[int], label: str | None) -> int:
    """Keep what a person said is on photos, where no run is at work.

    Raises:
        OutputError: when the store cannot be written, or a run is at work in it.
    """
    lock = FolderLock(folder)
    try:
        with closing(Store(folder)) as store:
            changed = store.set_truth(numbers, label)
            store.settle()
            return changed
    finally:
        lock.release()


def tell_truths(folder: Path, table: Path | None) -> int:
    """Set truths from a table, or (None) from the folders' names; return how many changed.

    Raises:
        InputError: when the table cannot be read.
        ConfigError: when it makes no sense.
        OutputError: as ``correct``.
    """
    with closing(Reader(folder)) as reader:
        classes, roots = reader.identity.classes, reader.inputs()
    truths = Truths(classes, roots=roots) if table is None else read_table(table, classes, roots)
    lock = FolderLock(folder)
    try:
        with closing(Store(folder)) as store:
            changed = 0
            for keys in store.known_keys():
                known = ((number, truths.of(key)) for number, key in keys)
                told = [(number, truth) for number, truth in known if truth is not None]
                changed += store.set_truths(told, truths.made_by)
            store.settle()
            return changed
    finally:
        lock.release()
