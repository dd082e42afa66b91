"""How quickly the Batch tab answers over a run of a hundred thousand photos.

    python -m tests.benchmarks.batch_window FOLDER [--make] [--photos 100000]

``--make`` first writes the photos (tiny JPEGs, one in a hundred broken) and a finished run over
them into FOLDER. Without it the window is opened (offscreen unless QT_QPA_PLATFORM says otherwise)
and the figures printed: a step is one turn of the window's thread, which it cannot answer within.
Nothing here passes or fails: targets.md has the lines to compare with.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PIL import Image
from PySide6.QtWidgets import QApplication

from petvision.app.application import SWITCH_SECONDS
from petvision.app.batch.page import BatchPage
from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.window import Window
from petvision.batch.scan import found_of
from petvision.batch.store import Outcome, Store
from petvision.images.inputs import source_of
from tests.batch.test_store import WHO, answered, failed

AT_ONCE = 500


def make(folder: Path, photos: int) -> None:
    """Write the photos and a finished run over them."""
    root, run = folder / "photos", folder / "run"
    run.mkdir(parents=True)
    pictures = [_picture(seed) for seed in range(64)]
    draw = np.random.default_rng(0)
    with closing(Store(run)) as store:
        store.begin(WHO, [str(root)])
        kept: list[Outcome] = []
        for number in range(photos):
            place = root / f"{number // 1000:03}" / f"{number:06}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            broken = number % 100 == 7
            place.write_bytes(b"" if broken else pictures[number % 64])
            kept.append(_outcome(place, draw, broken))
            if len(kept) == AT_ONCE:
                store.write(kept)
                kept.clear()
        store.write(kept)
        store.finish()


def _picture(seed: int) -> bytes:
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).resize((64, 48)).save(packed, "JPEG", quality=70)
    return packed.getvalue()


def _outcome(place: Path, draw: np.random.Generator, broken: bool) -> Outcome:
    found = found_of(source_of(str(place)))
    if broken:
        return dataclasses.replace(failed(place.name), found=found)
    sure = 1 - 0.5 * float(draw.beta(0.5, 8))
    one = answered(place.name, sure if draw.random() < 0.5 else 1 - sure)
    assert one.prediction is not None
    strange = dataclasses.replace(one.prediction, unknown_score=float(draw.normal(0, 0.3)))
    truth = "cat" if draw.random() < 0.5 else "dog"
    return dataclasses.replace(one, found=found, prediction=strange, truth=truth)


class Steps:
    """The window's thread, a turn at a time."""

    def __init__(self, application: QApplication) -> None:
        self._application = application

    def until(self, condition: Callable[[], object], seconds: float = 60.0) -> list[float]:
        """Turn until a condition holds; the milliseconds of each turn."""
        took, end = [], time.perf_counter() + seconds
        while not condition() and time.perf_counter() < end:
            took.append(self.turn())
            time.sleep(0.0005)
        return took

    def turn(self, action: Callable[[], object] = lambda: None) -> float:
        """Milliseconds of one turn, with what a person does in it."""
        start = time.perf_counter()
        action()
        self._application.processEvents()
        return 1000 * (time.perf_counter() - start)


def told(what: str, took: list[float], more: str = "") -> None:
    """A line of figures."""
    middle, often, most = np.percentile(took, [50, 95, 100])
    print(
        f"{what:28} median {middle:6.1f}, p95 {often:6.1f}, worst {most:6.1f} ms {more}", flush=True
    )


def measure(page: BatchPage, steps: Steps, run: Path) -> None:
    """Open the run, scroll both views, filter and sort."""
    start = time.perf_counter()
    page.open_run(run)
    took = steps.until(lambda: len(page.model.numbers))
    listed = time.perf_counter() - start
    took += steps.until(lambda: page.model.known(page.model.number_at(0)))
    shown = time.perf_counter() - start
    told("open", took, f"(listed after {listed:.2f} s, first rows after {shown:.2f} s)")
    steps.until(lambda: not page.work.pool.busy)
    for name, view in (("table", page.table), ("gallery", page.gallery)):
        button = page.filters.gallery if name == "gallery" else page.filters.table
        told(f"{name}: shown", [steps.turn(button.click)])
        bar = view.verticalScrollBar()
        for way, places in (("far", _far(bar.maximum())), ("near", range(0, 24000, 120))):
            took = [steps.turn(partial(bar.setValue, to)) for to in _slowly(places)]
            told(f"{name}: scroll {way}", took)
        steps.until(lambda: not page.work.pool.busy)
        filters(page, steps, name)
    slider = page.side.threshold.slider
    took = [steps.turn(partial(slider.setValue, to)) for to in range(0, 1000, 20)]
    told("threshold dragged", took)


def filters(page: BatchPage, steps: Steps, name: str) -> None:
    """Each filter and order once: until the list is there, and the turns after it."""
    wishes: dict[str, dict[str, object]] = {
        "label": {"label": "cat"},
        "histogram": {"label": "", "bin": 18},
        "wrong": {"bin": None, "kind": "wrong"},
        "text": {"kind": "", "text": "0421"},
        "by confidence": {"text": "", "order": "confidence"},
        "by name": {"order": "name"},
        "all": {"order": "number"},
    }
    lists: list[int] = []
    page.work.listed.connect(lambda numbers: lists.append(len(numbers)))
    for what, wish in wishes.items():
        lists.clear()
        start = time.perf_counter()
        took = [steps.turn(partial(page.want, **wish))]
        took += steps.until(lambda: lists)
        after = 1000 * (time.perf_counter() - start)
        end = time.perf_counter() + 0.3
        took += steps.until(lambda end=end: time.perf_counter() > end)
        told(f"{name}: {what}", took, f"(listed after {after:.0f} ms: {lists[-1]:,})")


def _far(most: int) -> Iterator[int]:
    return (most * (step * 37 % 200) // 200 for step in range(200))


def _slowly(places: Iterator[int] | range) -> Iterator[int]:
    """As a hand does: the threads that read rows and pictures work in between."""
    for place in places:
        yield place
        time.sleep(0.002)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--photos", type=int, default=100_000)
    options = parser.parse_args()
    if options.make:
        make(options.folder, options.photos)
        return 0
    sys.setswitchinterval(SWITCH_SECONDS)  # as the program does
    application = QApplication([])
    with tempfile.TemporaryDirectory() as place:
        settings = Settings.load(Path(place) / "settings.toml")
        window = Window(settings, Theme(application, "light"))
        window._started = True  # no model: the tab alone is measured
        window.session.crashed.connect(sys.exit)
        window.resize(1600, 1000)
        window.show()
        steps = Steps(application)
        steps.turn()
        page = window.show_tab("batch")
        assert isinstance(page, BatchPage)
        steps.turn()
        measure(page, steps, options.folder / "run")
        window.close()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
