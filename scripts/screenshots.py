"""Take the window's pictures for the README and for review, light and dark.

    python scripts/screenshots.py [FOLDER] [--theme light|dark] [--only NAME [NAME …]]

Only sample photos that travel with the program are in them. Without a display the script starts
its own Xvfb. Every picture is taken of the real window, with the bundled model at work.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "screenshots"
SAMPLES = ROOT / "resources" / "samples"
SIZE = (1600, 1000)
LIMIT_S = 1800
NAMES = ("empty", "working", "explain", "large", "unknown", "error", "train", "training", "trained")
NEURONS = ("summary", "heatmaps", "grid", "detail", "patterns", "prediction")
NAMES += tuple(f"neurons-{name}" for name in NEURONS)
NAMES += ("brush", "compare", "trust")
DIALOGS = ("guide", "licences", "about", "shortcuts", "preferences", "card", "export", "local-api")
DIALOGS += ("report", "models")
NAMES += DIALOGS
RECIPE = """# petvision train quick.yaml
#
# A small network, to try the tab with.
data: {source: folder, image_size: 48, resize: 48}
model: {architecture: resnet18, blocks_per_stage: [1, 1, 1, 1]}
optimizer: {lr: 1.0e-3}
training: {epochs: 8, batch_size: 8, amp: false, freeze_statistics: false, ema: 0.0}
unknown: {negatives: [], bank: 8}
device: cpu
"""

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog, QWidget

    from petvision.app.window import Window


@contextmanager
def display() -> Iterator[None]:
    """A display to draw on: the one there is, or an Xvfb of our own."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform != "linux":
        yield
        return
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        sys.exit("There is no display and no Xvfb: install it (apt-get install xvfb).")
    read, write = os.pipe()
    command = [xvfb, "-displayfd", str(write), "-screen", "0", "1920x1200x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        os.environ["DISPLAY"] = f":{told.readline().strip()}"
    try:
        yield
    finally:
        server.terminate()
        server.wait()


class Photographer:
    """Drives one window through its states and saves a picture of each."""

    def __init__(self, window: Window, folder: Path, only: Sequence[str]) -> None:
        self.window = window
        self.folder = folder
        self.only = only

    def until(self, condition: Callable[[], object], more_ms: int = 400) -> None:
        """Let the window live until a condition holds, and a little longer."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        watch = QTimer()
        watch.timeout.connect(lambda: condition() and loop.quit())
        watch.start(20)
        limit = QTimer()
        limit.setSingleShot(True)
        limit.timeout.connect(loop.quit)
        limit.start(LIMIT_S * 1000)
        loop.exec()
        watch.stop()
        if not condition():
            sys.exit("The window did not get there in time.")
        limit.start(more_ms)
        loop.exec()

    def take(self, name: str, what: QWidget | None = None) -> None:
        """Save a picture of the window, or of one of its dialogs."""
        path = self.folder / f"{name}-{self.window.theme.choice}.png"
        (what or self.window).grab().save(str(path))
        pack(path)
        print(f"{path}  {path.stat().st_size // 1024} KB")

    def wanted(self, name: str) -> bool:
        """Whether that picture was asked for."""
        return not self.only or name in self.only

    def show(self, *photos: Path) -> None:
        """Start with these photos alone."""
        self.window.column.clear()
        self.window.session.open_inputs([str(photo) for photo in photos])

    def finished(self) -> bool:
        """Whether all panels of the photo in view are done and drawn."""
        panels = self.window.view.grid.panels.values()
        done = all(p.panel.status in ("done", "failed") and p.drawn for p in panels)
        photo = self.window.session.current
        return bool(photo is not None and photo.prediction is not None and panels and done)

    def half_way(self) -> bool:
        """Whether some panels are done and others work."""
        panels = list(self.window.session.explanations.panels.values())
        done = [panel for panel in panels if panel.status == "done"]
        seen = [panel for panel in panels if panel.status == "working" and panel.explanation]
        return len(done) >= 3 and bool(seen)

    def all(self, broken: Path) -> None:
        """Every picture, in the order in which a person would meet the states."""
        session = self.window.session
        cat, dog, neither = (SAMPLES / f"{name}.jpg" for name in ("cat", "dog", "neither"))
        if self.wanted("empty"):
            self.until(lambda: session.figures_ready)
            self.take("empty")
        if self.wanted("working"):
            self.show(cat, dog, neither)
            self.until(self.half_way, 0)
            self.take("working")
        if self.wanted("explain") or self.wanted("large"):
            self.show(cat, dog, neither)
            self.until(self.finished, 2500)
            self.window.view.grid.choose("occlusion")
            self.until(self.finished)
            if self.wanted("explain"):
                self.take("explain")
            if self.wanted("large"):
                self.window.view.grid.show_alone("gradcam")
                self.window.view.grid.choose("gradcam")
                self.until(self.finished)
                self.take("large")
        self.tools(cat, dog)
        if self.wanted("unknown"):
            self.show(neither, cat, dog)
            self.until(self.finished, 2500)
            self.take("unknown")
        if self.wanted("error"):
            self.show(broken, cat, dog)
            self.until(lambda: session.current and session.current.error, 2500)
            self.take("error")
        if any(self.wanted(f"neurons-{name}") for name in NEURONS):
            self.neurons(cat)
        if any(self.wanted(name) for name in ("train", "training", "trained")):
            self.training(broken.parent)
        if any(self.wanted(name) for name in DIALOGS):
            self.dialogs()

    def neurons(self, photo: Path) -> None:
        """The Neurons tab's six views of a ResNet-18's first choice of layer."""
        from petvision.app.neurons.page import NeuronsPage

        session = self.window.session
        page = self.window.show_tab("neurons")
        assert isinstance(page, NeuronsPage)
        self.until(lambda: session.handle and not session.opening)
        session.use_model("catdog-resnet18")
        self.until(lambda: session.handle.card.name == "catdog-resnet18" and not session.opening)
        self.show(photo)
        self.until(lambda: page.work.state.ranking)
        for name in NEURONS:
            if not self.wanted(f"neurons-{name}"):
                continue
            page.tabs.setCurrentWidget(page.views[name])
            if name == "patterns":
                page.work.draw_pattern(page.work.state.selected)
            if name == "prediction":
                page.work.silence(page.work.state.selected)
            self.until(lambda: not page.work.working, 1500)
            self.take(f"neurons-{name}")
        page.work.restore()
        session.use_model("")
        self.until(lambda: not session.opening)
        self.window.show_tab("explain")

    def training(self, place: Path) -> None:
        """The Train tab, with painted photos that any network learns in seconds."""
        from petvision.app.train import plan
        from petvision.app.train.page import TrainPage

        recipe = place / "quick.yaml"
        recipe.write_text(RECIPE, encoding="utf-8")
        plan.out_for = lambda name: place / "runs" / name  # type: ignore[assignment]
        page = self.window.show_tab("train")
        assert isinstance(page, TrainPage)
        quick = plan.read_recipe(recipe)
        page.setup.offer(quick)
        page.setup.take(paint(place / "Shapes"))
        self.until(page.setup.go.isEnabled)
        if self.wanted("train"):
            self.take("train")
        page.setup.go.click()
        self.until(lambda: len(page.running.moments) > 4 or not page.working)
        if self.wanted("training"):
            self.take("training")
        self.until(lambda: page.report.complete, 1500)
        if self.wanted("trained"):
            self.take("trained")

    def tools(self, cat: Path, dog: Path) -> None:
        """The brush, the Compare tab and what stands behind a trust badge."""
        from petvision.app.compare.page import ComparePage
        from petvision.app.explain.badge import TrustDialog
        from petvision.app.widgets.canvas import Canvas

        session, view = self.window.session, self.window.view
        if not any(self.wanted(name) for name in ("brush", "compare", "trust")):
            return
        self.show(cat, dog)
        self.until(self.finished)
        if self.wanted("brush"):
            view.paint()
            self.until(lambda: view.brush.ready)
            view.brush.finder.click()
            self.until(lambda: not view.brush.searching and view.brush.answered)
            self.take("brush")
            view.stop_painting()
        if self.wanted("compare"):
            page = self.window.show_tab("compare")
            assert isinstance(page, ComparePage)
            self.until(lambda: page.comparison and not page.working)
            self.take("compare")
            self.window.show_tab("explain")
        if self.wanted("trust"):
            self.until(lambda: session.explanations.trusts.of("gradcam"))
            view.grid.wanted.emit("gradcam", "trust")
            (dialog,) = self.window.findChildren(TrustDialog)
            self.until(lambda: not any(one.pending for one in dialog.findChildren(Canvas)))
            self.take("trust", dialog)
            dialog.reject()

    def dialogs(self) -> None:
        """The windows that menus open, and a crash report."""
        from petvision.app import crash, dialogs, exporting, local_api, preferences, zoo
        from petvision.app import help as helping
        from petvision.models.cards import markdown

        window, session = self.window, self.window.session
        self.until(lambda: session.handle is not None and not session.opening)
        card = session.handle.card
        make: dict[str, Callable[[], QDialog]] = {
            "guide": lambda: helping.Guide(session, window),
            "licences": lambda: helping.Licences(window),
            "about": lambda: helping.about(window),
            "shortcuts": lambda: dialogs.shortcuts(window.menus.actions, window),
            "preferences": lambda: preferences.Preferences(session, window.theme, window),
            "card": lambda: dialogs.model_card(markdown(card), card.name, window),
            "export": lambda: exporting.ExportDialog(card.name, card.name, "", window),
            "local-api": lambda: local_api.LocalApiDialog(window.local_api, card.name, window),
            "models": lambda: zoo.ZooDialog(window.zoo, window.theme, window.close, window),
            "report": lambda: crash.CrashDialog(crash.diagnostics(), window),
        }
        for name in filter(self.wanted, DIALOGS):
            dialog = make[name]()
            dialog.show()
            self.until(dialog.isVisible, 1000)
            self.take(name, dialog)
            dialog.close()


def paint(root: Path) -> Path:
    """Photos to train on that are nobody's: suns and moons over noise."""
    import numpy as np
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(0)
    for label, colour in (("moon", (190, 200, 230)), ("sun", (250, 200, 60))):
        (root / label).mkdir(parents=True)
        for number in range(30):
            image = Image.fromarray(rng.integers(20, 90, (120, 160, 3), np.uint8))
            x, y, r = (int(v) for v in rng.integers((40, 40, 14), (120, 80, 34)))
            pen = ImageDraw.Draw(image)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
            if label == "moon":
                pen.ellipse((x - r // 3, y - r, x + r, y + r), fill=(40, 45, 60))
            image.save(root / label / f"{number:02}.jpg")
    (root / "sun" / "torn.jpg").write_bytes((root / "sun" / "00.jpg").read_bytes()[:900])
    return root


def pack(path: Path) -> None:
    """Make the picture small: 256 colours, dithered, do for a screen."""
    from PIL import Image

    with Image.open(path) as image:
        whole = image.convert("RGB")
        palette = whole.quantize(256, Image.Quantize.MEDIANCUT)
        small = whole.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    small.save(path, optimize=True)


def photograph(folder: Path, theme: str, only: Sequence[str]) -> None:
    """One theme's pictures."""
    from PySide6.QtWidgets import QApplication

    from petvision.app.settings import Settings
    from petvision.app.theme import Theme
    from petvision.app.window import Window

    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    with tempfile.TemporaryDirectory() as place:
        broken = Path(place) / "holiday.jpg"
        broken.write_bytes((SAMPLES / "cat.jpg").read_bytes()[:9000])
        os.environ["PETVISION_CACHE"] = place  # what is remembered is never seen at work
        window = Window(Settings.load(Path(place) / "settings.toml"), Theme(application, theme))  # type: ignore[arg-type]
        window.session.crashed.connect(sys.exit)
        window.resize(*SIZE)
        window.show()
        try:
            Photographer(window, folder, only).all(broken)
        finally:
            window.close()
            window.deleteLater()


def main() -> int:
    parser = argparse.ArgumentParser(description="Take pictures of the window.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--theme", choices=("light", "dark"))
    parser.add_argument("--only", choices=NAMES, nargs="+", default=())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with display():
        for theme in [options.theme] if options.theme else ["light", "dark"]:
            photograph(options.folder, theme, options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
