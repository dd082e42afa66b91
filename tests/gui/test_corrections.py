"""What was put right in a batch run becomes photos to learn from, and a list of what changed."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.app.train import plan
from petvision.app.train.corrections import changes, write_table
from petvision.batch.rows import Reader
from petvision.batch.store import Store
from petvision.cli import main
from petvision.errors import ConfigError
from petvision.evaluate.results import Evaluation, figures_of
from petvision.models.results import ModelIdentity
from petvision.reports.evaluation import metrics_json, predictions_csv


@pytest.fixture
def batch(tmp_path: Path, tiny_model: Path, bundled_model: None) -> Path:
    """A batch run over four photos, of which a person has named three."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    run = tmp_path / "batch"
    model = str(tiny_model / "catdog-resnet101.safetensors")
    call = ["batch", str(folder), "--out", str(run), "--model", model, "--quiet"]
    assert main([*call, "--engine", "torch-fp32"]) == 0
    with closing(Store(run)) as store:
        store.set_truth([1, 2], "cat")
        store.set_truth([3], "dog")
    return run


def test_only_photos_with_a_truth_are_learned_from(batch: Path, tmp_path: Path):
    table = tmp_path / "table.csv"
    assert write_table(batch, table) == 3
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["path"]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert [row["label"] for row in rows] == ["cat", "cat", "dog"]


def test_a_batch_run_is_recognised(batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plan, "out_for", lambda name: tmp_path / "runs" / name)
    photos = plan.recognise(batch)
    assert (photos.kind, photos.batch) == ("csv", batch)
    assert photos.root.is_file()
    with closing(Store(batch)) as store:
        store.set_truth([1, 2, 3], None)
    with pytest.raises(ConfigError, match="whose truth is known"):
        plan.recognise(batch)


def test_the_verdicts_that_changed_are_listed(batch: Path, tmp_path: Path):
    with Reader(batch) as store:
        rows = [row for row in store.rows() if row.truth]
    before = [row.answer.best for row in rows if row.answer]
    now = ["dog" if before[0] == "cat" else "cat", *before[1:]]
    labels = np.array([("cat", "dog").index(str(row.truth)) for row in rows])
    evaluation = Evaluation(
        model=ModelIdentity("new", "00"),
        engine="torch-fp32",
        data="csv",
        classes=("cat", "dog"),
        temperature=1.0,
        paths=tuple(row.place for row in rows),
        logits=np.array([[2.0, 0.0] if said == "cat" else [0.0, 2.0] for said in now], np.float32),
        labels=labels,
        unknown_scores=np.full(3, np.nan),
        refused=np.zeros(3, np.bool_),
        files=tuple(Path(row.location) for row in rows),
    )
    folder = tmp_path / "evaluation"
    folder.mkdir()
    tree = metrics_json(evaluation, figures_of(evaluation), {})
    (folder / "metrics.json").write_text(json.dumps(tree))
    (folder / "predictions.csv").write_text(predictions_csv(evaluation))
    [change] = changes(batch, folder)
    assert (change.path.name, change.before, change.now) == ("0.png", before[0], now[0])
    assert change.mended == (now[0] == "cat")
