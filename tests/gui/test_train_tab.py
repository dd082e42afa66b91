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
from PySide6.QtWidgets import QAbstractButton, QLabel, QListWidgetItem, QMessageBox, QSpinBox

from petvision.app.tabs import EXPLAIN
from petvision.app.train import plan
from petvision.app.train.form import SettingsForm
from petvision.app.train.page import TrainPage
from petvision.app.train.plan import Photos, Plan, Recipe, recipes, recognise, suited
from petvision.app.train.runs import RunsDialog, earlier
from petvision.app.window import Window
from petvision.errors import ConfigError
from petvision.lock import FolderLock
from tests.gui.steps import WAIT_MS, drop, files
from training.settings import load_config

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
    monkeypatch.setattr(plan, "home", lambda: tmp_path / "runs")
    made = make_window().show_tab("train")
    assert isinstance(made, TrainPage)
    return made


def named(box: QMessageBox, text: str) -> QAbstractButton:
    return next(button for button in box.buttons() if button.text() == text)


def click(qtbot: Any, button: QAbstractButton) -> None:
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled(), timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def spin(page: TrainPage, name: str) -> QSpinBox:
    """The number of that name in the settings."""
    form = page.findChildren(SettingsForm)[-1]
    [box] = [box for box in form.findChildren(QSpinBox) if box.accessibleName() == name]
    return box


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


def test_a_stopped_run_is_found_again_by_another_window_and_goes_on_there(
    qtbot: Any, page: TrainPage, colours: Path, make_window: Callable[[], Window]
):
    page.setup.take(colours)
    click(qtbot, page.setup.go)
    qtbot.waitUntil(lambda: bool(page.running.moments), timeout=WAIT_MS)
    click(qtbot, page.running.stop_button)
    qtbot.waitUntil(lambda: not page.working, timeout=WAIT_MS)
    page.window().close()

    later = make_window().show_tab("train")
    assert isinstance(later, TrainPage)
    name, state = chosen_run(qtbot, later)
    epochs = [moment.epoch for moment in page.running.moments]
    assert (name, state) == ("my-colours", f"stopped after epoch {epochs[-1]:g} of 2")
    assert [moment.epoch for moment in later.running.moments] == epochs
    click(qtbot, later.running.resume_button)
    qtbot.waitUntil(lambda: later.report.read is not None, timeout=WAIT_MS)
    assert sorted(moment.epoch for moment in later.running.moments) == [0, 1, 2]
    click(qtbot, later.report.back_button)
    later.report.read = None

    assert chosen_run(qtbot, later) == ["my-colours", "finished"]
    qtbot.waitUntil(lambda: later.report.read is not None, timeout=WAIT_MS)
    click(qtbot, later.report.use_button)
    window = later.window()
    assert isinstance(window, Window)
    qtbot.waitUntil(
        lambda: window.session.settings.get("model", "") == "my-colours", timeout=WAIT_MS
    )


def chosen_run(qtbot: Any, page: TrainPage) -> list[str]:
    """Show the first of the earlier runs; what the list says of it."""
    click(qtbot, page.setup.runs)
    dialog = page.findChildren(RunsDialog)[-1]
    click(qtbot, dialog.show_button)
    return [dialog.list.topLevelItem(0).text(column) for column in (0, 1)]


def test_a_run_that_is_at_work_in_the_background_is_only_looked_at(page: TrainPage, tmp_path: Path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    tree = {"data": {"source": "folder", "root": "/photos", "classes": []}}
    tree |= {"training": {"epochs": 3}, "model": {"name": "mine"}}
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))
    (folder / "events.jsonl").write_text(
        '{"event": "epoch", "number": 1, "validation_loss": 0.5, "validation_accuracy": 0.75}\n'
    )
    for broken, text in (("torn", "data: ["), ("other", "data: {}"), ("none", "")):
        (tmp_path / "runs" / broken).mkdir()
        (tmp_path / "runs" / broken / "config.yaml").write_text(text)
    lock = FolderLock(folder)
    [run] = earlier(tmp_path / "runs")
    assert run.at_work
    page.show_run(run)
    assert page.running.back_button.isVisible()
    assert not page.running.resume_button.isVisible()
    assert [moment.accuracy for moment in page.running.moments] == [0.75]
    lock.release()
    assert not earlier(tmp_path / "runs")[0].at_work


