"""Sanity of data and networks, as one looks at them before trusting a training."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from petvision.events import result_of
from petvision.images.types import InputSpec
from training.config import Augment, Model
from training.data import split_of
from training.loader import Loader
from training.network import start
from training.settings import parse_config

NETWORKS = ("resnet18", "alexnet-gap", "vgg16-gap")


@pytest.fixture
def split(small_config, tmp_path):
    return result_of(split_of(parse_config(small_config, "test"), tmp_path / "data.json"))


def test_no_photo_is_in_two_parts_and_every_class_in_both(split):
    train, validation = ({p.path for p in part} for part in (split.train, split.validation))
    assert not train & validation
    for part in (split.train, split.validation):
        assert {p.label for p in part} == set(split.classes)


def test_batches_hold_what_they_claim(split):
    loader = Loader(split.train, split.classes, InputSpec(size=32, resize=36), 8, Augment(), 1)
    for batch in loader.epoch(0):
        assert batch.pixels.shape == (8, 32, 32, 3)
        assert batch.pixels.dtype == np.uint8
        assert 10 < batch.pixels.mean() < 245
        assert set(batch.labels.tolist()) <= {0, 1}
        # Red photos are cats, blue ones dogs, however they are turned and coloured.
        redder = batch.pixels[..., 0].mean((1, 2)) > batch.pixels[..., 2].mean((1, 2))
        assert (redder == (batch.labels == 0)).mean() >= 0.5


def test_an_epoch_shows_every_photo_once(split):
    loader = Loader(split.train, split.classes, InputSpec(size=32, resize=36), 6, Augment(), 1)
    seen = np.concatenate([batch.labels for batch in loader.epoch(0)])
    assert np.bincount(seen).tolist() == [12, 12]


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_network_answers_finitely_and_every_weight_gets_a_gradient(architecture):
    torch.manual_seed(0)
    net, _ = start(Model(architecture=architecture), ("cat", "dog", "bird"))
    x = torch.randn(2, 3, 64, 64)
    logits, gate = net.eval()(x)
    assert logits.shape == (2, 3)
    assert gate is None
    assert torch.isfinite(logits).all()
    assert torch.allclose(net.head(net.features(x)), logits, atol=1e-5)
    functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


def test_a_network_can_learn_one_batch_by_heart():
    torch.manual_seed(0)
    net, _ = start(Model(architecture="resnet18", blocks_per_stage=(1, 1, 1, 1)), ("cat", "dog"))
    x, y = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(12):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x)[0], y)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05
