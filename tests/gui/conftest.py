"""Real windows, a real (tiny) network in a real model file, and an alarm for what is left over."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from petvision.app.settings import Settings
from petvision.app.theme import Theme
from petvision.app.window import Window


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model file: a residual network of four blocks on 64 pixels, never trained."""
    import torch

    from petvision.models import architectures
    from petvision.models.cards import Card, InputCard, UnknownCard
    from petvision.models.files import write_model

    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(1)
    blocks = (1, 1, 1, 1)
    network = architectures.build("resnet18", 2, blocks)
    card = Card(
        name="catdog-resnet101",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("cat", "dog"),
        input=InputCard(size=64, resize=64),
        unknown=UnknownCard(score="max_softmax", threshold=2.0),
    )
    write_model(folder / "catdog-resnet101.safetensors", card, network.state_dict())
    return folder


@pytest.fixture
def bundled_model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model is the bundled one, and the machine's own engine measurement is not taken."""
    monkeypatch.setenv("PETVISION_WEIGHTS", str(tiny_model))
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Temporary files go into a folder that is empty at the end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    yield
    left = [path.name for path in temporary.rglob("*") if path.is_file()]
    assert not left, f"temporary files left over: {left}"


@pytest.fixture(autouse=True)
def _leak_alarm(qapp: QApplication) -> Iterator[None]:
    """Nothing a test started may outlive it: no thread, no window, no timer."""
    before = set(threading.enumerate())
    yield
    settle(qapp)
    started = set(threading.enumerate()) - before
    threads = [t for t in started if not isinstance(t, threading._DummyThread) and t.is_alive()]
    # By type, not by isinstance: that one wakes torch's lazy proxies up.
    found = [o for o in gc.get_objects() if issubclass(type(o), (QThread, QTimer))]
    found = [o for o in found if isValid(o)]
    lanes = [o for o in found if isinstance(o, QThread) and o.isRunning()]
    timers = [o for o in found if isinstance(o, QTimer) and o.isActive()]
    windows = [w for w in qapp.topLevelWidgets() if w.isVisible()]
    left = {"threads": threads, "lanes": lanes, "timers": timers, "windows": windows}
    assert not any(left.values()), left


def settle(application: QApplication) -> None:
    """Let queued events and deletions happen."""
    for _ in range(3):
        application.processEvents()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """A light theme."""
    made = Theme(qapp, "light")
    yield made
    made.deleteLater()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of their own."""
    return Settings.load(tmp_path / "config" / "settings.toml")


@pytest.fixture
def make_window(
    qtbot: Any, theme: Theme, settings: Settings, bundled_model: None
) -> Iterator[Callable[[], Window]]:
    """Opens windows and closes them again; a bug's report fails the test."""
    windows: list[Window] = []
    reports: list[str] = []

    def make() -> Window:
        window = Window(settings, theme)
        window.session.crashed.connect(reports.append)
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.close()
        window.deleteLater()
    assert not reports, reports[0]


@pytest.fixture
def window(make_window: Callable[[], Window]) -> Window:
    """A window on the screen."""
    return make_window()


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Makes photos: ``photo("tom.jpg", seed=3)`` is 96×72 pixels of coloured noise."""
    folder = tmp_path / "photos"
    folder.mkdir()

    def make(name: str, seed: int = 0, size: tuple[int, int] = (96, 72)) -> Path:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        path = folder / name
        Image.fromarray(pixels).save(path)
        return path

    return make
