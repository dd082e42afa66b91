import numpy as np
import pytest

from petvision.errors import ConfigError
from petvision.explain.results import KernelSet
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import explain, noise


def test_the_filters_are_the_stored_ones_not_the_folded(
    resnet: ResNet, resnet_handle: ModelHandle
) -> None:
    found = explain("kernels", resnet_handle, noise(64), order="number")
    assert isinstance(found, KernelSet)
    stored = resnet.conv1.weight.detach().numpy()
    np.testing.assert_array_equal(found.weights, stored)
    np.testing.assert_allclose(
        found.norms, np.linalg.norm(stored.reshape(64, -1), axis=1), rtol=1e-5
    )
    assert (found.layer, found.total) == ("conv1", 64)
    assert found.channels == tuple(range(64))


def test_the_strongest_filters_come_first(resnet_handle: ModelHandle) -> None:
    found = explain("kernels", resnet_handle, noise(64), count=10)
    assert (np.diff(found.norms) <= 0).all()
    assert len(found.channels) == len(found.weights) == 10
    assert found.total == 64


def test_a_deeper_layer_can_be_asked_for(resnet_handle: ModelHandle) -> None:
    found = explain("kernels", resnet_handle, noise(64), layer="layer2.0.conv1", count=128)
    assert found.weights.shape == (128, 64, 3, 3)


@pytest.mark.parametrize("layer", ["layer2", "conv9"])
def test_what_is_no_convolution_is_refused(resnet_handle: ModelHandle, layer: str) -> None:
    with pytest.raises(ConfigError, match="a convolution's name"):
        explain("kernels", resnet_handle, noise(64), layer=layer)