def test_no_runs_are_told_as_such(qtbot: Any, page: TrainPage):
    click(qtbot, page.setup.runs)
    dialog = page.findChildren(RunsDialog)[-1]
    qtbot.waitUntil(
        lambda: any("No run was begun" in label.text() for label in dialog.findChildren(QLabel)),
        timeout=WAIT_MS,
    )
    assert not dialog.show_button.isEnabled()
    dialog.reject()


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
    assert page.findChildren(SettingsForm)[0].settings == ()
    spin(page, "Epochs").setValue(5)
    assert page.setup.plan is not None
    assert page.setup.plan.settings == ("training.epochs=5",)
    words = page.setup.plan.words("--check")
    assert words[-2:] == ["--check", "--json"]
    assert "training.epochs=5" in words


def test_changed_settings_stay_when_their_form_is_folded_away(
    qtbot: Any, page: TrainPage, colours: Path
):
    page.setup.take(colours)
    page.setup.more.click()
    qtbot.waitUntil(lambda: bool(page.findChildren(SettingsForm)), timeout=WAIT_MS)
    spin(page, "Epochs").setValue(5)
    page.setup.more.click()
    assert not page.findChildren(SettingsForm)[0].isVisible()
    assert page.setup.plan is not None
    assert page.setup.plan.settings == ("training.epochs=5",)
    page.setup.more.click()
    assert spin(page, "Epochs").isVisible()


def test_whatever_changes_the_split_is_checked_again(
    qtbot: Any, page: TrainPage, colours: Path, tmp_path: Path
):
    path = tmp_path / "other.yaml"
    path.write_text(RECIPE.replace("36}", "36, validation: 0.4}") + "seed: 9\n")
    page.setup.offer(Recipe(path, "other", "Another.", yaml.safe_load(path.read_text())))
    page.setup.recipe.setCurrentIndex(page.setup.recipe.findText("quick"))
    page.setup.take(colours)
    page.setup.recipe.setCurrentIndex(page.setup.recipe.findText("quick"))
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    page.setup.recipe.setCurrentIndex(page.setup.recipe.findText("other"))
    assert not page.setup.go.isEnabled()
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    page.setup.more.click()
    qtbot.waitUntil(lambda: bool(page.findChildren(SettingsForm)), timeout=WAIT_MS)
    spin(page, "Seed").setValue(11)
    assert not page.setup.go.isEnabled()
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    spin(page, "Seed").setValue(9)  # as the recipe has it, but not as it was checked
    assert not page.setup.go.isEnabled()
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    spin(page, "Epochs").setValue(1)  # has no part in it
    assert page.setup.go.isEnabled()
    click(qtbot, page.setup.go)
    qtbot.waitUntil(lambda: page.report.read is not None, timeout=WAIT_MS)


def test_a_photo_that_was_left_out_is_seen_with_its_reason(
    qtbot: Any, page: TrainPage, colours: Path
):
    for photo in sorted((colours / "red").glob("0*.png")):
        photo.with_stem(f"twin of {photo.stem}").write_bytes(photo.read_bytes())
    page.setup.take(colours)
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    gallery = page.setup.found.gallery
    items = [gallery.item(row) for row in range(gallery.count())]
    [broken] = [item for item in items if item.text().startswith("broken.png")]
    twins = [item for item in items if "shows the same photo" in item.text()]
    assert twins
    assert Path(broken.data(Qt.ItemDataRole.UserRole)).is_file()

    def redness(item: QListWidgetItem) -> int:
        colour = item.icon().pixmap(96, 96).toImage().pixelColor(48, 48)
        return colour.red() - max(colour.green(), colour.blue())

    qtbot.waitUntil(lambda: all(redness(item) > 40 for item in twins), timeout=WAIT_MS)


def test_a_folder_of_any_name_is_trained_on_as_it_is(qtbot: Any, page: TrainPage, colours: Path):
    wrong = colours.with_name("cats")
    for label in ("tom", "tim"):
        (wrong / label).mkdir(parents=True)
    place = colours.rename(colours.with_name("cats #2: 'é'"))
    page.setup.take(place)
    qtbot.waitUntil(page.setup.go.isEnabled, timeout=WAIT_MS)
    assert "24 photos of 2 classes" in page.setup.found.accessibleName()


@pytest.mark.parametrize(
    "name", ["2024", "yes", "cats #2", "my: photos", 'it\'s "x" ', "a\udcff\n"]
)
def test_the_words_that_start_a_run_say_what_was_chosen(tmp_path: Path, name: str):
    path = tmp_path / "quick.yaml"
    path.write_text(RECIPE)
    recipe = Recipe(path, "quick", "A quick try.", {})
    chosen = Plan(Photos("folder", tmp_path / name), recipe, "2024", tmp_path / "runs" / name)
    words = chosen.words()
    config = load_config(path, [words[i + 1] for i, word in enumerate(words) if word == "--set"])
    assert config.data.root == tmp_path / name
    assert config.out == tmp_path / "runs" / name
    assert config.model.name == "2024"


