"""Starting points and the head's logistic regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from training.config import Model
from training.head import fit_head
from training.recipes import blended, class_weights


def test_the_head_is_the_logistic_regression_scikit_learn_finds():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    features = (rng.normal(size=(200, 6)) + labels[:, None]).astype(np.float32)
    decay = 0.01
    weight, bias = fit_head(features, labels, np.ones(2, np.float32), decay)
    # One weight vector of a two-class softmax is half of the binary one: its penalty is doubled.
    scaled = (features - features.mean(0)) / features.std(0)
    peer = LogisticRegression(C=2 / (decay * len(labels)), tol=1e-8).fit(scaled, labels)
    ours = features @ (weight[1] - weight[0]).numpy() + float(bias[1] - bias[0])
    np.testing.assert_allclose(ours, peer.decision_function(scaled), atol=2e-3)


def test_a_gate_needs_starting_weights():
    with pytest.raises(ValueError, match="gate needs pretrained weights"):
        Model(architecture="resnet18", gate=1.0)


def test_balanced_weights_make_each_class_count_the_same():
    weights = class_weights([0, 1, 1, 1], 2, "balanced")
    assert (weights * torch.tensor([1.0, 3.0])).tolist() == [2.0, 2.0]


def test_blended_weights_lie_between():
    start_, end = (
        {"w": torch.zeros(2), "n": torch.tensor(1)},
        {"w": torch.ones(2), "n": torch.tensor(4)},
    )
    mixed = blended(start_, end, 0.25)
    assert mixed["w"].tolist() == [0.25, 0.25]
    assert int(mixed["n"]) == 4
