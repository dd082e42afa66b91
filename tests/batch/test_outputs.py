"""CSV, JSON lines, Parquet and the HTML page say what the store says."""

from __future__ import annotations

import csv
import json
import os
import re
from contextlib import closing
from pathlib import Path

import pytest

from petvision.batch.outputs.registry import OUTPUTS, write
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.batch.store import Store
from petvision.errors import ConfigError
from petvision.events import result_of
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.models.predict import predict
from petvision.reports.prediction import prediction_json


@pytest.fixture
def folder(handle, make_photos, tmp_path: Path) -> Path:
    """A run of five photos, one broken, one corrected, one with a name that is no text."""
    photos = make_photos(tmp_path / "photos", 4)
    photos[1].write_bytes(b"")
    name = os.fsdecode(b"<b>&\xff.png")
    photos[2].rename(photos[2].with_name(name))
    result_of(run(handle, Plan(Inputs((str(tmp_path / "photos"),))), tmp_path / "run"))
    with closing(Store(tmp_path / "run")) as store:
        store.set_truth([1], "neither")
        store.finish()
    return tmp_path / "run"


def test_the_csv_has_a_line_a_photo_with_its_correction(folder: Path):
    (path,) = result_of(write(folder, ["csv"]))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["path"]).name for row in rows] == [
        "0000.png",
        "0001.png",
        "0003.png",
        "<b>&�.png",
    ]
    first, broken, *_ = rows
    assert (first["final"], first["truth_by"]) == ("neither", "person")
    assert first["label"] in ("cat", "dog")
    assert float(first["score_cat"]) + float(first["score_dog"]) == pytest.approx(1)
    assert (broken["error"], broken["label"]) == ("unreadable", "")
    assert broken["message"] == "0001.png is empty."


def test_json_lines_say_what_predict_says(folder: Path, handle):
    (path,) = result_of(write(folder, ["jsonl"]))
    lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    assert lines[1]["error"]["code"] == "unreadable"
    assert os.fsencode(lines[3]["source"]).endswith(b"\xff.png")
    assert lines[0]["truth"]["label"] == lines[0]["final"] == "neither"
    source = source_of(lines[2]["source"])
    (alone,) = predict(handle, [open_prepared(source, handle.spec)])
    expected = prediction_json(source, alone)
    assert expected.keys() <= lines[2].keys()
    for key in ("label", "model", "image", "engine", "unknown"):
        assert lines[2][key] == expected[key]
    assert lines[2]["scores"] == pytest.approx(expected["scores"], abs=1e-5)


def test_parquet_holds_the_same_with_types(folder: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (path,) = result_of(write(folder, ["parquet"]))
    table = parquet.read_table(path).to_pydict()
    assert len(table["path"]) == 4
    assert table["confidence"][1] is None
    assert isinstance(table["confidence"][0], float)
    assert table["unknown"][0] is False
    assert table["final"][0] == "neither"


def test_the_page_needs_nothing_from_outside_and_keeps_names_harmless(folder: Path):
    (path,) = result_of(write(folder, ["html"]))
    text = path.read_text("utf-8")
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", text)
    assert "/*" not in text.split("</style>")[0]
    data = text.split('id="data">')[1].split("</script>")[0]
    assert "<" not in data
    page = json.loads(data)
    assert page["run"]["summary"]["items"] == 4
    assert [bool(row["i"]) for row in page["rows"]] == [True, False, True, True]
    assert page["rows"][3]["p"].endswith("<b>&\ufffd.png")


def test_a_form_that_is_not_there_is_told_before_anything_is_done(folder: Path):
    with pytest.raises(ConfigError, match="There is csv, jsonl, parquet, html"):
        result_of(write(folder, ["csv", "xls"]))
    assert not (folder / OUTPUTS["csv"].file).exists()
