"""Why a photo is unknown: in words, and by the training photos most like it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from petvision.app.explain.why import WhyUnknown, reasons
from petvision.app.window import Window
from petvision.models.album import SUFFIX, Album, Snapshot
from petvision.models.cards import Card, InputCard, UnknownCard
from petvision.models.files import sha256_of, write_model
from petvision.models.resnet import build_resnet
from petvision.models.unknown import PARTS, unit_rows
from tests.gui.steps import WAIT_MS, drop, files, judged


@pytest.fixture
def doubting(tmp_path: Path) -> Path:
    """A model that knows nothing it is shown."""
    torch.manual_seed(2)
    blocks = (1, 1, 1, 1)
    card = Card(
        name="doubting",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("tabby", "siamese"),
        input=InputCard(size=64, resize=64),
        unknown=UnknownCard(score="max_softmax", threshold=0.0),
    )
    path = tmp_path / "doubting.safetensors"
    write_model(path, card, build_resnet("resnet18", 2, blocks).state_dict())
    return path


def remember(model: Path) -> None:
    """Give the model six training photos, red and blue."""
    snapshots = []
    for number in range(6):
        content = BytesIO()
        Image.new("RGB", (112, 112), ("red", "blue")[number % 2]).save(content, "JPEG")
        label = ("tabby", "siamese")[number % 2]
        snapshots.append(Snapshot(f"{number}.jpg", label, content.getvalue()))
    rows = unit_rows(np.random.default_rng(0).random((6, 512), np.float32))
    album = Album(sha256_of(model), rows, tuple(snapshots), 0.93, frozenset())
    album.save(model.with_suffix(SUFFIX))


def asked(qtbot: Any, window: Window, model: Path, photo: Path) -> WhyUnknown:
    """Open the model and a photo, and ask why it is unknown."""
    qtbot.waitUntil(lambda: window.session.handle is not None, timeout=WAIT_MS)
    window.session.use_model(str(model))
    qtbot.waitUntil(lambda: window.session.handle.card.name == "doubting", timeout=WAIT_MS)
    drop(window, files(photo))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    button = window.view.card.why_button
    qtbot.waitUntil(button.isVisible, timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (dialog,) = window.findChildren(WhyUnknown)
    qtbot.waitUntil(lambda: "Comparing" not in said(dialog), timeout=WAIT_MS)
    return dialog


def said(dialog: WhyUnknown) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


def test_the_nearest_training_photos_are_shown(
    qtbot: Any, window: Window, photo: Callable[..., Path], doubting: Path
):
    remember(doubting)
    dialog = asked(qtbot, window, doubting, photo("tom.jpg"))
    words = said(dialog)
    assert "No class stands out" in words
    assert "Its strangeness is" in words
    assert "Of the 6 photos that the model remembers" in words
    assert "about 0.93" in words
    pictures = [one for one in dialog.findChildren(QLabel) if not one.pixmap().isNull()]
    assert len(pictures) == 5
    for one in pictures:
        red = one.pixmap().toImage().pixelColor(50, 50).red() > 128
        assert ("Tabby" in one.accessibleName()) == red
    dialog.reject()


def test_a_model_without_photos_says_so(
    qtbot: Any, window: Window, photo: Callable[..., Path], doubting: Path
):
    dialog = asked(qtbot, window, doubting, photo("tom.jpg"))
    assert "This model carries no training photos" in said(dialog)
    dialog.reject()


def test_a_damaged_album_is_told_and_nothing_else_is_lost(
    qtbot: Any, window: Window, photo: Callable[..., Path], doubting: Path
):
    doubting.with_suffix(SUFFIX).write_bytes(b"PK\x03\x04 no archive")
    dialog = asked(qtbot, window, doubting, photo("tom.jpg"))
    assert "doubting.photos is not a model file: it is damaged" in said(dialog)
    assert window.session.current.prediction.unknown
    dialog.reject()


def test_a_known_photo_has_nothing_to_ask(qtbot: Any, window: Window, photo: Callable[..., Path]):
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    assert not window.session.current.prediction.unknown
    assert not window.view.card.why_button.isVisible()


def test_every_score_has_its_words(qtbot: Any, window: Window, photo: Callable[..., Path]):
    drop(window, files(photo("tom.jpg")))
    qtbot.waitUntil(lambda: judged(window), timeout=WAIT_MS)
    prediction = window.session.current.prediction
    for score in (*PARTS, "combined"):
        first, second = reasons(score, prediction)
        assert first.endswith(".")
        assert "{" not in first + second
    assert len(reasons("", prediction)) == 1
