"""The window's parts: forms, card, badges, saving, theme, crash report."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox

from petvision.app import saving
from petvision.app.crash import CrashReporter
from petvision.app.explain.card import PredictionCard, why_unknown
from petvision.app.explain.form import ParameterForm
from petvision.app.icons import picture
from petvision.app.photos.model import Photo, PhotoModel
from petvision.app.theme import Theme
from petvision.app.window import Window
from petvision.errors import InputError
from petvision.figures.style import DARK, LIGHT
from petvision.images.types import ImageFacts, Milliseconds, Source
from petvision.models.results import ModelIdentity, Prediction
from petvision.places import bundled
from tests.gui.steps import WAIT_MS, drop, files, finished

PREDICTION = Prediction(
    label="cat",
    scores={"dog": 0.00001, "cat": 0.99999},
    logits=(0.0, 12.0),
    confidence=0.99999,
    unknown=False,
    unknown_score=0.25,
    unknown_threshold=3.0,
    model=ModelIdentity("catdog", "0" * 64),
    image=ImageFacts(4032, 3024, "JPEG", "1" * 64),
    engine="torch-fp32",
    ms=Milliseconds(3, 21, 4, 62),
)
UNKNOWN = replace(PREDICTION, label="unknown", unknown=True, unknown_score=4.56)

SCHEMA = {
    "properties": {
        "layer": {"type": "string", "default": "", "title": "Layer", "description": "Which."},
        "steps": {"type": "integer", "default": 32, "minimum": 2, "maximum": 1024},
        "share": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1},
        "fill": {"enum": ["mean", "black"], "type": "string", "default": "mean"},
        "exact": {"type": "boolean", "default": False},
        "seed": {"type": "integer", "default": 0, "minimum": 0, "maximum": 2**32 - 1},
    }
}


def test_a_form_has_the_right_field_for_every_kind_of_parameter(qtbot: Any):
    form = ParameterForm(SCHEMA, {"steps": 64}, {"layer": ["conv1", "layer4.2.conv3"]})
    qtbot.addWidget(form)
    assert form.values == {
        "layer": "",
        "steps": 64,
        "share": 0.5,
        "fill": "mean",
        "exact": False,
        "seed": 0,
    }
    heard: list[dict[str, object]] = []
    form.changed.connect(heard.append)
    form.findChildren(QSpinBox)[0].setValue(1)
    form.findChildren(QDoubleSpinBox)[0].setValue(0.25)
    form.findChildren(QComboBox)[0].setCurrentIndex(1)
    form.findChildren(QCheckBox)[0].setChecked(True)
    line = next(one for one in form.findChildren(QLineEdit) if one.placeholderText())
    line.setText(" conv1 ")
    line.editingFinished.emit()
    assert len(heard) == 5
    assert heard[-1] == {
        "layer": "conv1",
        "steps": 2,
        "share": 0.25,
        "fill": "black",
        "exact": True,
        "seed": 0,
    }
    assert all(not one.acceptDrops() for one in form.findChildren(QLineEdit))


def test_the_card_tells_the_verdict_and_never_a_certainty(qtbot: Any, theme: Theme):
    card = PredictionCard(theme)
    qtbot.addWidget(card)
    card.show_prediction(PREDICTION)
    assert card.accessibleName().startswith("Cat  ·  over 99.9 %")
    assert "100" not in card.accessibleName()


def test_the_card_says_why_a_photo_is_unknown(qtbot: Any, theme: Theme):
    card = PredictionCard(theme)
    qtbot.addWidget(card)
    card.show_prediction(UNKNOWN)
    assert card.accessibleName().startswith("Unknown.")
    assert all(word in why_unknown(UNKNOWN) for word in ("cat", "dog", "4.56", "above 3"))


def test_badges_tell_verdict_doubt_and_error_apart_in_words():
    photo = Photo(1, Source("file", "/a.jpg", "a.jpg"))
    assert photo.badge == ""
    photo.prediction = PREDICTION
    assert photo.badge == "Cat > 99.9 %"
    photo.prediction = UNKNOWN
    assert photo.badge == "Unknown"
    photo.error = InputError("not_found", "a.jpg", remedy="Was it moved?")
    assert photo.badge == "Cannot be opened"


def test_the_list_keeps_its_rows_straight_when_some_are_removed(qtbot: Any, qtmodeltester: Any):
    model = PhotoModel()
    sources = [Source("file", f"/{number}.jpg", f"{number}.jpg") for number in range(10)]
    photos = model.add(sources)
    model.remove([0, 1, 5, 9])
    kept = [model.photo(row) for row in range(model.rowCount())]
    assert kept == [photos[number] for number in (2, 3, 4, 6, 7, 8)]
    assert [model.row_of(photo) for photo in kept if photo] == list(range(6))
    assert photos[5] not in model
    assert model.add([sources[5]])[0] is not photos[5]
    assert model.add([sources[6]])[0] is photos[6]
    qtmodeltester.check(model)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_the_icons_take_the_themes_colours(qtbot: Any, theme: Theme, choice: Any):
    theme.choose(choice)
    assert theme.style is (DARK if choice == "dark" else LIGHT)
    image = picture("cat", theme.style.text, 24).toImage()
    seen = {
        image.pixelColor(x, y).name()
        for x in range(24)
        for y in range(24)
        if image.pixelColor(x, y).alpha() == 255
    }
    assert theme.style.text in seen


def test_every_icon_the_program_names_is_there():
    folder = bundled("resources", "icons", "lucide")
    assert (folder / "LICENSE").is_file()
    named = {path.stem for path in folder.glob("*.svg")}
    source = "\n".join(path.read_text() for path in bundled("petvision", "app").rglob("*.py"))
    unused = {name for name in named if f'"{name}"' not in source}
    assert not unused, f"icons that nothing shows: {sorted(unused)}"


@pytest.fixture
def explained(qtbot: Any, window: Window, photo: Callable[..., Path], tmp_path: Path) -> Window:
    """A window with all panels of one photo done, and Grad-CAM chosen."""
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: finished(window), timeout=WAIT_MS)
    window.view.grid.choose("gradcam")
    return window


def test_a_panel_is_saved_in_every_format_and_copied(qtbot: Any, explained: Window, tmp_path: Path):
    explanation = explained.saving.panel.explanation
    for kind in ("png", "svg", "npy"):
        explained.saving.write(explanation, kind, tmp_path / f"panel.{kind}")
        qtbot.waitUntil((tmp_path / f"panel.{kind}").exists, timeout=WAIT_MS)
    with Image.open(tmp_path / "panel.png") as image:
        assert min(image.size) > 500
    assert "<svg" in (tmp_path / "panel.svg").read_text()[:1000]
    assert np.array_equal(np.load(tmp_path / "panel.npy"), explanation.heat)
    QGuiApplication.clipboard().clear()
    explained.saving.copy_panel()
    qtbot.waitUntil(lambda: not QGuiApplication.clipboard().image().isNull(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "clipboard" in explained.status.text, timeout=WAIT_MS)
    QGuiApplication.clipboard().clear()


def test_all_panels_are_saved_in_a_folder_named_after_the_photo(explained: Window, tmp_path: Path):
    session = explained.session
    record = explained.saving.explained
    assert record is not None
    place = saving.save_pack(tmp_path, session.visit.encoded, record, session.handle.spec)
    assert (place / "case.html").stat().st_size > 10_000
    assert place == tmp_path / "tom"
    names = {path.name for path in place.iterdir()}
    assert {"gradcam.png", "gradcam.npy", "kernels.png", "explanation.json"} <= names


def test_a_fault_in_any_thread_becomes_one_dialog_with_its_report(qtbot: Any):
    owner = QObject()
    before = (sys.excepthook, threading.excepthook)
    reporter = CrashReporter(owner)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: reporter.dialog is not None)
    reporter.show("a second fault")
    report = reporter.dialog.report
    assert "ZeroDivisionError" in report
    assert "a second fault" in report
    assert "PetVision" in report
    reporter.dialog.close()
    reporter.close()
    assert (sys.excepthook, threading.excepthook) == before


def test_calls_of_qt_give_no_reference_to_none_away(qtbot: Any):
    """PySide6 6.12.0 does so with every call, and Python 3.11 ends when none is left."""
    timer = QObject()
    before = sys.getrefcount(None)
    for _ in range(2000):
        timer.setObjectName("one")
    assert sys.getrefcount(None) > before - 1000
