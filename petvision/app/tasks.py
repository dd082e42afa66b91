"""What the lane and the pool run. Everything heavy is imported here, inside their threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage

from petvision.events import Events, Partial, Progress, Result
from petvision.images.types import Encoded, InputSpec, Picture, Prepared, Source

if TYPE_CHECKING:
    from petvision.app.explain.work import Question
    from petvision.explain.base import Method
    from petvision.explain.cams import Cam
    from petvision.explain.edits import Edited, Kind, Stroke
    from petvision.explain.flip import Flip
    from petvision.explain.results import Attribution, ClassMaps, Explanation, Trust
    from petvision.explain.trust import Referee
    from petvision.models.album import Snapshot
    from petvision.models.engines.base import Engine, Trunk
    from petvision.models.handle import ModelHandle
    from petvision.models.predict import Unknown
    from petvision.models.results import Prediction

THUMBNAIL_PX = 112
DISPLAY_PIXELS = 1_500_000
LISTING_BATCH = 250


@dataclass(frozen=True, slots=True)
class Opened:
    """A model, the methods that explain it by themselves and ``every`` one, its layers."""

    handle: ModelHandle
    methods: tuple[Method[Any], ...]
    every: tuple[Method[Any], ...]
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A first look at a photo: its bytes, its thumbnail and, where a spec was given, its input."""

    encoded: Encoded
    thumbnail: QImage
    prepared: Prepared | None
    stamp: object


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A verdict, the last maps of the forward pass that gave it, and the engine that computed."""

    prediction: Prediction
    trunk: Trunk
    engine: Engine


@dataclass(frozen=True, slots=True)
class Display:
    """The photo for showing: as an array for figures and as an image for widgets."""

    picture: Picture
    image: QImage


# For the lane


def open_model(
    name: str, classes: tuple[str, ...] | None = None, threads: int = 0
) -> Iterator[Progress | Result[Opened]]:
    """Import torch and open a model on the reference engine: that one answers at once.

    Raises:
        ModelError: when it cannot be used.
    """
    import torch

    yield Progress(1, 3)
    from petvision.models import handle
    from petvision.models.engines.torch_engine import use_threads

    if threads:
        use_threads(threads)
    opened = handle.open_model(name, engine="torch-fp32", classes=classes)
    yield Progress(2, 3)
    from petvision.explain.registry import DEFAULT, METHODS

    layers = tuple(
        name for name, layer in opened.network.named_modules() if isinstance(layer, torch.nn.Conv2d)
    )
    chosen = tuple(METHODS[name] for name in DEFAULT)
    yield Result(Opened(opened, chosen, tuple(METHODS.values()), layers))


def twin(handle: ModelHandle) -> Iterator[Result[ModelHandle]]:
    """A copy to measure engines with: made between the lane's steps, when no hook is alive."""
    yield Result(handle.twin())


def fast_engine(handle: ModelHandle, engine: str = "auto") -> Events[ModelHandle]:
    """The same model answered by another engine; "auto" is the fastest, measured once.

    Raises:
        ConfigError: when this machine does not have it.
    """
    from petvision.models.engine import prepare_engine

    for event in prepare_engine(handle, engine):
        if isinstance(event, Result):
            yield Progress(0, 0)
            event.value.gradients.prepare()  # or the first explanation would wait for it
        yield event


def import_figures() -> Iterator[Result[None]]:
    """Import matplotlib, so that the window's thread finds it ready."""
    import petvision.app.widgets.canvas
    import petvision.app.widgets.heat
    import petvision.explain.trust
    import petvision.figures.panels
    import petvision.figures.trust  # noqa: F401

    yield Result(None)


def predict(
    handle: ModelHandle, prepared: Prepared, unknown: Unknown = "auto"
) -> Iterator[Result[Prediction]]:
    """The verdict on one photo; ``unknown`` as the person prefers."""
    from petvision.models.predict import predict as verdicts

    yield Result(verdicts(handle, [prepared], unknown)[0])


