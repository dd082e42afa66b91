"""What works on this machine: everything the program does, once and small.

Each check is a function that returns what it found, in plain words, and raises where something is
wrong. ``Absent`` says that a part is not here, which is no failure.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from petvision import __version__
from petvision.errors import PetVisionError

if TYPE_CHECKING:
    from training.config import Config

SURE = {"catdog-resnet101": 3, "catdog-resnet18": 2, "catdog-alexnet": 2}
"""Of the samples cat, dog and neither, how many each model must get right: the small ones know
strangers badly, as their cards say."""
LEAST_MEMORY = 2e9  # bytes; all panels of a photo take about 1.4e9
_COLOURS = (("cat", (200, 60, 60)), ("dog", (60, 60, 200)))
_TRAINED = ("resnet18", "resnet50", "resnet101", "alexnet-gap", "vgg16-gap")
_PHOTOS = 6  # a class: enough for a training part and a validation part


class Absent(Exception):
    """A part that is not on this machine; the rest works without it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check went: ``words`` say what was found, or what is wrong."""

    name: str
    state: Literal["passed", "failed", "absent"]
    words: str
    seconds: float


def run() -> Iterator[Outcome]:
    """Do every check, one after another; a failure stops none of the others."""
    with tempfile.TemporaryDirectory(prefix="petvision-selftest-") as place:
        folder = Path(place)
        for name, check in _checks(folder):
            started = time.perf_counter()
            state: Literal["passed", "failed", "absent"] = "passed"
            try:
                words = check()
            except Absent as absence:
                state, words = "absent", str(absence)
            except PetVisionError as error:
                state, words = "failed", str(error)
            except Exception as bug:  # noqa: BLE001 - this is where faults are to be seen
                state, words = "failed", f"{type(bug).__name__}: {bug}"
            yield Outcome(name, state, words, time.perf_counter() - started)


def _checks(folder: Path) -> Sequence[tuple[str, Callable[[], str]]]:
    trained = folder / "run" / "model.safetensors"
    return (
        ("program", _program),
        ("memory", _memory),
        ("folders", _folders),
        ("formats", _formats),
        ("display", _display),
        ("models", _models),
        ("predict", _predict),
        ("engines", _engines),
        ("data", lambda: _data(folder)),
        ("networks", _networks),
        ("train", lambda: _train(folder)),
        ("explain", lambda: _explain(trained)),
        ("export", lambda: _export(trained, folder)),
        ("local API", _server),
    )


def _program() -> str:
    packaged = "packaged" if getattr(sys, "frozen", False) else "from source"
    cores = os.cpu_count()
    return (
        f"PetVision {__version__} ({packaged}), Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {cores} cores"
    )


def _memory() -> str:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        raise Absent("this system does not tell how much there is")
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if whole < LEAST_MEMORY:
        raise MemoryError(f"{whole / 1e9:.1f} GB, where {LEAST_MEMORY / 1e9:.0f} GB are needed")
    return f"{whole / 1e9:.1f} GB"


def _folders() -> str:
    import platformdirs

    places = {
        "settings": platformdirs.user_config_path("petvision", appauthor=False),
        "cache": platformdirs.user_cache_path("petvision", appauthor=False),
        "log": platformdirs.user_log_path("petvision", appauthor=False),
    }
    for name, place in places.items():
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError(f"the {name} folder {place} cannot be written")
    return "settings, cache and log can be written"


def _formats() -> str:
    import pi_heif
    from PIL import Image

    from petvision.images.door import decode, load
    from petvision.images.types import Source

    names = ("JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF")
    for name in names:
        out = BytesIO()
        Image.new("RGB", (64, 48), (180, 120, 60)).save(out, name)
        picture = decode(load(Source("bytes", "", f"a {name}", out.getvalue())))
        red, _, blue = picture.pixels[24, 32]
        if picture.pixels.shape != (48, 64, 3) or not red > 150 > 90 > blue:
            raise ValueError(f"{name} came back as another picture")
    if not pi_heif.libheif_info()["decoders"]:
        raise ValueError("HEIC has no decoder")
    return f"{', '.join(names)} and HEIC can be read"


def _display() -> str:
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise Absent("there is none: the window cannot open, all else works")
    if importlib.util.find_spec("PySide6.QtWidgets") is None:
        raise ImportError("Qt is not installed: the window cannot open")
    return "there is one for the window"


def _models() -> str:
    from petvision.models import zoo

    bundled = [entry for entry in zoo.models() if entry.origin == "bundled"]
    for entry in bundled:
        if entry.fault or entry.path is None:
            raise ValueError(entry.fault)
        zoo.verify(entry.path)
    if not bundled:
        raise Absent("no model is bundled with this program")
    return f"whole: {', '.join(entry.name for entry in bundled)}"


def _predict() -> str:
    from petvision.images.prepare import open_prepared
    from petvision.images.samples import samples
    from petvision.models import zoo
    from petvision.models.handle import open_model
    from petvision.models.predict import predict

    told = []
    for entry in zoo.models():
        if entry.origin != "bundled" or entry.path is None:
            continue
        handle = open_model(entry.path)
        photos = [open_prepared(source, handle.spec) for source in samples()]
        labels = [one.label for one in predict(handle, photos)]
        sure = SURE.get(entry.name, 0)
        if labels[:sure] != ["cat", "dog", "unknown"][:sure]:
            raise ValueError(f"{entry.name} takes cat, dog and neither for {', '.join(labels)}")
        told.append(f"{entry.name}: {', '.join(labels)}")
    if not told:
        raise Absent("no model is bundled with this program")
    return "; ".join(told)


def _engines() -> str:
    from petvision.models import zoo
    from petvision.models.engine import available, with_fast_engine
    from petvision.models.handle import open_model

    entry = next((e for e in zoo.models() if e.origin == "bundled" and e.path is not None), None)
    if entry is None or entry.path is None:
        raise Absent("no model is bundled with this program")
    handle = open_model(entry.path)
    names = available(handle)
    for name in names:
        with_fast_engine(handle, name)  # refuses one that is too far from the reference
    chosen = with_fast_engine(handle).engine.name
    return f"{', '.join(names)} agree; {chosen} is the fastest"


def _photos(folder: Path) -> None:
    """Make photos up in ``folder``, one class a colour; always the same ones."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for label, colour in _COLOURS:
        (folder / "photos" / label).mkdir(parents=True, exist_ok=True)
        for number in range(_PHOTOS):
            noise = random.integers(-40, 40, (40, 40, 3)) + np.array(colour)
            path = folder / "photos" / label / f"{number}.png"
            Image.fromarray(noise.astype(np.uint8)).save(path)