def test_the_kind_of_photos_is_told_by_their_folders(tmp_path: Path):
    for name in ("a/cat", "a/dog", "b/train/cat", "b/train/dog", "b/test/cat", "c/images"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "c" / "annotations").mkdir()
    assert recognise(tmp_path / "a") == Photos("folder", tmp_path / "a", ("cat", "dog"))
    assert recognise(tmp_path / "b").splits
    assert recognise(tmp_path / "c").kind == "pets"
    with pytest.raises(ConfigError, match="two or more folders"):
        recognise(tmp_path / "a" / "cat")


def test_the_layouts_that_the_trainer_reads_are_recognised(tmp_path: Path):
    for name in ("down/oxford-iiit-pet/images", "down/oxford-iiit-pet/annotations"):
        (tmp_path / name).mkdir(parents=True)
    assert recognise(tmp_path / "down") == Photos(
        "pets", tmp_path / "down", ("cat", "dog"), splits=True
    )
    for kind, inner, test in (
        ("cifar10", "cifar-10-batches-py", "test_batch"),
        ("cifar100", "cifar-100-python", "test"),
    ):
        batches = tmp_path / kind / inner
        batches.mkdir(parents=True)
        (batches / test).write_bytes(b"")
        assert recognise(batches) == Photos(kind, batches, splits=True)
        assert recognise(batches.parent) == Photos(kind, batches.parent, splits=True)


def test_a_folder_is_cifar_only_where_it_is_laid_out_so(tmp_path: Path):
    for number in range(10):
        for place in ("my-cifar10", "cifar10/train", "cifar10/test", "cifar10-val/train",
                      "cifar10-val/val", "cifar10-val/test"):  # fmt: skip
            (tmp_path / place / f"class {number}").mkdir(parents=True)
    assert recognise(tmp_path / "my-cifar10").kind == "folder"
    assert recognise(tmp_path / "cifar10").kind == "cifar10"
    kept = recognise(tmp_path / "cifar10-val")  # the reader of CIFAR would not see its val
    assert kept.kind == "folder"
    assert len(kept.classes) == 10


def test_what_is_measured_on_is_the_test_part_where_there_is_one(tmp_path: Path):
    for name in ("whole/a", "both/train/a", "both/test/a", "parts/train/a", "parts/val/b"):
        (tmp_path / name).mkdir(parents=True)
    specs = {name: recognise(tmp_path / name, least=1).spec for name in ("whole", "both", "parts")}
    assert specs == {
        "whole": f"folder:{tmp_path / 'whole'}",
        "both": f"folder:{tmp_path / 'both'}",
        "parts": f"folder:{tmp_path / 'parts'}@trainval",
    }
    assert recognise(tmp_path / "parts").classes == ("a", "b")


def test_the_open_model_is_measured_on_any_of_these_layouts(
    qtbot: Any, page: TrainPage, tmp_path: Path
):
    home = tmp_path / "down" / "oxford-iiit-pet"
    for name in ("images", "annotations"):
        (home / name).mkdir(parents=True)
    lines = []
    for number, (name, species) in enumerate((("Abyssinian", 1), ("beagle", 2)) * 4):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 52, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / "images" / f"{name}_{number}.jpg")
        lines.append(f"{name}_{number} 1 {species} 1")
    (home / "annotations" / "test.txt").write_text("\n".join(lines))
    window = page.window()
    assert isinstance(window, Window)
    qtbot.waitUntil(lambda: window.session.handle is not None, timeout=WAIT_MS)
    page.evaluate(tmp_path / "down")
    qtbot.waitUntil(lambda: page.report.read is not None, timeout=WAIT_MS)
    assert page.report.read is not None
    assert len(page.report.read.evaluation.labels) == 8
    page.evaluate(tmp_path / "down" / "nothing.txt")
    assert not page.working


def test_every_recipe_of_the_program_is_offered_with_a_sentence():
    offered = recipes()
    assert offered
    for recipe in offered:
        assert recipe.words.endswith(".")
        assert "DIR" not in recipe.words
    photos = Photos("pets", Path("x"))
    assert suited(offered, photos)[0].source == "pets"
