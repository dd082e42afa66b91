"""Relative Mahalanobis distance against the formula written out."""

import numpy as np
import pytest

from petvision.models.mahalanobis import SHRINKAGE, fit


@pytest.fixture
def known():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    features = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)) + 4 * np.eye(3, 5)[labels]
    return features.astype(np.float32), labels


def distance(x, mean, centred):
    covariance = centred.T @ centred / len(centred)
    level = np.trace(covariance) / len(covariance)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(len(covariance))
    return (x - mean) @ np.linalg.inv(shrunk) @ (x - mean)


def test_it_is_the_nearest_class_beyond_everything_together(known):
    features, labels = known
    x = features.astype(np.float64)
    means = np.stack([x[labels == c].mean(0) for c in range(3)])
    photo = x[7] + 0.3
    classes = [distance(photo, m, x - means[labels]) for m in means]
    expected = min(classes) - distance(photo, x.mean(0), x - x.mean(0))
    found = fit(features, labels)(photo[None].astype(np.float32))
    assert found[0] == pytest.approx(expected, rel=1e-5)


def test_what_lies_between_the_classes_is_stranger_than_what_lies_in_one(known):
    features, labels = known
    score = fit(features, labels)
    outside = features.mean(0) + np.array([0, 0, 0, 9, 9], np.float32)
    assert score(outside[None])[0] > np.quantile(score(features), 0.9)


def test_more_features_than_photos_are_no_obstacle():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(10, 40)).astype(np.float32)
    assert np.isfinite(fit(features, np.arange(10) % 2)(features)).all()
