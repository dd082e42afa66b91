"""Files of bare tensors in torchvision's layout: .pth and .safetensors without a card."""

import pytest
import torch
from safetensors.torch import save_file

from petvision.errors import ModelError
from petvision.models.architectures import build, infer, shapes
from petvision.models.files import read_checkpoint, read_model
from petvision.models.resnet import SHAPES, build_resnet


class RunsCode:
    """A pickle of this runs a function when it is loaded."""

    def __reduce__(self):
        return print, ("this must never be seen",)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_resnet("resnet18", 10)


@pytest.mark.parametrize("architecture", list(SHAPES))
def test_a_residual_network_is_told_by_its_shapes(architecture):
    with torch.device("meta"):
        guess = infer(shapes(build_resnet(architecture, 7)), "x")
    assert (guess.architecture, guess.classes) == (architecture, 7)


@pytest.mark.parametrize("architecture", ["alexnet", "vgg16", "alexnet-gap", "vgg16-gap"])
def test_a_plain_network_is_told_by_its_shapes(architecture):
    with torch.device("meta"):
        guess = infer(shapes(build(architecture, 10)), "x")
    assert (guess.architecture, guess.classes) == (architecture, 10)


def test_a_state_dict_opens_with_numbered_classes(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "resnet18_mine.pth")
    stored = read_model(tmp_path / "resnet18_mine.pth")
    assert stored.card.architecture == "resnet18"
    assert stored.card.name == "resnet18_mine"
    assert stored.card.classes[:2] == ("class 0", "class 1")
    assert torch.equal(torch.from_numpy(stored.tensor("net.fc.bias")), network.fc.bias)


def test_classes_may_be_named(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "a.pth")
    stored = read_checkpoint(tmp_path / "a.pth", "resnet18", list("abcdefghij"))
    assert stored.card.classes == tuple("abcdefghij")


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_a_training_checkpoint_of_data_parallel_opens(network, tmp_path, key):
    tensors = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({key: tensors, "epoch": 3}, tmp_path / "a.pth")
    assert read_model(tmp_path / "a.pth").card.architecture == "resnet18"


def test_safetensors_without_a_card_open(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "a b é.safetensors")
    stored = read_model(tmp_path / "a b é.safetensors")
    assert stored.card.classes[-1] == "class 9"
    assert stored.card.name == "a-b--"


def test_a_thousand_classes_are_imagenets(tmp_path):
    torch.save(build_resnet("resnet18", 1000).state_dict(), tmp_path / "a.pth")
    classes = read_model(tmp_path / "a.pth").card.classes
    assert classes[281] == "tabby"
    assert classes[151] == "Chihuahua"
    assert len(set(classes)) == 1000


def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path, capsys):
    torch.save({"fc.weight": RunsCode()}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="wants to run code") as caught:
        read_model(tmp_path / "a.pth")
    assert caught.value.code == "not_a_model"
    assert "never be seen" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no tensors by name"),
        ([torch.zeros(1)], "no tensors by name"),
        ({"epoch": 3}, "other things than tensors"),
        ({"weight": torch.zeros(3)}, "fit none of the networks"),
        ({"weight": torch.zeros(3, dtype=torch.int32)}, "number format"),
    ],
)
def test_checkpoints_that_are_no_network(tmp_path, content, words):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=words):
        read_model(tmp_path / "a.pth")


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"PK\x03\x04 cut short", b"text"])
def test_bytes_that_are_no_checkpoint(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_model(tmp_path / "a.pth")
    assert caught.value.code == "not_a_model"


def test_features_alone_are_no_classifier(network, tmp_path):
    tensors = {n: t for n, t in network.state_dict().items() if not n.startswith("fc.")}
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="without a last layer"):
        read_model(tmp_path / "a.pth")
