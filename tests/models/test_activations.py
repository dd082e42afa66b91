import contextlib

import numpy as np
import pytest
import torch
from torch import nn

from petvision.models.activations import (
    depths,
    gradient_at_input,
    gradient_at_layer,
    last_layer,
    quiet,
    record,
)
from petvision.models.resnet import build_resnet

PICTURE = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)


class Twice(nn.Module):
    """Runs one layer twice: cat is the sum of what it says the second time, doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.unused = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        second = self.relu(self.relu(x) - 0.5)
        total = second.sum((1, 2, 3))
        return torch.stack([2 * total, -total], 1)


def test_the_last_run_of_a_layer_counts() -> None:
    second = np.maximum(np.maximum(PICTURE, 0) - 0.5, 0)
    np.testing.assert_allclose(record(Twice(), ["relu"], PICTURE)["relu"], second)
    found = gradient_at_layer(Twice(), "relu", PICTURE, 0)
    assert found is not None
    np.testing.assert_allclose(found.activation, second[0])
    assert (found.gradient == 2).all()
    assert found.logit == pytest.approx(2 * second.sum(), rel=1e-5)


def test_a_layer_that_is_not_reached_has_no_answer() -> None:
    assert record(Twice(), ["unused"], PICTURE) == {}
    assert gradient_at_layer(Twice(), "unused", PICTURE, 0) is None


def test_the_gradient_at_the_input_is_each_pictures_own() -> None:
    batch = np.concatenate([PICTURE, -PICTURE])
    gradients, logits = gradient_at_input(Twice(), batch, 1)
    np.testing.assert_allclose(gradients, np.where(batch > 0.5, -1, 0))
    np.testing.assert_allclose(logits, -np.maximum(batch - 0.5, 0).sum((1, 2, 3)), rtol=1e-5)


def test_modes_come_back_when_something_fails() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Dropout())
    network[1].eval()
    with contextlib.suppress(RuntimeError), quiet(network):
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
        raise RuntimeError
    assert [m.training for m in network.modules()] == [True, True, False]
    assert all(p.requires_grad for p in network.parameters())


@torch.no_grad()
def test_a_residual_networks_layers_are_named_as_people_do() -> None:
    network = build_resnet("resnet18", 2).eval()
    picture = np.zeros((1, 3, 64, 64), np.float32)
    assert last_layer(network, picture) == "layer4"
    assert [label for label, _ in depths(network, picture)] == [
        "stem", "layer1", "layer2", "layer3", "layer4",
    ]  # fmt: skip


def test_a_network_without_convolutions_has_no_last_layer() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    assert last_layer(network, PICTURE) == ""
    assert depths(network, PICTURE) == ()
