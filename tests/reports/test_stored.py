"""An evaluation folder read back, and the photos behind each of its numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from petvision.errors import InputError
from petvision.evaluate.results import Evaluation, figures_of
from petvision.models.results import ModelIdentity
from petvision.reports.evaluation import metrics_json, predictions_csv
from petvision.reports.stored import photos_behind, read_evaluation


@pytest.fixture
def evaluation() -> Evaluation:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    logits = (rng.normal(size=(60, 3)) + 1.5 * np.eye(3)[labels]).astype(np.float32)
    return Evaluation(
        model=ModelIdentity("hand-made", "ab" * 32),
        engine="torch-fp32",
        data="folder",
        classes=("cat", "dog", "fox"),
        temperature=1.7,
        paths=tuple(f"{i}.jpg" for i in range(60)),
        logits=logits,
        labels=labels,
        unknown_scores=np.where(np.arange(60) % 2, 0.25, np.nan),
        refused=np.arange(60) < 4,
        unread=(("broken.jpg", "broken.jpg is empty."),),
        files=tuple(Path(f"/photos/{i}.jpg") for i in range(60)),
    )


@pytest.fixture
def folder(evaluation, tmp_path) -> Path:
    tree = metrics_json(evaluation, figures_of(evaluation), {})
    (tmp_path / "metrics.json").write_text(json.dumps(tree))
    (tmp_path / "predictions.csv").write_text(predictions_csv(evaluation))
    return tmp_path


def test_what_was_written_is_read_back_with_the_same_figures(evaluation, folder):
    read = read_evaluation(folder)
    assert (read.classes, read.files, read.unread) == (
        evaluation.classes,
        evaluation.files,
        evaluation.unread,
    )
    np.testing.assert_allclose(read.scores, evaluation.scores, atol=1e-6)
    np.testing.assert_array_equal(read.refused, evaluation.refused)
    np.testing.assert_array_equal(read.unknown_scores, evaluation.unknown_scores)
    ours, theirs = figures_of(read), figures_of(evaluation)
    assert ours.confusion == theirs.confusion
    assert ours.log_loss == pytest.approx(theirs.log_loss, abs=1e-6)
    assert ours.roc_auc == pytest.approx(theirs.roc_auc, abs=1e-6)


def test_a_cell_of_the_confusion_matrix_leads_to_as_many_photos_as_it_counts(evaluation):
    table = figures_of(evaluation).confusion
    for truth, row in enumerate(table):
        for answer, count in enumerate(row):
            found = photos_behind(evaluation, f"truth={truth}&answer={answer}")
            assert len(found) == count
            assert (evaluation.labels[found] == truth).all()
            assert (evaluation.answers[found] == answer).all()


def test_wrong_answers_come_dearest_first(evaluation):
    found = photos_behind(evaluation, "right=0")
    assert found.tolist() == evaluation.worst(60)
    assert len(photos_behind(evaluation, "right=1")) + len(found) == 60


def test_other_numbers_lead_to_their_photos(evaluation):
    assert sorted(photos_behind(evaluation, "refused=1")) == [0, 1, 2, 3]
    first = photos_behind(evaluation, "sort=unsure")[0]
    assert first == evaluation.scores.max(1).argmin()
    sizes = [len(photos_behind(evaluation, f"bin={b}")) for b in range(15)]
    assert sizes == [b.count for b in figures_of(evaluation).reliability]
    either = photos_behind(evaluation, "either=2")
    assert set(either) == set(np.flatnonzero((evaluation.labels == 2) | (evaluation.answers == 2)))


def test_another_folder_is_told_from_an_evaluation(tmp_path):
    with pytest.raises(InputError, match=r"metrics\.json and predictions\.csv"):
        read_evaluation(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "predictions.csv").write_text("path,truth\n")
    with pytest.raises(InputError, match="no evaluation folder"):
        read_evaluation(tmp_path)
