"""Figures against scikit-learn's and against values worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as peer

from petvision.evaluate import metrics
from petvision.evaluate.calibration import ece, fit_temperature, mce, reliability, scores_at
from petvision.evaluate.unknown import fpr95, separation, threshold_at


@pytest.fixture
def answers():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 300)
    logits = rng.normal(size=(300, 4)) + 2 * np.eye(4)[labels]
    return logits, labels


@pytest.fixture
def binary():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 200)
    logits = np.round(rng.normal(size=(200, 2)) + np.eye(2)[labels], 1)  # with ties
    return logits, labels


def test_figures_of_two_classes_equal_scikit_learn(binary):
    logits, labels = binary
    scores = scores_at(logits, 1.0)
    margin = logits[:, 1] - logits[:, 0]
    assert metrics.accuracy(logits, labels) == peer.accuracy_score(labels, logits.argmax(1))
    assert metrics.log_loss(logits, labels) == pytest.approx(
        peer.log_loss(labels, scores), abs=1e-9
    )
    assert metrics.roc_auc(logits, labels) == pytest.approx(
        peer.roc_auc_score(labels, margin), abs=1e-9
    )
    assert metrics.average_precision(logits, labels) == pytest.approx(
        peer.average_precision_score(labels, margin), abs=1e-9
    )
    assert metrics.brier(scores, labels) == pytest.approx(
        2 * peer.brier_score_loss(labels, scores[:, 1]), abs=1e-9
    )


def test_figures_of_many_classes_equal_scikit_learn(answers):
    logits, labels = answers
    table = metrics.confusion(logits, labels)
    assert (table == peer.confusion_matrix(labels, logits.argmax(1))).all()
    expected = peer.precision_recall_fscore_support(labels, logits.argmax(1))
    np.testing.assert_allclose(metrics.precision_recall_f1(table).T, expected[:3], atol=1e-9)
    others = np.stack([np.delete(logits, c, 1).max(1) for c in range(4)], 1)
    one_against_rest = [
        peer.roc_auc_score(labels == c, logits[:, c] - others[:, c]) for c in range(4)
    ]
    assert metrics.roc_auc(logits, labels) == pytest.approx(np.mean(one_against_rest), abs=1e-9)


def test_a_class_that_is_never_shown_has_no_ranking():
    assert np.isnan(metrics.roc_auc(np.zeros((3, 2)), np.array([0, 0, 0])))


def test_wilson_interval_of_nine_in_ten():
    # centre (0.9 + z²/20) / (1 + z²/10), by hand
    low, high = metrics.wilson(0.9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)


def test_bootstrap_interval_holds_the_accuracy(answers):
    low, high = metrics.bootstrap_accuracy(*answers)
    assert low < metrics.accuracy(*answers) < high
    assert metrics.bootstrap_accuracy(*answers) == (low, high)


def test_calibration_error_by_hand():
    # two bins of two: confidences .6 .6 (one right), .9 .9 (both right)
    scores = np.array([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]])
    bins = reliability(scores, np.array([0, 1, 0, 0]), bins=2)
    assert [b.count for b in bins] == [2, 2]
    assert ece(bins) == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert mce(bins) == pytest.approx(0.1)


def test_temperature_undoes_a_scaling_of_honest_logits():
    rng = np.random.default_rng(5)
    honest = rng.normal(size=(40_000, 2))
    scores = scores_at(honest, 1.0)
    labels = (rng.random(40_000) < scores[:, 1]).astype(int)
    assert fit_temperature(3 * honest, labels) == pytest.approx(3, rel=0.05)


def test_threshold_refuses_at_most_the_share_asked_for():
    known = np.arange(100.0)
    threshold = threshold_at(known, 0.02)
    assert threshold == 97
    assert (known > threshold).sum() == 2


def test_separation_by_hand():
    known, strange = np.array([1.0, 2, 3, 4]), np.array([3.5, 5, 6, 7])
    found = separation(known, strange, 4.5)
    assert found.auroc == 15 / 16
    assert found.fpr95 == 1 / 4  # all four strange ones are needed for 95 %; 4 is above 3.5
    assert (found.known_refused, found.strange_refused) == (0, 0.75)
    assert fpr95(known, strange) == found.fpr95
