"""The training benchmark runs on a handful of photos; its figures mean nothing here."""

import json

from PIL import Image

from tests.benchmarks.training import main


def test_every_row_is_measured_and_written(tmp_path, capsys):
    for label, colour in (("cat", "red"), ("dog", "blue")):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(4):
            picture = Image.effect_noise((60, 50), 20.0 * (number + 1)).convert("RGB")
            Image.blend(picture, Image.new("RGB", picture.size, colour), 0.5).save(
                tmp_path / "photos" / label / f"{number}.jpg"
            )
    report = tmp_path / "report.json"
    settings = ["--consumer", "resnet18", "--size", "32", "--batch", "4", "--rounds", "1"]
    rows = main(["--data", f"folder:{tmp_path / 'photos'}", *settings, "--json", str(report)])
    written = json.loads(report.read_text())["rows"]
    assert [row["what"] for row in written] == [row.what for row in rows]
    assert len(rows) >= 2
    assert all(row.ours > 0 and row.plain is not None for row in rows)
    assert "loader" in capsys.readouterr().out
