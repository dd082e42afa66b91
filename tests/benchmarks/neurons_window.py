"""How quickly the Neurons tab answers, and what looking through a folder takes.

    python -m tests.benchmarks.neurons_window [--model NAME] [--photos DIR] [--json FILE]

Run it on a quiet machine. It opens the real window (offscreen unless QT_QPA_PLATFORM says
otherwise). Photos of 12 megapixels are made up; ``--photos`` names a folder whose first 500 are
looked through. Nothing here passes or fails: it prints milliseconds and megabytes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PIL import Image
from PySide6.QtWidgets import QApplication, QScrollArea

from petvision.app.neurons.page import NeuronsPage
from petvision.app.neurons.views import PAGE
from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.window import Window
from petvision.neurons.results import Choice
from tests.benchmarks.window import until

WIDE, HIGH = 4000, 3000
PHOTOS = 500
DEEP = "layer4.1.conv2"
CHOICES = (
    Choice("mean"),
    Choice("max"),
    Choice("std"),
    *(Choice("balanced", weight / 10, 0.15) for weight in range(11)),
    *(Choice("balanced", 0.5, minimum / 10) for minimum in range(8)),
)


def photos(folder: Path, count: int) -> list[Path]:
    """Large JPEGs of soft clouds, each its own."""
    made = []
    for number in range(count):
        draw = np.random.default_rng(number)
        small = Image.fromarray(draw.integers(0, 256, (30, 40, 3), np.uint8))
        made.append(folder / f"{number}.jpg")
        small.resize((WIDE, HIGH), Image.Resampling.BICUBIC).save(made[-1], quality=90)
    return made


def spread(times: Sequence[float]) -> dict[str, float]:
    """Middle and worst."""
    return {"median_ms": round(median(times), 1), "worst_ms": round(max(times), 1)}


class Bench:
    """One window with the tab in front."""

    def __init__(self, window: Window, page: NeuronsPage) -> None:
        self.window, self.page = window, page

    def figures(self, folder: Path, looked_through: Path | None) -> Iterator[tuple[str, Any]]:
        """Name and value of each figure."""
        first, *rest = photos(folder, 6)
        self.see(first)  # everything imported, engines made
        until(lambda: self.window.session.idle)
        yield "photo_of_12_megapixels_to_summary", spread([self.see(photo) for photo in rest])
        yield (
            "another_layer",
            spread([self.layer(name) for name in ("conv1", "layer3.1.conv2", DEEP)]),
        )
        self.page.tabs.setCurrentWidget(self.page.views["summary"])
        yield "ranking_512_filters_anew", spread([self.rank(choice) for choice in CHOICES])
        self.page.work.show_as(count=512)
        yield "ranking_512_rows_anew", spread([self.rank(choice) for choice in CHOICES])
        yield "scrolling_512_rows", spread(list(self.scroll("summary")))
        for name in ("grid", "heatmaps"):
            yield f"turning_a_page_of_{name}", spread(list(self.pages(name)))
            yield f"scrolling_a_page_of_{name}", spread(list(self.scroll(name)))
        self.page.work.show_as(count=6)
        for layer in ("layer2.0.conv1", DEEP):
            self.layer(layer)
            self.page.work.draw_pattern(0)
            took = until(lambda: not self.page.working)
            assert (layer, 0) in self.page.work.patterns
            yield f"pattern_{layer}", {"seconds": round(took / 1000, 2)}
        if looked_through is not None:
            yield from self.folder(looked_through)

    def see(self, photo: Path) -> float:
        """Open a photo; until the table shows its filters."""
        before = self.page.work.maps
        self.window.session.open_inputs([str(photo)])
        return until(lambda: self.shown(before))

    def layer(self, name: str) -> float:
        """Look into another layer."""
        if name == self.page.work.state.layer:
            return 0.0
        before = self.page.work.maps
        self.page.work.choose_layer(name)
        return until(lambda: self.shown(before))

    def shown(self, before: object) -> bool:
        """Whether there is a new ranking in the table."""
        work = self.page.work
        table = self.page.views["summary"].table  # type: ignore[attr-defined]
        return work.maps not in (None, before) and bool(work.state.ranking) and bool(table.filters)

    def rank(self, choice: Choice) -> float:
        """Rank anew and paint the table."""
        begin = time.perf_counter()
        self.page.controls.show_choice(choice)
        self.page.work.choose(choice)
        QApplication.processEvents()
        return 1000 * (time.perf_counter() - begin)

    def pages(self, name: str) -> Iterator[float]:
        """Each page of a view, until its maps are painted."""
        grid: Any = self.page.views[name]
        self.page.tabs.setCurrentWidget(grid)
        until(lambda: bool(grid.view.tiles))
        for number in range(1, grid.pages):
            before = grid.view.tiles
            begin = time.perf_counter()
            grid.turn(number)
            until(lambda before=before: grid.view.tiles is not before)  # type: ignore[misc]
            QApplication.processEvents()
            yield 1000 * (time.perf_counter() - begin)

    def scroll(self, name: str) -> Iterator[float]:
        """A view scrolled to its end in steps, each painted."""
        view: Any = self.page.views[name]
        self.page.tabs.setCurrentWidget(view)
        if name != "summary":
            view.turn(0)
            until(lambda: len(view.view.tiles) == PAGE)
        QApplication.processEvents()
        area = view.table if name == "summary" else view.findChild(QScrollArea)
        bar = area.verticalScrollBar()
        for value in range(0, bar.maximum() + 1, max(1, bar.maximum() // 40)):
            begin = time.perf_counter()
            bar.setValue(value)
            (view.table.viewport() if name == "summary" else view.view).repaint()
            yield 1000 * (time.perf_counter() - begin)

    def folder(self, place: Path) -> Iterator[tuple[str, Any]]:
        """A filter's life in 500 photos: time, memory at its height, and stopping it half way."""
        from petvision.app.neurons.filters import Patterns

        patterns = self.page.views["patterns"]
        assert isinstance(patterns, Patterns)
        self.layer("layer2.0.conv1")
        until(lambda: self.window.session.idle)  # what Explain computes is not this tab's
        stops = []
        for wait in (0.5, 1.0, 2.0, 3.0, 4.0):
            patterns.look_through(str(place))
            until(lambda: False, wait)
            self.page.stop()
            stops.append(until(lambda: self.window.session.idle))
        yield "stopping_the_folder", spread(stops)
        before = peak = megabytes()
        patterns.look_through(str(place))

        def done() -> bool:
            nonlocal peak
            peak = max(peak, megabytes())
            return patterns.biography is not None

        took = until(done, 600)
        assert patterns.biography is not None
        yield (
            "the_folder",
            {
                "photos": patterns.biography.photos,
                "seconds": round(took / 1000, 1),
                "memory_before_mb": before,
                "memory_at_most_mb": peak,
            },
        )


def megabytes() -> int:
    """What the process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="imagenet-resnet18-ktb", help="a name or a file")
    parser.add_argument("--photos", type=Path, help="a folder to look through")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args(arguments)
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["PETVISION_CACHE"] = str(folder / "cache")
        some = None
        if options.photos:
            some = folder / "some"
            some.mkdir()
            every = sorted(p for p in options.photos.iterdir() if p.suffix == ".jpg")
            for photo in every[:: max(1, len(every) // PHOTOS)][:PHOTOS]:
                (some / photo.name).symlink_to(photo)
        settings = Settings.load(folder / "settings.toml")
        settings.put("model", options.model)
        window = Window(settings, Theme(application, "light"))
        window.show()
        page = window.show_tab("neurons")
        assert isinstance(page, NeuronsPage)
        until(lambda: window.session.figures_ready)
        for name, value in Bench(window, page).figures(folder, some):
            found[name] = value
            print(f"{name:40} {value}", flush=True)
        window.close()
        until(lambda: False, 0.2)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
