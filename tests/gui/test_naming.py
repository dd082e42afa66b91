"""The dialog that asks what the classes of bare weights are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from petvision.app.naming import NamesDialog, nameless
from petvision.app.settings import Settings
from petvision.app.window import Window
from petvision.models import architectures
from tests.gui.steps import WAIT_MS


def dialog_of(window: Window) -> NamesDialog | None:
    return next(iter(window.findChildren(NamesDialog)), None)


def test_bare_weights_are_asked_their_classes_once(
    qtbot: Any, make_window: Callable[[], Window], settings: Settings, tmp_path: Path
):
    torch.manual_seed(0)
    path = tmp_path / "mine.pth"
    torch.save(architectures.build("resnet18", 3).state_dict(), path)
    window = make_window()
    qtbot.waitUntil(lambda: window.session.handle is not None, timeout=WAIT_MS)
    window.session.use_model(str(path))
    qtbot.waitUntil(lambda: dialog_of(window) is not None, timeout=WAIT_MS)
    dialog = dialog_of(window)
    assert dialog is not None
    use = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    dialog.offer(["tabby", "tabby", "siamese"])
    assert not use.isEnabled()
    dialog.offer(["tabby", "persian", "siamese"])
    qtbot.mouseClick(use, Qt.MouseButton.LeftButton)

    def named() -> bool:
        handle = window.session.handle
        return handle is not None and handle.card.classes == ("tabby", "persian", "siamese")

    qtbot.waitUntil(named, timeout=WAIT_MS)
    window.close()
    again = make_window()  # remembered, with the model
    qtbot.waitUntil(lambda: again.session.handle is not None, timeout=WAIT_MS)
    assert again.session.handle is not None
    assert again.session.handle.card.classes == ("tabby", "persian", "siamese")
    assert dialog_of(again) is None


def test_numbers_are_no_names():
    assert nameless(["class 0", "class 1"])
    assert not nameless(["cat", "class 1"])
