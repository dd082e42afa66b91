"""The models window: what there is, its card; fetch, use, add, remove."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMessageBox, QPushButton

from petvision.app.window import Window
from petvision.app.zoo import ZooDialog
from petvision.models import zoo
from tests.models.test_download import CONTENT, PREFIX, Handler, server  # noqa: F401
from tests.models.tiny import write_tiny

WAIT_MS = 60_000
NAME = "imagenet-test"


@pytest.fixture
def dialog(
    qtbot: Any,
    make_window: Callable[[], Window],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: str,  # noqa: F811
) -> ZooDialog:
    """The window of models; one more can be fetched from this machine itself."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    remote = zoo.Remote(f"{server}/file/weights-{PREFIX}.pth", len(CONTENT))
    monkeypatch.setitem(zoo.REMOTE, NAME, remote)
    window = make_window()
    qtbot.waitUntil(lambda: window.session.handle is not None, timeout=WAIT_MS)
    made = ZooDialog(window.zoo, window.theme, lambda: None, window)
    made.open()
    qtbot.waitUntil(lambda: bool(window.zoo.entries), timeout=WAIT_MS)
    return made


def names(dialog: ZooDialog) -> list[str]:
    return [entry.name for entry in dialog._zoo.entries]


def test_the_one_in_use_is_marked_and_its_card_told(qtbot: Any, dialog: ZooDialog) -> None:
    assert dialog.chosen is not None
    assert dialog.chosen.name == "catdog-resnet101"
    assert not dialog.use.isEnabled()
    assert not dialog.remove.isVisible()
    qtbot.waitUntil(lambda: "Architecture" in dialog.card.toPlainText(), timeout=WAIT_MS)
    assert "resnet18 · 2 classes" in dialog.facts.text()


def test_a_model_is_fetched_with_progress_and_stays(qtbot: Any, dialog: ZooDialog) -> None:
    dialog.choose(NAME)
    assert "sha256" in dialog.card.toPlainText()
    assert "BSD" in dialog.facts.text()
    assert "3 MB" in dialog.facts.text()
    said: list[str] = []
    dialog._zoo.told.connect(lambda: said.append(dialog.said.text()))
    dialog.fetch.click()
    qtbot.waitUntil(lambda: "is here" in dialog.said.text(), timeout=WAIT_MS)
    assert f"Fetching {NAME}: 3 MB of 3 MB" in said
    assert (zoo.own_folder() / f"weights-{PREFIX}.pth").read_bytes() == CONTENT
    qtbot.waitUntil(dialog.remove.isVisible, timeout=WAIT_MS)


def test_stopped_and_begun_again_it_goes_on_where_it_was(qtbot: Any, dialog: ZooDialog) -> None:
    zoo.own_folder().mkdir(parents=True)
    part = zoo.own_folder() / f"weights-{PREFIX}.pth.part"
    part.write_bytes(CONTENT[:1000])
    dialog.choose(NAME)
    dialog.fetch.click()
    assert dialog.stop.isVisible()
    dialog.stop.click()
    assert "Stopped" in dialog.said.text()
    assert not dialog.stop.isVisible()
    have = part.stat().st_size
    dialog.fetch.click()
    qtbot.waitUntil(lambda: "is here" in dialog.said.text(), timeout=WAIT_MS)
    assert have >= 1000
    assert Handler.requests[-1][1].startswith("bytes=")


def test_what_is_not_the_recorded_file_is_told_and_not_kept(
    qtbot: Any, dialog: ZooDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = zoo.REMOTE[NAME].url.replace(PREFIX, "00000000")
    monkeypatch.setitem(zoo.REMOTE, NAME, zoo.Remote(url, len(CONTENT)))
    dialog.choose(NAME)
    dialog.fetch.click()
    qtbot.waitUntil(lambda: "sha256 starts with" in dialog.said.text(), timeout=WAIT_MS)
    assert list(zoo.own_folder().iterdir()) == []
    assert dialog.fetch.isEnabled()


def test_a_file_is_added_used_and_removed_again(
    qtbot: Any, dialog: ZooDialog, tmp_path: Path
) -> None:
    session = dialog._zoo.session
    dialog._zoo.add(str(write_tiny(tmp_path / "tiny.safetensors")))
    qtbot.waitUntil(lambda: "tiny" in names(dialog), timeout=WAIT_MS)
    dialog.choose("tiny")
    dialog.use.click()
    qtbot.waitUntil(lambda: session.handle.card.name == "tiny", timeout=WAIT_MS)
    assert session.settings.get("model", "") == "tiny"
    assert not dialog.use.isEnabled()
    dialog.remove.click()
    (box,) = dialog.findChildren(QMessageBox)
    (yes,) = (b for b in box.findChildren(QPushButton) if b.text() == "Remove")
    yes.click()
    qtbot.waitUntil(lambda: "tiny" not in names(dialog), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: session.handle.card.name != "tiny", timeout=WAIT_MS)
    assert not (zoo.own_folder() / "tiny.safetensors").exists()


def test_what_cannot_be_used_is_told_in_a_sentence(
    qtbot: Any, dialog: ZooDialog, tmp_path: Path
) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    dialog._zoo.add(str(tmp_path / "bad.safetensors"))
    qtbot.waitUntil(lambda: "only 7 bytes" in dialog.said.text(), timeout=WAIT_MS)
