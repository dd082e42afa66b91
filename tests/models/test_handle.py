import numpy as np
import pytest
import torch
from torch import nn

from petvision.errors import ConfigError, ModelError
from petvision.images.types import InputSpec
from petvision.models.architectures import build
from petvision.models.cards import UnknownCard
from petvision.models.files import sha256_of, write_model
from petvision.models.handle import from_network, open_model
from tests.models.tiny import SIZE, pictures, random_gate, tiny_card, tiny_resnet, write_tiny


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("model") / "tiny.safetensors", storage="fp32")


@pytest.fixture
def handle(path):
    return open_model(path, device="cpu")


def test_it_answers_as_the_network_that_was_written(handle):
    x = pictures(3)
    with torch.inference_mode():
        expected = tiny_resnet()(torch.from_numpy(x)).numpy()
    assert np.abs(handle.logits(x) - expected).max() <= 1e-4 * np.ptp(expected)


def test_it_knows_what_it_is(handle, path):
    assert handle.identity.name == "tiny"
    assert handle.sha256 == sha256_of(path)
    assert handle.spec == InputSpec(size=SIZE, resize=72)
    assert handle.class_index("dog") == 1


def test_its_network_is_ready_for_gradients_by_the_picture(handle):
    assert not any(p.requires_grad for p in handle.network.parameters())
    assert not any(m.training for m in handle.network.modules())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in handle.network.modules())
    # In the order that OpenVINO's graphs take without a copy.
    assert all(p.is_contiguous() for p in handle.network.parameters())
    gradients = []
    for network in (handle.network, tiny_resnet()):
        x = torch.from_numpy(pictures(1)).requires_grad_()
        network(x)[0, 0].backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-3 * float(gradients[1].abs().max()))


def test_gradients_of_a_blocks_output_survive_the_relus_in_place(handle):
    caught = []
    layer = handle.network.get_submodule("layer4.0.conv2")
    hook = layer.register_forward_hook(lambda _m, _i, y: caught.append(y) or y.clone())
    try:
        x = torch.from_numpy(pictures(1)).requires_grad_()
        logit = handle.network(x)[0, 0]
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(logit, caught[0])
    assert gradient.abs().max() > 0


def test_a_float32_file_can_be_opened(tmp_path):
    """Its tensors are views of the mapped file, where folding must not write."""
    network = tiny_resnet()
    path = tmp_path / "tiny.safetensors"
    write_model(path, tiny_card(), network.state_dict(), storage="fp32")
    before = path.read_bytes()
    handle = open_model(path)
    batch = pictures(2)
    with torch.no_grad():
        expected = network.eval()(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(handle.logits(batch), expected, atol=1e-4)
    assert path.read_bytes() == before


def test_a_tensor_can_be_had_as_it_was_trained(handle):
    trained = tiny_resnet().conv1.weight.detach().numpy()
    assert np.array_equal(handle.stored("conv1.weight"), trained)
    folded = handle.network.get_submodule("conv1").weight.detach().numpy()
    assert not np.allclose(folded, trained)
    with pytest.raises(ModelError, match="missing"):
        handle.stored("conv99.weight")


def test_features_are_the_average_of_the_last_maps(handle):
    trunk = handle.reference.forward(pictures(2), maps=True)
    assert trunk.maps.shape == (2, 512, 2, 2)
    assert np.allclose(trunk.maps.mean((2, 3)), trunk.features, atol=1e-6)
    assert handle.heads.pooled
    assert handle.reference.forward(pictures(2)).maps is None


def test_an_unknown_class_is_answered_with_the_nearest(handle):
    with pytest.raises(ConfigError, match="Did you mean dog"):
        handle.class_index("dgo")
    with pytest.raises(ConfigError, match="It knows cat, dog"):
        handle.class_index("zebra")


def test_a_device_that_is_not_here(path):
    with pytest.raises(ConfigError, match="must be one of cpu"):
        open_model(path, device="quantum")


def test_a_name_that_is_not_there():
    with pytest.raises(ModelError, match="models list"):
        open_model("no-such-model-at-all")


def test_the_gate_and_the_bank_come_along(tmp_path):
    draw = np.random.default_rng(0)
    bank = draw.normal(size=(20, 512)).astype(np.float32)
    for score in ("pet_mass", "knn"):
        card = tiny_card(UnknownCard(score=score, threshold=0.5))
        path = write_tiny(
            tmp_path / f"{score}.safetensors",
            card=card,
            gate=random_gate(),
            unknown={"bank": bank},
        )
        handle = open_model(path, device="cpu")
        verdicts = handle.heads.verdicts(handle.reference.forward(pictures(3)).features)
        assert verdicts.unknown.shape == (3,)
        assert np.isfinite(verdicts.unknown).all()


# --- networks in memory -----------------------------------------------------------------------


def test_a_network_in_memory_is_left_as_it_is():
    network = tiny_resnet().train()
    handle = from_network(network, ("cat", "dog"))
    assert network.training
    assert isinstance(network.bn1, nn.BatchNorm2d)
    assert np.array_equal(handle.stored("conv1.weight"), network.conv1.weight.detach().numpy())


def test_networks_with_other_weights_have_other_digests():
    a, b = (from_network(tiny_resnet(seed=seed), ("cat", "dog")).sha256 for seed in (0, 1))
    assert a != b


def test_a_network_of_any_build_answers_with_its_logits():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    handle = from_network(network, ("a", "b"), InputSpec(size=8, resize=8))
    x = pictures(2, 8)
    with torch.inference_mode():
        expected = network(torch.from_numpy(x)).numpy()
        maps = network[0](torch.from_numpy(x)).numpy()
    assert np.allclose(handle.logits(x), expected, atol=1e-5)
    assert np.allclose(handle.reference.forward(x, maps=True).maps, maps, atol=1e-5)
    assert handle.heads.classifier is None
    assert not handle.heads.pooled


def test_a_network_without_convolutions_has_no_maps():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2))
    handle = from_network(network, ("a", "b"), InputSpec(size=8, resize=8))
    assert handle.reference.forward(pictures(1, 8), maps=True).maps is None


@pytest.mark.parametrize(("architecture", "width"), [("alexnet", 4096), ("alexnet-gap", 256)])
def test_plain_networks_are_cut_before_their_last_layer(architecture, width):
    torch.manual_seed(0)
    network = build(architecture, 3).eval()
    handle = from_network(network, ("a", "b", "c"))
    x = pictures(2, 96)
    with torch.inference_mode():
        expected = network(torch.from_numpy(x)).numpy()
    assert np.allclose(handle.logits(x), expected, atol=1e-5)
    trunk = handle.reference.forward(x, maps=True)
    assert trunk.maps.shape[1] == 256
    assert trunk.features.shape == (2, width)
