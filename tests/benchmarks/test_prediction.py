"""The benchmark runs on a tiny network and a handful of photos; its figures mean nothing here."""

import json

from PIL import Image

from tests.benchmarks.measure import Row, interleaved, table
from tests.benchmarks.prediction import enlarged, main


def test_every_row_is_measured_and_written(tiny_model, tmp_path, capsys):
    root = tmp_path / "pets"
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    lines = []
    for index in range(6):
        picture = Image.effect_noise((120, 100), 20.0 * (index + 1)).convert("RGB")
        picture.save(root / "images" / f"pet_{index}.jpg")
        lines.append(f"pet_{index} 1 {1 + index % 2} 1")
    (root / "annotations" / "test.txt").write_text("\n".join(lines))
    out = tmp_path / "figures.json"
    main(
        [
            *("--data", f"pets:{root}", "--model", str(tiny_model), "--json", str(out)),
            *("--photos", "4", "--rounds", "1", "--threads", "1", "--labels"),
        ]
    )
    figures = json.loads(out.read_text())
    said = capsys.readouterr().out
    assert figures["peak_memory_mib"] > 0
    whats = [row["what"] for row in figures["rows"]]
    for words in (
        "one photo, torch-fp32",
        "bulk, torch-fp32",
        "decode beside",
        "drop to",
        "differ",
    ):
        assert any(words in what for what in whats)
    assert all(what in said for what in whats)
    assert next(row for row in figures["rows"] if "differ" in row["what"])["ours"] == 0


def test_an_enlarged_photo_has_the_pixels_it_should(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    with Image.open(enlarged(tmp_path / "a.png", 24_000, tmp_path / "b.jpg")) as picture:
        assert picture.size == (190, 126)


def test_both_sides_take_turns():
    order = []
    interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2)
    assert order == ["a", "b"] * 3


def test_a_row_says_whether_its_target_holds():
    assert Row("x", 100.0, 39.0, 0.4).holds
    assert not Row("x", 100.0, 41.0, 0.4).holds
    assert Row("x", None, 200.0, 250.0).holds
    assert Row("x", 1.0, 1.0, None).holds is None
    assert "MISSED" in table([Row("x", 100.0, 41.0, 0.4, "off")])