def _config(folder: Path) -> Config:
    """How the made-up photos are trained on, in a moment."""
    from training.settings import parse_config

    return parse_config(
        {
            "data": {
                "source": "folder",
                "root": str(folder / "photos"),
                "image_size": 32,
                "resize": 36,
            },
            "model": {
                "architecture": "resnet18",
                "blocks_per_stage": [1, 1, 1, 1],
                "name": "selftest",
            },
            "training": {"epochs": 2, "batch_size": 8, "amp": False, "freeze_statistics": False},
            "unknown": {"negatives": [], "bank": 4},
            "device": "cpu",
            "out": str(folder / "run"),
        },
        "selftest",
    )


def _data(folder: Path) -> str:
    """That each photo is in one part, each class in both, and batches are what they claim."""
    import numpy as np

    from petvision.events import result_of
    from training.data import split_photos
    from training.loader import Loader

    _photos(folder)
    config = _config(folder)
    split = result_of(split_photos(config))
    parts = [{p.path for p in part} for part in (split.train, split.validation)]
    if parts[0] & parts[1] or len(parts[0] | parts[1]) != len(_COLOURS) * _PHOTOS:
        raise ValueError("a photo is lost, or is in both parts")
    if any(0 in counts.values() for counts in split.counts.values()):
        raise ValueError("a part lacks a class")
    shown = Counter[int]()
    loader = Loader(split.train, split.classes, config.data.input_spec, 3)
    for batch in loader.epoch():
        reddish = batch.pixels[..., 0].mean((1, 2)) > batch.pixels[..., 2].mean((1, 2))
        if not np.array_equal(reddish, batch.labels == split.classes.index("cat")):
            raise ValueError("a batch's labels are not those of its photos")
        shown.update(batch.labels.tolist())
    if shown.total() != len(split.train):
        raise ValueError("an epoch does not show every photo once")
    return f"{shown.total()} photos in batches, each with its own label, none in both parts"


def _networks() -> str:
    """That the networks that presets train answer, and every weight of them can learn."""
    import torch

    from petvision.models.architectures import build

    for name in _TRAINED:
        network = build(name, 3).train()
        network(torch.rand(2, 3, 64, 64)).sum().backward()
        for weight, values in network.named_parameters():
            if values.grad is None or not bool(torch.isfinite(values.grad).all()):
                raise ValueError(f"{name}: {weight} gets no gradient, or none that is finite")
    return f"answer and learn: {', '.join(_TRAINED)}"


def _train(folder: Path) -> str:
    from petvision.events import result_of
    from training.run import run as training_run

    _photos(folder)
    config = _config(folder)
    with contextlib.redirect_stdout(None):
        result_of(training_run(config))  # type: ignore[misc]  # its partials are another type
    return "two epochs of a small network on made-up photos"


def _explain(model: Path) -> str:
    from petvision.events import result_of
    from petvision.explain.registry import METHODS
    from petvision.explain.run import explain
    from petvision.figures.render import png
    from petvision.images.door import decode_for_display, load
    from petvision.images.prepare import prepare_encoded
    from petvision.images.samples import samples
    from petvision.models.handle import open_model

    handle = open_model(model)
    encoded = load(samples()[0])
    prepared = prepare_encoded(encoded, handle.spec)
    done = result_of(explain(handle, prepared, methods=tuple(METHODS)))
    if done.failures:
        raise done.failures[0].error
    photo = decode_for_display(encoded, 200_000)
    for explanation in done.explanations:
        if not png(explanation, photo, dpi=50).startswith(b"\x89PNG"):
            raise ValueError(f"{explanation.method} was not drawn")
    return f"computed and drawn: {', '.join(e.method for e in done.explanations)}"


def _export(model: Path, folder: Path) -> str:
    from petvision.events import result_of
    from petvision.export.formats import FORMATS
    from petvision.export.run import Order, export
    from petvision.models.handle import open_model

    handle = open_model(model)
    told = []
    for name in ("onnx", "torchscript"):
        kind = FORMATS[name]
        if any(importlib.util.find_spec(package) is None for package in kind.needs):
            continue
        out = folder / f"selftest{kind.suffix}"
        certificate = result_of(export(handle, Order(name, out, count=4)))
        told.append(f"{kind.words} (scores within {certificate.difference.scores:.0e})")
    return f"written and read again: {', '.join(told)}"


def _server() -> str:
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise Absent("the extra 'server' is not installed")
    from petvision.server.run import bound

    with bound("127.0.0.1", 0) as listener:
        return f"it can listen (at port {listener.getsockname()[1]}, for one)"
