"""The evaluation folder, from photos to files."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError, OutputError
from petvision.events import result_of
from petvision.images.inputs import expand
from petvision.models.handle import open_model
from petvision.models.stream import answers
from petvision.reports.evaluation import evaluate_to_folder


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
    assert [row["path"] for row in rows][:2] == ["cat/0.png", "cat/1.png"]
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


def test_negatives_need_a_model_that_can_say_unknown(photos, tiny_model, tmp_path):
    job = evaluate_to_folder(
        open_model(tiny_model), f"folder:{photos}", tmp_path / "out", [str(photos)]
    )
    with pytest.raises(ConfigError, match="never says it does not know"):
        result_of(job)


def test_a_place_that_is_a_file_is_refused(photos, tiny_model, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        result_of(evaluate_to_folder(open_model(tiny_model), f"folder:{photos}", tmp_path / "out"))
