"""*Model → Export…*: a real export in a child process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from petvision.app.exporting import KINDS, ExportDialog
from petvision.cli.export import FORMATS
from petvision.export.formats import FORMATS as KNOWN


def test_the_file_is_written_and_its_distance_told(
    qtbot: Any, tiny_model: Path, tmp_path: Path
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    file = tiny_model / "catdog-resnet101.safetensors"
    dialog = ExportDialog(str(file), "tiny", str(tmp_path), parent)
    dialog.open()
    out = tmp_path / "tiny.onnx"
    dialog.export(out)
    assert not dialog.button.isEnabled()
    qtbot.waitUntil(lambda: dialog.button.isEnabled(), timeout=120_000)
    assert "compared on 100 pictures" in dialog.words.text()
    assert out.is_file()
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    dialog.export(blocked / "tiny.onnx")
    qtbot.waitUntil(lambda: dialog.button.isEnabled(), timeout=120_000)
    assert "compared" not in dialog.words.text()
    dialog.close()


def test_the_doors_offer_the_same_kinds() -> None:
    assert tuple(KINDS) == FORMATS == tuple(KNOWN)
    assert [kind.suffix for kind in KNOWN.values()] == [suffix for _, suffix in KINDS.values()]
