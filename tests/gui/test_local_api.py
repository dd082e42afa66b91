"""*Tools → Local API*: a real server, started and stopped from the window."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from petvision.app.local_api import LocalApi, LocalApiDialog, State
from petvision.app.settings import Settings
from petvision.app.window import Window


@pytest.fixture
def parent(qtbot: Any) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def _dialog(settings: Settings, tiny_model: Path, parent: QWidget) -> LocalApiDialog:
    api = LocalApi(settings, parent)
    file = tiny_model / "catdog-resnet101.safetensors"
    dialog = LocalApiDialog(api, str(file), parent)
    dialog.open()
    return dialog


def test_it_starts_answers_and_stops(
    qtbot: Any, settings: Settings, tiny_model: Path, parent: QWidget
) -> None:
    dialog = _dialog(settings, tiny_model, parent)
    api = dialog._api
    assert dialog.button.text() == "Start"
    assert not dialog.copy.isEnabled()
    dialog.port.setValue(0)
    dialog.button.click()
    qtbot.waitUntil(lambda: api.state is State.ON, timeout=60_000)
    assert api.address in dialog.words.text()
    dialog.copy.click()
    assert f"{api.address}/predict" in QGuiApplication.clipboard().text()
    with urlopen(f"{api.address}/health") as answer:
        assert answer.status == 200
    dialog.button.click()
    qtbot.waitUntil(lambda: api.state is State.OFF, timeout=30_000)
    assert not api.fault
    assert dialog.button.text() == "Start"
    dialog.close()


def test_a_taken_port_is_said(
    qtbot: Any, settings: Settings, tiny_model: Path, parent: QWidget
) -> None:
    dialog = _dialog(settings, tiny_model, parent)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dialog.port.setValue(taken.getsockname()[1])
        dialog.button.click()
        with qtbot.waitSignal(dialog._api.changed, timeout=60_000):
            pass
    assert "port must be one that is free here" in dialog.words.text()
    dialog.close()


def test_it_ends_with_the_window(qtbot: Any, make_window: Callable[[], Window]) -> None:
    window = make_window()
    (action,) = [a for a in window.menus.actions if "API" in a.text()]
    action.trigger()
    dialog = window.findChild(LocalApiDialog)
    assert dialog is not None
    dialog.port.setValue(0)
    dialog.button.click()
    qtbot.waitUntil(lambda: window.local_api.state is State.ON, timeout=60_000)
    address = window.local_api.address
    window.close()
    with pytest.raises(URLError):
        urlopen(f"{address}/health")
