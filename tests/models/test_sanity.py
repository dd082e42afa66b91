"""The first things one checks of any network: shapes, finite answers, gradients, that it learns."""

import math

import pytest
import torch
from torch.nn import functional as F

from petvision.models.architectures import build
from petvision.models.handle import from_network

SMALL = {"resnet18": (1, 1, 1, 1), "resnet50": (1, 1, 1, 1), "alexnet-gap": None}


@pytest.fixture(params=SMALL)
def network(request):
    torch.manual_seed(0)
    return build(request.param, 5, SMALL[request.param])


def test_a_batch_gives_finite_logits_of_its_shape(network):
    with torch.inference_mode():
        logits = network.eval()(torch.randn(3, 3, 64, 64))
    assert logits.shape == (3, 5)
    assert torch.isfinite(logits).all()


def test_an_untrained_network_is_about_as_good_as_a_guess(network):
    x, y = torch.randn(20, 3, 64, 64), torch.arange(20) % 5
    with torch.inference_mode():
        loss = F.cross_entropy(network.train()(x), y)
    assert abs(float(loss) - math.log(5)) < 1.0


def test_the_gradient_reaches_every_weight(network):
    F.cross_entropy(network.train()(torch.randn(4, 3, 64, 64)), torch.arange(4)).backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None]
    assert not silent
    first = next(network.parameters())
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_one_batch_can_be_learned_by_heart():
    torch.manual_seed(1)
    network = build("resnet18", 3, (1, 1, 1, 1)).train()
    x, y = torch.randn(6, 3, 48, 48), torch.arange(6) % 3
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(12):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1
    assert (network(x).argmax(1) == y).all()


def test_a_photo_is_judged_alike_alone_and_in_a_batch(network):
    handle = from_network(network.eval(), "abcde")
    batch = torch.randn(4, 3, 64, 64).numpy()
    together = handle.logits(batch)
    for i in range(4):
        assert together[i] == pytest.approx(handle.logits(batch[i : i + 1])[0], abs=1e-4)
