"""Export a model: write the file aside, open it again, compare, and keep it only if it agrees."""

from __future__ import annotations

import datetime
import importlib.metadata
import itertools
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from petvision.errors import ConfigError, ModelError, OutputError
from petvision.evaluate.datasets import DataSpec, Labelled, labelled_photos
from petvision.events import Event, Progress, Result
from petvision.export import pictures
from petvision.export.certificate import BATCH, Accuracy, Certificate, Comparison
from petvision.export.formats import Format, format_of
from petvision.images.types import Pixels, Source
from petvision.models import files
from petvision.models.handle import ModelHandle

COUNT = 100
CALIBRATION = 64


@dataclass(frozen=True, slots=True)
class Order:
    """What to export, where to, and what to compare on.

    ``photos`` are the person's (none: cuts of the sample photos), of which ``count`` are compared
    and, for a format that calibrates, ``CALIBRATION`` more are learned from; ``data`` are
    labelled photos, for the accuracy before and after.
    """

    format: str
    out: Path
    photos: tuple[Source, ...] = ()
    count: int = COUNT
    data: DataSpec | None = None


def export(handle: ModelHandle, order: Order) -> Iterator[Event[Certificate]]:
    """Export, step by step.

    Returns:
        Events; the result is the certificate, which lies beside the file as
        ``NAME.certificate.json``.

    Raises:
        ConfigError: when the format does not exist here.
        ModelError: ``disagrees`` when the file does not say what the model says; it is not kept.
        OutputError: when the file is there already or cannot be written.
        InputError: when a photo cannot be read.
    """
    kind = format_of(order.format)
    if order.count < 1:
        raise ConfigError("range", "export", key="--count", expected="at least 1", found="less")
    if order.out.exists():
        remedy = "Remove it first, or choose another name."
        raise OutputError("exists", order.out.name, remedy=remedy)
    return _export(handle, order, kind)


def _export(handle: ModelHandle, order: Order, kind: Format) -> Iterator[Event[Certificate]]:
    yield Progress(0, 0, "reading the pictures")
    spec = handle.spec
    # Calibration and comparison share no picture where there are enough of them.
    wanted = order.count + (CALIBRATION if kind.calibrates else 0)
    if order.photos:
        chosen = pictures.of_photos(itertools.islice(order.photos, wanted), spec)
        told = "photos that were named"
    else:
        chosen, told = pictures.of_samples(wanted, spec), "cuts of the sample photos"
    shown: list[Pixels] = []
    for picture in chosen:
        shown.append(picture)
        yield Progress(len(shown), wanted, "reading the pictures")
    squares = np.stack(shown)
    aside = order.out.with_name(f".{order.out.stem}.part{kind.suffix}")
    try:
        yield Progress(0, 0, f"writing {kind.words}")
        with files.output_errors(order.out):
            order.out.parent.mkdir(parents=True, exist_ok=True)
            kind.write(handle, aside, squares[-CALIBRATION:])
        apart = kind.calibrates and len(squares) > CALIBRATION
        seen = squares[:-CALIBRATION] if apart else squares
        compared = yield from _compared(handle, kind, aside, seen)
        accuracy = None
        if order.data is not None:
            accuracy = yield from _accuracy(handle, kind, aside, order.data)
        certificate = _certificate(handle, order, kind, aside, compared, told, accuracy)
        page = json.dumps(certificate.as_json(), indent=1).encode()
        with files.output_errors(order.out):
            aside.rename(order.out)
        files.write_atomically(certificate_path(order.out), page)
    finally:
        aside.unlink(missing_ok=True)
    yield Result(certificate)


def certificate_path(file: Path) -> Path:
    """Where the certificate of an exported file lies."""
    return file.with_name(f"{file.name}.certificate.json")


def _compared(
    handle: ModelHandle, kind: Format, path: Path, squares: Pixels
) -> Generator[Progress, None, Comparison]:
    comparison = Comparison(handle, kind.open(path))
    # One alone first: a batch whose size was frozen into the file shows here.
    for start, size in ((0, 1), *((at, BATCH) for at in range(1, len(squares), BATCH))):
        comparison.add(squares[start : start + size])
        yield Progress(comparison.n, len(squares), "comparing")
    if not comparison.agrees(kind):
        d = comparison.difference
        reason = (
            f"on {comparison.n} pictures, {d.flips} labels differ and scores by up to "
            f"{d.scores:.1e}, so the exported file was not kept"
        )
        raise ModelError("disagrees", handle.card.name, reason=reason)
    return comparison


def _accuracy(
    handle: ModelHandle, kind: Format, path: Path, data: DataSpec
) -> Generator[Progress, None, Accuracy]:
    photos: Sequence[Labelled] = labelled_photos(data)
    comparison = Comparison(handle, kind.open(path))
    before = after = 0
    for start in range(0, len(photos), BATCH):
        some = photos[start : start + BATCH]
        sources = (Source("file", str(photo.path), photo.path.name) for photo in some)
        squares = np.stack(list(pictures.of_photos(sources, handle.spec)))
        truth = np.array([handle.class_index(photo.label) for photo in some])
        was, now = comparison.add(squares)
        before += int((was == truth).sum())
        after += int((now == truth).sum())
        yield Progress(comparison.n, len(photos), "measuring the accuracy")
    return Accuracy(str(data), comparison.n, before, after)


def _certificate(
    handle: ModelHandle,
    order: Order,
    kind: Format,
    path: Path,
    compared: Comparison,
    told: str,
    accuracy: Accuracy | None,
) -> Certificate:
    packages = ("torch", *kind.needs)
    return Certificate(
        file=order.out.name,
        file_sha256=files.sha256_of(path),
        bytes=path.stat().st_size,
        format=kind.name,
        model=handle.card.name,
        model_sha256=handle.sha256,
        pictures=told,
        n=compared.n,
        difference=compared.difference,
        accuracy=accuracy,
        versions={name: importlib.metadata.version(name) for name in packages},
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
