"""The Train tab, from an empty window to a trained model in use, by mouse alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QSpinBox

from petvision.app.tabs import EXPLAIN
from petvision.app.train import plan
from petvision.app.train.form import SettingsForm
from petvision.app.train.page import TrainPage
from petvision.app.train.plan import Photos, Recipe, recipes, recognise, suited
from petvision.app.window import Window
from petvision.errors import ConfigError
from tests.gui.steps import WAIT_MS, drop, files

RECIPE = """# petvision train quick.yaml
#
# A quick try (DIR holds photos). It is small.
data: {source: folder, image_size: 32, resize: 36}
model: {architecture: resnet18, blocks_per_stage: [1, 1, 1, 1]}
optimizer: {lr: 1.0e-3}
training: {epochs: 2, batch_size: 8, amp: false, freeze_statistics: false, ema: 0.0}
unknown: {negatives: [], bank: 8}
device: cpu
"""


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Red photos and blue photos, and a file that is none."""
    rng = np.random.default_rng(0)
    root = tmp_path / "My Colours"
    for label, channel in (("red", 0), ("blue", 2)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 120, (40, 52, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(root / label / f"{number:02}.png")
    (root / "red" / "broken.png").write_bytes(b"no picture")
    return root


@pytest.fixture
def page(
    make_window: Callable[[], Window], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TrainPage:
    """The tab of a window whose only recipe is a quick one."""
    path = tmp_path / "quick.yaml"
    path.write_text(RECIPE)
    quick = Recipe(path, "quick", "A quick try.", yaml.safe_load(RECIPE))
    monkeypatch.setattr(plan, "recipes", lambda: [quick])
    monkeypatch.setattr(plan, "out_for", lambda name: tmp_path / "runs" / name)
    made = make_window().show_tab("train")
    assert isinstance(made, TrainPage)
    return made


def named(box: QMessageBox, text: str) -> QAbstractButton:
    return next(button for button in box.buttons() if button.text() == text)


def click(qtbot: Any, button: QAbstractButton) -> None:
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_from_an_empty_window_to_a_model_in_use(qtbot: Any, page: TrainPage, colours: Path):
    window = page.window()
    assert isinstance(window, Window)
    assert not page.setup.go.isEnabled()
    drop(window, files(colours))
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    assert "24 photos of 2 classes" in page.setup.found.accessibleName()
    assert page.setup.found.gallery.count() == 1  # the broken one, with its reason
    assert page.setup.name.text() == "my-colours"
    click(qtbot, page.setup.go)
    assert page.working
    qtbot.waitUntil(lambda: page.report.read is not None, timeout=WAIT_MS)
    assert not page.working
    assert len(page.running.moments) == 3
    evaluation = page.report.read.evaluation if page.report.read else None
    assert evaluation is not None
    page.report.show_photos("truth=0")
    assert page.report.gallery.count() == (evaluation.labels == 0).sum()
    click(qtbot, page.report.use_button)

    def in_use() -> bool:
        handle = window.session.handle
        return handle is not None and handle.card.name == "my-colours"

    qtbot.waitUntil(in_use, timeout=WAIT_MS)
    assert window.tab == EXPLAIN
    assert window.session.settings.get("model", "") == "my-colours"
    assert window.session.handle is not None
    assert window.session.handle.album is not None  # its photos came along


def test_a_stopped_run_goes_on(qtbot: Any, page: TrainPage, colours: Path):
    page.setup.take(colours)
    click(qtbot, page.setup.go)
    qtbot.waitUntil(lambda: bool(page.running.moments), timeout=WAIT_MS)
    click(qtbot, page.running.stop_button)
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    click(qtbot, page.running.resume_button)
    qtbot.waitUntil(lambda: page.report.read is not None, timeout=WAIT_MS)
    assert [m.epoch for m in sorted(page.running.moments, key=lambda m: m.epoch)] == [0, 1, 2]


def test_closing_while_training_asks_and_may_be_called_off(
    qtbot: Any, page: TrainPage, colours: Path, monkeypatch: pytest.MonkeyPatch
):
    page.setup.take(colours)
    click(qtbot, page.setup.go)
    asked: list[str] = []

    def cancel(box: QMessageBox) -> None:
        asked.append(box.text())
        box.button(QMessageBox.StandardButton.Cancel).click()

    monkeypatch.setattr(QMessageBox, "exec", cancel)
    window = page.window()
    window.close()
    assert asked == ["my-colours is still training."]
    assert window.isVisible()
    assert page.working
    monkeypatch.setattr(QMessageBox, "exec", lambda box: named(box, "Stop it").click())
    window.close()
    assert not window.isVisible()


def test_photos_that_cannot_be_trained_on_say_why_in_their_place(
    qtbot: Any, page: TrainPage, colours: Path
):
    assert not page.setup.take(colours / "red")
    assert "two or more folders" in page.setup.found.accessibleName()
    for number in range(12):
        (colours / "blue" / f"{number:02}.png").unlink()
    page.setup.take(colours)
    qtbot.waitUntil(
        lambda: "does not work yet" in page.setup.found.accessibleName(), timeout=WAIT_MS
    )
    assert not page.setup.go.isEnabled()


def test_settings_that_were_changed_are_part_of_the_run(qtbot: Any, page: TrainPage, colours: Path):
    page.setup.take(colours)
    page.setup.more.click()
    qtbot.waitUntil(lambda: bool(page.findChildren(SettingsForm)), timeout=WAIT_MS)
    form = page.findChildren(SettingsForm)[0]
    assert form.settings == ()
    [epochs] = [box for box in form.findChildren(QSpinBox) if box.accessibleName() == "Epochs"]
    epochs.setValue(5)
    assert page.setup.plan is not None
    assert page.setup.plan.settings == ("training.epochs=5",)
    words = page.setup.plan.words("--check")
    assert words[-2:] == ["--check", "--json"]
    assert "training.epochs=5" in words


def test_the_kind_of_photos_is_told_by_their_folders(tmp_path: Path):
    for name in ("a/cat", "a/dog", "b/train/cat", "b/train/dog", "b/test/cat", "c/images"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "c" / "annotations").mkdir()
    assert recognise(tmp_path / "a") == Photos("folder", tmp_path / "a", ("cat", "dog"))
    assert recognise(tmp_path / "b").splits
    assert recognise(tmp_path / "c").kind == "pets"
    with pytest.raises(ConfigError, match="two or more folders"):
        recognise(tmp_path / "a" / "cat")


def test_every_recipe_of_the_program_is_offered_with_a_sentence():
    offered = recipes()
    assert offered
    for recipe in offered:
        assert recipe.words.endswith(".")
        assert "DIR" not in recipe.words
    photos = Photos("pets", Path("x"))
    assert suited(offered, photos)[0].source == "pets"
