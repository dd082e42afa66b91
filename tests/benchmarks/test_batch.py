"""The benchmark runs on a tiny network and a handful of photos; its figures mean nothing here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from petvision.batch.rows import Reader
from tests.benchmarks.batch import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def test_the_command_and_the_plain_loop_take_turns_over_the_same_photos(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    root = tmp_path / "pets"
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for index in range(6):
        picture = Image.effect_noise((120, 100), 20.0 * (index + 1)).convert("RGB")
        picture.save(root / "images" / f"pet_{index}.jpg")
    lines = [f"pet_{index} 1 {1 + index % 2} 1\n" for index in range(6)]
    (root / "annotations" / "trainval.txt").write_text("".join(lines[:4]))
    (root / "annotations" / "test.txt").write_text("".join(lines[4:]))
    out, kept = tmp_path / "figures.json", tmp_path / "run"
    main(
        [
            *("--data", f"pets:{root}", "--model", str(tiny_model), "--json", str(out)),
            *("--out", str(kept), "--turns", "2", "--plain", "2", "--threads", "1"),
        ]
    )
    speed, memory, counted = json.loads(out.read_text())["rows"]
    assert speed["plain"] > 0 < speed["ours"]
    assert "MiB more" in memory["note"]
    assert counted["ours"] == 0
    assert "6 items" in counted["note"]
    assert "batch over 6 photos" in capsys.readouterr().out
    with Reader(kept) as reader:
        assert [row.truth for row in reader.rows()] == ["cat", "dog"] * 3
