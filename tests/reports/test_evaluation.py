"""The evaluation folder, from photos to files."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError, OutputError
from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.evaluate.run import evaluate
from petvision.events import result_of
from petvision.images.inputs import expand
from petvision.models.handle import open_model
from petvision.models.stream import answers
from petvision.models.unknown import UnknownScore
from petvision.reports.evaluation import Wishes, evaluate_to_folder
from petvision.reports.history import history_of


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(1)
    root = tmp_path / "photos"
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


def test_the_figures_are_those_of_the_predictions_themselves(photos, tiny_model, tmp_path):
    handle = open_model(tiny_model)
    report = result_of(evaluate_to_folder(handle, f"folder:{photos}", tmp_path / "out"))
    predicted = [a.prediction for a in answers(handle, expand([str(photos)], recursive=True))]
    right = [
        p.best_class == truth for p, truth in zip(predicted, ["cat"] * 4 + ["dog"] * 4, strict=True)
    ]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["accuracy"] == report.figures.accuracy == sum(right) / 8
    assert metrics["n"] == 8
    assert np.sum(metrics["confusion"]) == 8
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows][:2] == [str(photos / "cat" / f"{i}.png") for i in (0, 1)]
    assert [row["label"] for row in rows] == [p.best_class for p in predicted]
    assert [float(row["dog"]) for row in rows] == pytest.approx(
        [p.scores["dog"] for p in predicted], abs=1e-6
    )


def test_a_photo_that_cannot_be_read_is_told_and_the_rest_counts(photos, tiny_model, tmp_path):
    (photos / "cat" / "broken.png").write_bytes(b"")
    handle = open_model(tiny_model)
    report = result_of(evaluate_to_folder(handle, f"folder:{photos}", tmp_path / "out"))
    assert report.figures.n == 8
    assert [name for name, _ in report.unread] == ["broken.png"]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [entry["path"] for entry in metrics["unread"]] == ["broken.png"]


def test_a_class_the_model_does_not_know_is_refused(photos, tiny_model, tmp_path):
    (photos / "dog").rename(photos / "horse")
    with pytest.raises(ConfigError, match=r"'horse'.*tiny knows cat, dog"):
        result_of(evaluate_to_folder(open_model(tiny_model), f"folder:{photos}", tmp_path / "out"))


def test_photos_of_something_else_are_measured_by_every_score(photos, tiny_model, tmp_path):
    rng = np.random.default_rng(2)
    for folder in ("near", "far"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            pixels = rng.integers(0, 90, (70, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
    wishes = Wishes(
        negatives=(str(tmp_path / "near"), str(tmp_path / "far")), reference=f"folder:{photos}"
    )
    handle = open_model(tiny_model)
    report = result_of(evaluate_to_folder(handle, f"folder:{photos}", tmp_path / "out", wishes))
    assert list(report.strange) == ["near", "far"]
    unknown = json.loads((tmp_path / "out" / "metrics.json").read_text())["unknown"]
    for name in ("near", "far"):
        found = unknown[name]
        assert (found["score"], found["known"], found["strange"]) == ("max_softmax", 8, 3)
        assert list(found["scores"]) == ["max_softmax", "energy", "knn", "relative_mahalanobis"]
        # the reference photos are the evaluated ones here: nothing is nearer to them
        assert found["scores"]["knn"]["auroc"] == 1.0
        assert found["scores"]["max_softmax"]["auroc"] == found["auroc"]


def test_a_threshold_decides_what_is_refused(photos, tiny_model):
    handle = open_model(tiny_model)
    scored = UnknownScore("max_softmax", 2.0)
    handle = replace(handle, heads=replace(handle.heads, unknown=scored))
    refused = {}
    for unknown in ("auto", "off", -1.0):
        shown = labelled_photos(parse_spec(f"folder:{photos}"))
        refused[unknown] = result_of(evaluate(handle, shown, "x", unknown=unknown)).refused.mean()
    assert refused == {"auto": 0.0, "off": 0.0, -1.0: 1.0}


def test_the_folder_holds_every_chart_as_picture_and_as_drawing(photos, tiny_model, tmp_path):
    report = result_of(
        evaluate_to_folder(
            open_model(tiny_model), f"folder:{photos}", tmp_path / "out", Wishes(figures=True)
        )
    )
    names = {file.name for file in report.files}
    places = {str(file.relative_to(tmp_path / "out")) for file in report.files}
    assert {"report.html", "predictions.png", "figures/kernels.svg"} <= places
    assert {"figures/feature_maps.png"} <= places
    assert len([place for place in places if place.startswith("mistakes/")]) == wrong_of(report)
    for chart in ("confusion", "roc", "precision_recall", "reliability", "confidence"):
        assert {f"{chart}.png", f"{chart}.svg"} <= names
        assert (tmp_path / "out" / f"{chart}.svg").read_bytes().startswith(b"<?xml")
        with Image.open(tmp_path / "out" / f"{chart}.png") as image:
            assert min(image.size) > 500


def wrong_of(report) -> int:
    return round(report.figures.n * (1 - report.figures.accuracy))


def test_the_page_holds_every_photo_and_needs_nothing_from_outside(photos, tiny_model, tmp_path):
    (tmp_path / "far").mkdir()
    Image.new("RGB", (60, 60), "teal").save(tmp_path / "far" / "<!--<script>.png")
    wishes = Wishes(negatives=(str(tmp_path / "far"),))
    handle = open_model(tiny_model)
    result_of(evaluate_to_folder(handle, f"folder:{photos}", tmp_path / "out", wishes))
    page = (tmp_path / "out" / "report.html").read_text()
    text = page.split('id="data">')[1].split("</script>")[0]
    data = json.loads(text)
    assert [row["source"] for row in data["rows"]] == [""] * 8 + ["far"]
    assert len(data["thumbs"]) == 9
    assert all(row["file"].startswith("file:///") for row in data["rows"])
    links = set(re.findall(r'(?:src|href|srcset)="([^"#]+)"', page))
    assert all(link.startswith("data:") for link in links)
    asked = re.findall(r'href="#([^"]+)"', page)
    assert {"right=0", "right=1", "truth=0&amp;answer=1", "bin=0"} <= set(asked)


def test_a_training_adds_its_curves(tmp_path):
    lines = [
        {"event": "epoch", "number": 0, "loss": 0.0, "validation_loss": 0.7},
        {"event": "progress", "done": 1},
        {"event": "epoch", "number": 1, "loss": 0.6, "validation_loss": 0.5, "validation_f1": 0.8},
        {"event": "epoch", "number": 1, "loss": 0.6, "validation_loss": 0.4, "validation_f1": 0.9},
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"event": "epo'
    (tmp_path / "events.jsonl").write_text(text)
    zero, one = history_of(tmp_path)
    assert np.isnan(zero.loss)
    assert zero.validation_loss == 0.7
    assert (one.loss, one.validation_loss, one.f1) == (0.6, 0.4, 0.9)
    assert history_of(tmp_path / "nowhere") == []


def test_a_place_that_is_a_file_is_refused(photos, tiny_model, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        result_of(evaluate_to_folder(open_model(tiny_model), f"folder:{photos}", tmp_path / "out"))
