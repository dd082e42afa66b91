import numpy as np
import pytest

from petvision.models.boundary import margin_slope, margins, near_boundary, two_best, unknown_slope
from petvision.models.heads import Heads, Linear
from petvision.models.unknown import UnknownScore, unit_rows
from tests.models.tiny import random_gate

WIDTH = 8


@pytest.fixture
def heads() -> Heads:
    draw = np.random.default_rng(0)
    classifier = Linear(
        draw.normal(size=(3, WIDTH)).astype(np.float32), np.array([0.1, 0.0, -0.1], np.float32)
    )
    gate = random_gate(WIDTH)
    statistics = {f"{p}.{s}": 1.0 for p in ("pet_mass", "knn") for s in ("weight", "mean", "std")}
    bank = unit_rows(draw.normal(size=(9, WIDTH)).astype(np.float32))
    score = UnknownScore("combined", 0.3, 1.0, statistics, bank)
    return Heads(classifier, True, Linear(gate["weight"], gate["bias"]), 1.0, score)


def features(count: int = 200) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("share", [1e-3, 1e-2])
def test_no_verdict_flips_unless_it_was_called_near(heads, share):
    draw = np.random.default_rng(2)
    exact = features()
    way = draw.normal(size=exact.shape)
    # The worst ways of all are the gradients themselves; random ones stay far within.
    way *= share * np.linalg.norm(exact, axis=1)[:, None] / np.linalg.norm(way, axis=1)[:, None]
    found = (exact + way).astype(np.float32)
    right, seen = heads.verdicts(exact), heads.verdicts(found)
    threshold = float(np.median(right.unknown))
    near = near_boundary(heads, found, seen, threshold, share)
    flipped = right.logits.argmax(1) != seen.logits.argmax(1)
    flipped |= (right.unknown > threshold) != (seen.unknown > threshold)
    assert not (flipped & ~near).any()
    assert near.mean() < 0.2


def test_a_step_along_the_gradient_moves_the_margin_as_far_as_told(heads):
    exact = features(5)
    verdicts = heads.verdicts(exact)
    best, second = two_best(verdicts.logits)
    gradient = heads.classifier.weight[best] - heads.classifier.weight[second]
    step = 0.01 * np.linalg.norm(exact, axis=1) / np.linalg.norm(gradient, axis=1)
    moved = heads.logits((exact + step[:, None] * gradient).astype(np.float32))
    change = margins(moved, best, second) - margins(verdicts.logits, best, second)
    assert change == pytest.approx(0.01 * margin_slope(heads, exact, best, second), rel=1e-3)


def test_the_slope_of_the_unknown_score_is_its_steepest_change(heads):
    exact = features(5)
    told = unknown_slope(heads, exact, heads.verdicts(exact))
    draw = np.random.default_rng(3)
    steepest = np.zeros(5)
    for _ in range(300):
        way = draw.normal(size=exact.shape)
        way *= 1e-3 * np.linalg.norm(exact, axis=1)[:, None] / np.linalg.norm(way, axis=1)[:, None]
        ends = [heads.verdicts((exact + s * way).astype(np.float32)).unknown for s in (1, -1)]
        steepest = np.maximum(steepest, np.abs(ends[0] - ends[1]) / 2e-3)
    assert (steepest <= told * 1.01).all()
    assert (steepest >= told * 0.5).all()


def test_the_reference_is_never_near(heads):
    verdicts = heads.verdicts(np.zeros((3, WIDTH), np.float32))
    assert not near_boundary(heads, np.zeros((3, WIDTH), np.float32), verdicts, 0.0, 0.0).any()


def test_a_single_class_has_no_boundary_between_classes():
    heads = Heads(Linear(np.ones((1, WIDTH), np.float32), np.zeros(1, np.float32)))
    assert not near_boundary(heads, features(4), heads.verdicts(features(4)), None, 0.1).any()


def test_features_that_are_the_logits():
    heads = Heads(None)
    logits = np.array([[1.0, 0.999], [1.0, 0.5]], np.float32)
    near = near_boundary(heads, logits, heads.verdicts(logits), None, 0.01)
    assert near.tolist() == [True, False]
