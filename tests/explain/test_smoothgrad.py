import numpy as np
import pytest
import torch
from torch import nn

from petvision.events import Partial
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import WeighedPixels, events, explain, handle_of, noise


def plain_smoothgrad(
    network: nn.Module, pixels: np.ndarray, target: int, samples: int, share: float, seed: int
) -> np.ndarray:
    """As the paper has it, one sample at a time."""
    drawn = torch.Generator().manual_seed(seed)
    photo = torch.from_numpy(pixels)
    total = torch.zeros_like(photo)
    for _ in range(samples):
        noisy = photo + share * (photo.max() - photo.min()) * torch.randn(
            photo.shape, generator=drawn
        )
        noisy.requires_grad_()
        network(noisy)[0, target].backward()
        total += noisy.grad
    return (total / samples)[0].abs().sum(0).numpy()


@pytest.mark.parametrize(("samples", "share", "seed"), [(1, 0.15, 0), (5, 0.3, 3), (4, 0.0, 1)])
def test_the_map_is_the_plain_references(
    resnet: ResNet, resnet_handle: ModelHandle, samples: int, share: float, seed: int
) -> None:
    expected = plain_smoothgrad(resnet, noise(64), 1, samples, share, seed)
    found = explain(
        "smoothgrad", resnet_handle, noise(64), "dog", samples=samples, noise=share, seed=seed
    )
    assert np.abs(found.heat - expected).max() <= 1e-4 * expected.max()
    assert found.provenance.seed == seed


def test_the_map_is_captums_with_the_same_seed(resnet: ResNet, resnet_handle: ModelHandle) -> None:
    from captum.attr import NoiseTunnel, Saliency

    pixels = torch.from_numpy(noise(64)).requires_grad_()
    torch.manual_seed(5)
    theirs = NoiseTunnel(Saliency(resnet)).attribute(
        pixels,
        nt_samples=6,
        nt_samples_batch_size=2,
        stdevs=0.15 * float(np.ptp(noise(64))),
        target=0,
        abs=False,
    )
    expected = theirs.detach().abs()[0].sum(0).numpy()
    found = explain("smoothgrad", resnet_handle, noise(64), samples=6, seed=5)
    assert np.abs(found.heat - expected).max() <= 1e-4 * expected.max()


def test_a_linear_network_gives_its_weights_whatever_the_noise() -> None:
    weights = torch.tensor(noise(8, seed=1))
    found = explain("smoothgrad", handle_of(WeighedPixels(weights), 8), noise(8), noise=0.5)
    np.testing.assert_allclose(found.heat, weights[0].abs().sum(0).numpy(), rtol=1e-5)
    assert not found.signed


def test_it_sharpens_step_by_step(resnet_handle: ModelHandle) -> None:
    seen = list(events("smoothgrad", resnet_handle, noise(64), samples=16))
    counts = [event.value.facts[0].value for event in seen if isinstance(event, Partial)]
    assert counts == sorted(counts)
    assert len(counts) >= 4
