"""Figures against scikit-learn's and against values worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as peer

from petvision.evaluate import metrics
from petvision.evaluate.calibration import ece, fit_temperature, mce, reliability
from petvision.evaluate.results import Evaluation, figures_of, near_certain
from petvision.evaluate.unknown import fpr95, separation, threshold_at
from petvision.models.results import ModelIdentity
from petvision.models.unknown import softmax


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
    scores = softmax(logits)
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
    for temperature in (1.0, 2.5):
        scores = softmax(logits, temperature)
        assert metrics.roc_auc(logits, labels, temperature) == pytest.approx(
            peer.roc_auc_score(labels, scores, multi_class="ovr"), abs=1e-9
        )
        assert metrics.average_precision(logits, labels, temperature) == pytest.approx(
            peer.average_precision_score(np.eye(4)[labels], scores), abs=1e-9
        )
        assert metrics.log_loss(logits, labels, temperature) == pytest.approx(
            peer.log_loss(labels, scores), abs=1e-9
        )
        assert metrics.brier(scores, labels) == pytest.approx(
            peer.brier_score_loss(labels, scores, scale_by_half=False), abs=1e-9
        )
    assert metrics.top_accuracy(logits, labels, 2) == pytest.approx(
        peer.top_k_accuracy_score(labels, logits, k=2), abs=1e-9
    )


def as_evaluation(logits, labels, temperature=1.0):
    count = len(labels)
    return Evaluation(
        model=ModelIdentity("hand-made", "00"),
        engine="torch-fp32",
        data="none",
        classes=tuple(f"class {c}" for c in range(logits.shape[1])),
        temperature=temperature,
        paths=tuple(f"{i}.jpg" for i in range(count)),
        logits=logits,
        labels=labels,
        unknown_scores=np.full(count, np.nan),
        refused=np.zeros(count, np.bool_),
    )


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_means_over_the_classes_equal_scikit_learn(answers, average):
    logits, labels = answers
    figures = figures_of(as_evaluation(logits, labels))
    expected = peer.precision_recall_fscore_support(labels, logits.argmax(1), average=average)
    found = [getattr(figures, f"{name}_{average}") for name in ("precision", "recall", "f1")]
    assert found == pytest.approx(expected[:3], abs=1e-9)
    assert [c.support for c in figures.classes] == np.bincount(labels).tolist()


def test_a_class_that_nothing_shows_and_no_answer_names_is_left_out_of_the_means(answers):
    logits, labels = answers
    wider = np.concatenate([logits, np.full((len(logits), 6), -50.0)], axis=1)
    figures = figures_of(as_evaluation(wider, labels))
    expected = peer.precision_recall_fscore_support(labels, wider.argmax(1), average="macro")
    found = [figures.precision_macro, figures.recall_macro, figures.f1_macro]
    assert found == pytest.approx(expected[:3], abs=1e-9)


def test_the_curves_equal_scikit_learn(answers):
    logits, labels = answers
    odds = metrics.log_odds(logits)
    for c in range(4):
        found = metrics.steps(odds[:, c], labels == c)
        x, y, _ = peer.roc_curve(labels == c, odds[:, c], drop_intermediate=False)
        np.testing.assert_allclose(found.false_alarms, x, atol=1e-12)
        np.testing.assert_allclose(found.recall, y, atol=1e-12)
        precision, recall, _ = peer.precision_recall_curve(labels == c, odds[:, c])
        np.testing.assert_allclose(found.precision[::-1][-len(precision) :], precision, atol=1e-12)
        np.testing.assert_allclose(found.recall[::-1][-len(recall) :], recall, atol=1e-12)


def test_answers_that_round_to_certainty_keep_their_order():
    logits = np.array([[60.0, 0, 0], [80.0, 0, 0], [70.0, 0, 0]])
    assert softmax(logits)[:, 0].tolist() == [1, 1, 1]
    assert np.argsort(metrics.log_odds(logits)[:, 0]).tolist() == [0, 2, 1]


def test_a_class_that_nothing_shows_is_left_out_of_the_ranking(answers):
    logits, labels = answers
    wider = np.concatenate([logits, np.full((len(logits), 1), -50.0)], axis=1)
    assert metrics.roc_auc(wider, labels) == pytest.approx(metrics.roc_auc(logits, labels))


def test_near_certainty_throughout_is_noticed():
    labels = np.arange(40) % 2
    sure = as_evaluation(20 * np.eye(2)[labels], labels)
    assert near_certain(figures_of(sure))
    assert not near_certain(figures_of(as_evaluation(np.eye(2)[labels], labels)))
    few = as_evaluation(20 * np.eye(2)[labels[:4]], labels[:4])
    assert not near_certain(figures_of(few))  # four photos prove nothing


def test_the_worst_mistake_comes_first():
    logits = np.array([[3.0, 0], [0.5, 0], [0, 1], [5, 0]])
    assert as_evaluation(logits, np.array([1, 1, 1, 0])).worst(5) == [0, 1]


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
    scores = softmax(honest)
    labels = (rng.random(40_000) < scores[:, 1]).astype(int)
    assert fit_temperature(3 * honest, labels) == pytest.approx(3, rel=0.05)


def test_temperature_by_hand():
    # Every margin is 4 and three of four answers are right. Four photos make a label sure to 5/6:
    # the winner is worth (3 · 5/6 + 1/6) / 4 = 2/3, the scores are honest where
    # 1 / (1 + exp(-4 / T)) = 2/3, so T = 4 / ln 2.
    logits = np.array([[4.0, 0], [4, 0], [0, 4], [0, 4]])
    labels = np.array([0, 0, 1, 0])
    assert fit_temperature(logits, labels) == pytest.approx(4 / np.log(2), abs=1e-4)
    # Of three classes five photos make a label sure to 6/7, each other one 1/14: the winner is
    # worth (3 · 6/7 + 2 · 1/14) / 5 = 19/35, so exp(6 / T) = 19/35 : 8/35 and T = 6 / ln(19/8).
    logits = 6 * np.eye(3)[[0, 0, 1, 1, 2]]
    labels = np.array([0, 0, 1, 2, 0])
    assert fit_temperature(logits, labels) == pytest.approx(6 / np.log(19 / 8), abs=1e-4)


def test_a_dozen_right_answers_do_not_make_the_next_one_sure():
    logits = 8.0 * np.eye(2)[[0, 1] * 6]
    temperature = fit_temperature(logits, np.array([0, 1] * 6))
    assert softmax(logits / temperature).max(1) == pytest.approx(13 / 14, abs=1e-5)


def test_photos_that_were_learned_from_are_counted_and_the_others_judged_apart():
    logits, labels = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]), np.array([0, 0, 1, 0])
    seen = replace(as_evaluation(logits, labels), learned=np.array([True, True, False, False]))
    figures = figures_of(seen)
    assert (figures.learned, figures.accuracy, figures.accuracy_others) == (2, 0.75, 0.5)
    everything = figures_of(replace(seen, learned=np.ones(4, np.bool_)))
    assert (everything.learned, everything.accuracy_others) == (4, None)
    assert figures_of(as_evaluation(logits, labels)).accuracy_others is None


def test_threshold_refuses_at_most_the_share_asked_for():
    known = np.arange(100.0)
    threshold = threshold_at(known, 0.02)
    assert threshold == 97
    assert (known > threshold).sum() == 2


def test_separation_by_hand():
    known, strange = np.array([1.0, 2, 3, 4]), np.array([3.5, 5, 6, 7])
    found = separation(known, strange, 4.5)
    assert found.auroc == 15 / 16
    assert found.fpr95 == 1 / 4  # up to 4 all known pass, and 3.5 with them
    assert (found.known_refused, found.strange_refused) == (0, 0.75)
    assert fpr95(known, strange) == found.fpr95


def test_the_rate_of_false_passes_leaves_the_strangest_twentieth_out():
    known, strange = np.arange(1.0, 21), np.array([18.5, 19, 19.5, 30])
    assert fpr95(known, strange) == 2 / 4  # 19 of 20 pass up to 19
