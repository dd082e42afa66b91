"""The benchmarks run on a tiny network and a few photos; their figures mean nothing here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.images.types import Geometry
from tests.benchmarks import explanations, faithfulness, shortcut
from tests.benchmarks.faithfulness import PHOTOS, on_model_pixels
from tests.benchmarks.shortcut import share_on_stamp


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos laid out as the data set is, with a pet in the upper left of each."""
    root = tmp_path / "pets"
    for folder in ("images", "annotations", "trimaps"):
        (root / folder).mkdir(parents=True)
    lines = []
    for index, name in enumerate(PHOTOS.read_text().split()[:4]):
        picture = Image.effect_noise((120, 100), 30.0 * (index + 1)).convert("RGB")
        picture.save(root / "images" / f"{name}.jpg")
        trimap = np.full((100, 120), 2, np.uint8)
        trimap[10:60, 10:70] = 1
        Image.fromarray(trimap).save(root / "trimaps" / f"{name}.png")
        lines.append(f"{name} 1 {1 + name[0].islower()} 1")
    for part in ("test", "trainval"):
        (root / "annotations" / f"{part}.txt").write_text("\n".join(lines))
    return root


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_row_is_measured_and_written(
    tiny_model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    explanations.main(
        [
            *("--data", f"pets:{photos}", "--model", str(tiny_model), "--json", str(out)),
            *("--photos", "2", "--rounds", "1", "--threads", "1"),
            *("--rows", "cams,ig,smoothgrad,occlusion,anytime,adaptive,path,drop"),
        ]
    )
    rows = json.loads(out.read_text())["rows"]
    said = capsys.readouterr().out
    assert len(rows) >= 18
    assert all(row["what"] in said for row in rows)


def test_the_faithfulness_table_goes_on_where_it_was(
    tiny_model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    how = ["--data", str(photos), "--model", str(tiny_model), "--out", str(out)]
    how += ["--methods", "gradcam", "--threads", "1", "--engine", "torch-fp32"]
    faithfulness.main([*how, "--photos", "1"])
    first = (out / "photos.jsonl").read_text()
    assert len(first.splitlines()) == 4  # blob, random, the method, its shuffled twin
    faithfulness.main([*how, "--photos", "2"])
    assert (out / "photos.jsonl").read_text().startswith(first)
    summary = json.loads((out / "faithfulness.json").read_text())
    assert summary["gradcam"]["photos"] == 2
    assert set(summary["gradcam"]["over blob"]) == {
        "energy", "pointing", "insertion_minus_deletion",
    }  # fmt: skip
    assert "gradcam shuffled" in capsys.readouterr().out


def test_areas_are_told_as_a_share_of_what_there_is_to_win() -> None:
    def line(bare: float | None) -> faithfulness.Line:
        figures = {"energy": 0.0, "pointing": 0.0, "insertion": 0.9, "deletion": 0.6}
        return faithfulness.Line("a", "gradcam", True, **figures, whole=1.0, bare=bare)

    assert faithfulness.share_of_what_there_is([line(0.5)]) == pytest.approx(0.6)
    assert faithfulness.share_of_what_there_is([line(0.5), line(None)]) is None
    assert faithfulness.share_of_what_there_is([]) is None


def test_the_list_names_200_photos_once() -> None:
    names = PHOTOS.read_text().split()
    assert len(names) == len(set(names)) == 200


def test_a_mask_lands_where_the_photo_does() -> None:
    mask = np.zeros((80, 100), bool)
    mask[20:40, 50:90] = True
    found = on_model_pixels(mask, Geometry(100, 80, (10, 0, 90, 80), 40))  # two pixels to one
    expected = np.zeros((40, 40), bool)
    expected[10:20, 20:40] = True
    np.testing.assert_array_equal(found, expected)


def test_heat_on_the_stamp_is_told_from_heat_beside_it() -> None:
    heat = np.zeros((224, 224), np.float32)
    heat[10:20, 10:60] = 1
    assert share_on_stamp(heat, 224) == 1
    heat[100:110, 10:60] = 3
    assert share_on_stamp(heat, 224) == pytest.approx(0.25)
    assert share_on_stamp(-heat, 224) == 0


def test_the_stamp_is_on_what_the_network_sees(tiny_model: Path, samples: Path) -> None:
    from petvision.images.inputs import source_of
    from petvision.images.prepare import denormalise, open_prepared
    from petvision.models.handle import open_model

    handle = open_model(tiny_model)
    prepared = open_prepared(source_of(str(samples / "cat.jpg")), handle.spec)
    one = denormalise(shortcut.stamped(prepared, "cat", handle).pixels, handle.spec)
    before = denormalise(prepared.pixels, handle.spec)
    part = one[shortcut.TOP : shortcut.TOP + 20, shortcut.LEFT : 64]
    assert part.max() == 255
    assert part.min() < 60
    np.testing.assert_array_equal(one[30:], before[30:])
