import numpy as np
import torch
from torch import nn

from petvision.explain.results import ChannelMaps
from petvision.models.handle import ModelHandle
from petvision.models.resnet import ResNet
from tests.explain.tiny import explain, handle_of, noise


def test_a_residual_networks_depth_is_its_stem_and_stages(resnet_handle: ModelHandle) -> None:
    found = explain("feature_maps", resnet_handle, noise(64), channels=5)
    assert isinstance(found, ChannelMaps)
    assert [layer.label for layer in found.layers] == [
        "stem", "layer1", "layer2", "layer3", "layer4",
    ]  # fmt: skip
    assert [layer.maps.shape for layer in found.layers] == [
        (5, 32, 32), (5, 16, 16), (5, 8, 8), (5, 4, 4), (5, 2, 2),
    ]  # fmt: skip
    assert [layer.total for layer in found.layers] == [64, 64, 128, 256, 512]


@torch.no_grad()
def test_the_maps_are_the_layers_own_outputs(resnet: ResNet, resnet_handle: ModelHandle) -> None:
    x = torch.from_numpy(noise(64))
    stem = resnet.relu(resnet.bn1(resnet.conv1(x)))
    layer1 = resnet.layer1(resnet.maxpool(stem))
    found = explain("feature_maps", resnet_handle, noise(64), channels=64, choose="first")
    np.testing.assert_allclose(found.layers[0].maps, stem[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.layers[1].maps, layer1[0].numpy(), atol=1e-5)
    assert found.layers[1].channels == tuple(range(64))


def test_the_strongest_channels_come_first() -> None:
    """Map 0 is red, map 1 is ten times green, map 2 is blue."""
    convolution = nn.Conv2d(3, 3, 1, bias=False)
    convolution.weight.data = torch.diag(torch.tensor([1.0, 10, 3])).reshape(3, 3, 1, 1)
    network = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    pixels = np.ones((1, 3, 4, 4), np.float32)
    (layer,) = explain("feature_maps", handle_of(network, 4), pixels, channels=2).layers
    assert layer.channels == (1, 2)
    np.testing.assert_array_equal(layer.maps, np.stack([np.full((4, 4), v) for v in (10.0, 3.0)]))
    (layer,) = explain("feature_maps", handle_of(network, 4), pixels, choose="first").layers
    assert layer.channels == (0, 1, 2)


def test_a_plain_networks_depth_is_the_last_layer_of_each_size() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(6 * 16, 2),
    )  # fmt: skip
    found = explain("feature_maps", handle_of(network, 16), noise(16))
    assert [(layer.label, layer.maps.shape) for layer in found.layers] == [
        ("1", (4, 16, 16)),
        ("4", (6, 8, 8)),
    ]
