import pytest
import torch
from safetensors.torch import load_file

from petvision.models.architectures import build_empty, shapes
from petvision.models.resnet import SHAPES, build_resnet, grow
from petvision.models.torchvision_door import torchvision
from tests.models.tiny import lively


def difference(a: torch.nn.Module, b: torch.nn.Module, size: int) -> float:
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return float((a.eval()(x) - b.eval()(x)).abs().max())


@pytest.mark.parametrize("architecture", list(SHAPES))
def test_it_is_torchvisions_own_network(architecture):
    ours = lively(build_resnet(architecture, 5))
    theirs = torchvision().models.get_model(architecture, weights=None, num_classes=5)
    theirs.load_state_dict(ours.state_dict())
    assert difference(ours, theirs, 64) <= 1e-6

    ours.load_state_dict(lively(theirs, seed=1).state_dict())
    assert difference(ours, theirs, 48) <= 1e-6


def test_a_network_may_have_other_blocks_a_stage():
    network = build_resnet("resnet50", 3, (1, 2, 1, 1))
    assert "layer2.1.conv3.weight" in network.state_dict()
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_an_empty_network_has_every_shape_and_no_memory():
    network = build_empty("resnet152", 2)
    assert all(p.is_meta for p in network.parameters())
    assert shapes(network)["layer3.35.conv3.weight"] == (1024, 256, 1, 1)


def test_a_grown_network_computes_the_same_bit_for_bit():
    torch.manual_seed(0)
    small = lively(build_resnet("resnet50", 4, (1, 2, 2, 2)))
    large = build_resnet("resnet50", 4, (1, 2, 4, 3))
    large.load_state_dict(grow(small.state_dict(), (1, 2, 4, 3)))
    assert difference(small, large, 64) == 0


def test_a_grown_block_can_learn_from_the_first_step():
    small = lively(build_resnet("resnet50", 2, (1, 1, 2, 1)))
    large = build_resnet("resnet50", 2, (1, 1, 3, 1))
    large.load_state_dict(grow(small.state_dict(), (1, 1, 3, 1)))
    large.eval()(torch.randn(1, 3, 64, 64)).sum().backward()
    assert large.layer3[2].bn3.weight.grad.abs().max() > 0


def test_growing_does_not_touch_the_smaller_network():
    small = lively(build_resnet("resnet50", 2, (1, 1, 2, 1)))
    before = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    grow(small.state_dict(), (1, 1, 3, 1))
    assert all(torch.equal(before[name], tensor) for name, tensor in small.state_dict().items())


def test_the_real_resnet_50_grows_into_a_resnet_101(pretrained):
    tensors = load_file(pretrained / "resnet50-ktb.safetensors")
    small, large = build_resnet("resnet50", 1000), build_resnet("resnet101", 1000)
    small.load_state_dict(tensors, strict=False)
    large.load_state_dict(grow(tensors, SHAPES["resnet101"][1]), strict=False)
    assert difference(small, large, 96) == 0