def predict_with_maps(
    handle: ModelHandle, prepared: Prepared, unknown: Unknown = "auto"
) -> Iterator[Result[Judged]]:
    """The verdict on the photo in view, and what its panels can use of the same pass."""
    from petvision.models.predict import look

    yield Result(Judged(*look(handle, prepared, unknown), handle.engine))


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Training photos most like a photo, with the cosine, of ``kept`` that were compared.

    ``usual`` is the mean cosine to the five nearest that half of the validation photos reach.
    """

    nearest: list[tuple[Snapshot, float]]
    usual: float
    kept: int


def likeness(handle: ModelHandle, prepared: Prepared) -> Iterator[Result[Likeness | None]]:
    """What the photo is like, of the photos the model remembers; None where it has none.

    Raises:
        ModelError: when what it remembers is damaged.
    """
    album = handle.album
    if album is None or not album.snapshots:
        yield Result(None)
        return
    features = handle.engine.forward(prepared.pixels).features[0]
    yield Result(Likeness(album.nearest(features), album.usual, len(album.snapshots)))


def explain(
    question: Question,
    target: str,
    method: Method[Any],
    values: Mapping[str, Any],
    most_kept: int,
    minus: str = "",
) -> Events[Explanation]:
    """One explanation of one photo; up to ``most_kept`` bytes of all of them are kept on disk.

    ``minus``: another class, whose map is taken away from the target's (of CAMs; not kept).

    Raises:
        ConfigError: when the values do not fit the method or the network.
    """
    from petvision.explain.base import Context
    from petvision.explain.cache import Cache
    from petvision.explain.cams import Cam, CamParameters
    from petvision.explain.contrast import difference
    from petvision.explain.registry import parameters
    from petvision.explain.run import method_events

    asked = question
    context = Context(asked.handle, asked.prepared, asked.prediction, target, asked.trunk)
    chosen = parameters(method.id, values)
    if minus and isinstance(method, Cam) and isinstance(chosen, CamParameters):
        yield from difference(context, method, chosen, minus)
        return
    cache = Cache(most=most_kept) if most_kept else None
    yield from method_events(context, method.id, chosen, cache)


def explain_afresh(
    handle: ModelHandle,
    prepared: Prepared,
    target: str,
    method: Method[Any],
    values: Mapping[str, Any],
) -> Events[Explanation]:
    """One explanation of a photo that was not judged yet.

    Raises:
        ConfigError: when the values do not fit the method or the network.
    """
    from petvision.explain.base import Context
    from petvision.explain.registry import parameters

    context = Context(handle, prepared, None, target)
    yield from method.run(context, parameters(method.id, values))


def class_maps(question: Question, method: Cam) -> Iterator[Result[ClassMaps]]:
    """The maps of every class, from the forward pass that gave the verdict."""
    from petvision.explain.base import Context

    asked, target = question, question.prediction.best_class
    context = Context(asked.handle, asked.prepared, asked.prediction, target, asked.trunk)
    yield Result(method.class_maps(context))


def judge(
    referee: Referee,
    handle: ModelHandle,
    prepared: Prepared,
    target: str,
    method: str,
    values: Mapping[str, Any],
    found: Attribution,
) -> Events[Trust]:
    """Whether a map deserves belief."""
    from petvision.explain.base import Context
    from petvision.explain.registry import parameters

    context = Context(handle, prepared, None, target)
    yield from referee.judge(context, parameters(method, values), found)


def predict_edited(
    handle: ModelHandle, edited: Edited, strokes: tuple[Stroke, ...], unknown: Unknown = "auto"
) -> Iterator[Result[Prediction]]:
    """The verdict on an edited photo; ``edited`` belongs to the lane."""
    from petvision.explain.flip import answer

    yield Result(answer(handle, edited, strokes, unknown))


def smallest_flip(
    handle: ModelHandle,
    edited: Edited,
    strokes: tuple[Stroke, ...],
    kind: Kind,
    unknown: Unknown = "auto",
) -> Events[Flip]:
    """The smallest square of an edited photo whose covering changes the label."""
    from petvision.explain.flip import smallest_flip as search

    yield from search(handle, edited, strokes, kind, unknown)


def listing(inputs: tuple[str, ...]) -> Iterator[Partial[list[Source]] | Result[int]]:
    """Expand files, folders, globs and URLs, a batch at a time; the result is their number."""
    from petvision.images.inputs import expand

    count = 0
    batch: list[Source] = []
    for source in expand(inputs):
        batch.append(source)
        count += 1
        if len(batch) >= LISTING_BATCH:
            yield Partial(batch)
            batch = []
    if batch:
        yield Partial(batch)
    yield Result(count)


# For the pool


def look(source: Source, spec: InputSpec | None) -> Look:
    """Read a photo, make its thumbnail and, where the model is known, what the network sees.

    Raises:
        InputError: when it cannot be had or read.
    """
    from petvision.images import door

    stamp = stamp_of(source)
    encoded = door.load(source)
    prepared = None if spec is None else prepare(encoded, spec)
    small = door.decode_for_display(encoded, max_pixels=4 * THUMBNAIL_PX**2)
    return Look(encoded, thumbnail(small), prepared, stamp)


def prepare(encoded: Encoded, spec: InputSpec) -> Prepared:
    """What the network sees of a photo that was read.

    Raises:
        InputError: when it cannot be read.
    """
    from petvision.images.prepare import prepare_encoded

    return prepare_encoded(encoded, spec)


def display(encoded: Encoded) -> Display:
    """The photo for showing beside the heat.

    Raises:
        InputError: when it cannot be read.
    """
    from petvision.images import door

    picture = door.decode_for_display(encoded, max_pixels=DISPLAY_PIXELS)
    return Display(picture, image_of(picture))


@dataclass(frozen=True, slots=True)
class Canvas:
    """A photo to paint on or with: as the network's door decodes it, for showing, as input."""

    seen: Picture
    shown: Picture
    prepared: Prepared


def to_paint(source: Source, spec: InputSpec, pixels: int = DISPLAY_PIXELS) -> Canvas:
    """Read another photo to paint with.

    Raises:
        InputError: when it cannot be had or read.
    """
    from petvision.images import door

    return to_paint_on(door.load(source), spec, pixels)


def to_paint_on(encoded: Encoded, spec: InputSpec, pixels: int = DISPLAY_PIXELS) -> Canvas:
    """A photo that was read, at the two scales that strokes are laid on.

    Raises:
        InputError: when it cannot be read.
    """
    from petvision.images import door
    from petvision.images.prepare import prepare as prepared

    seen = door.decode(encoded, spec.resize)
    return Canvas(seen, door.decode_for_display(encoded, pixels), prepared(seen, spec))


def stamp_of(source: Source) -> object:
    """What changes when the file changes; None for what is no file or is gone."""
    if source.kind != "file":
        return None
    try:
        facts = Path(source.location).stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def image_of(picture: Picture) -> QImage:
    """A picture as a QImage with its own memory."""
    pixels = np.ascontiguousarray(picture.pixels)
    height, width, _ = pixels.shape
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def thumbnail(picture: Picture) -> QImage:
    """The centre of a picture as a small square."""
    image = image_of(picture)
    side = min(image.width(), image.height())
    square = image.copy(
        QRect((image.width() - side) // 2, (image.height() - side) // 2, side, side)
    )
    return square.scaled(
        THUMBNAIL_PX,
        THUMBNAIL_PX,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
