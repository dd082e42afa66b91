"""EfficientNet-Lite0: the weights a Python package carries, as any other model of the zoo."""

import json

import numpy as np
import pytest
import torch

from petvision.cli import main
from petvision.errors import ModelError
from petvision.models import zoo
from petvision.models.efficientnet_lite import EfficientNetLite, SameConv2d
from petvision.models.fold import fold_batchnorm
from petvision.models.handle import open_model
from tests.models.tiny import lively

NAME = "imagenet-efficientnet-lite0"
CATS = ("tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat")


@pytest.fixture(scope="module")
def handle():
    return open_model(NAME)


def test_padding_is_tensorflows():
    """By hand: six places in steps of two take one more at the end only; a 5×5 one, 1 and 2."""
    sums = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(sums.weight)
    with torch.no_grad():
        assert sums(torch.ones(1, 1, 6, 6))[0, 0].tolist() == [[9, 9, 6], [9, 9, 6], [6, 6, 4]]
        assert sums(torch.ones(1, 1, 5, 5))[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    wide = SameConv2d(1, 1, 5, 2, bias=False)
    torch.nn.init.ones_(wide.weight)
    with torch.no_grad():
        assert wide(torch.ones(1, 1, 6, 6))[0, 0, 1].tolist() == [20, 25, 15]


def test_the_folded_network_answers_as_before():
    torch.manual_seed(0)
    network = lively(EfficientNetLite(3))
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(pictures)
        fold_batchnorm(network)
        after = network(pictures)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    assert (before - after).abs().max() <= 1e-4 * before.abs().max()


def test_it_has_its_own_preprocessing_and_all_thousand_names(handle):
    spec = handle.spec
    assert (spec.size, spec.resize, spec.interpolation) == (224, 256, "bicubic")
    assert spec.mean == pytest.approx([127 / 255] * 3)
    assert spec.std == pytest.approx([128 / 255] * 3)
    assert len(handle.card.classes) == 1000
    assert tuple(handle.card.classes[281:286]) == CATS


def test_the_zoo_lists_it_with_its_licence_and_knows_its_digest():
    (entry,) = (entry for entry in zoo.models() if entry.name == NAME)
    assert (entry.origin, entry.architecture, entry.classes) == (
        "package", "efficientnet-lite0", 1000,
    )  # fmt: skip
    assert entry.licence.startswith("Apache-2.0")
    assert zoo.verify(NAME).recorded == zoo.verify("efficientnet-lite0").sha256


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(zoo.PACKAGED, NAME, zoo.Packaged("no_such", "x.pth", "", "imagenet", ""))
    with pytest.raises(ModelError, match=r"petvision\[imagenet\]"):
        zoo.find(NAME)


def test_it_tells_a_cat_and_a_shepherd_dog(samples, capsys):
    photos = [str(samples / "cat.jpg"), str(samples / "dog.jpg")]
    assert main(["predict", *photos, "--model", NAME, "--json"]) == 0
    cat, dog = map(json.loads, capsys.readouterr().out.splitlines())
    assert cat["label"] in CATS
    assert sum(cat["scores"][name] for name in CATS) > 0.6
    assert dog["label"] == "German shepherd"


def test_it_is_explained(samples, tmp_path):
    words = ["explain", str(samples / "dog.jpg"), "--model", NAME, "--out", str(tmp_path)]
    assert main([*words, "--methods", "gradcam,feature_maps,kernels"]) == 0
    heat = np.load(tmp_path / "dog" / "gradcam.npy")
    assert heat.max() > 0


def test_its_filters_are_looked_at(samples, tmp_path, capsys):
    words = ["neurons", str(samples / "cat.jpg"), "--model", NAME, "--out", str(tmp_path)]
    assert main([*words, "--layer", "blocks.3.depthwise_conv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layer"]["kind"] == "5×5 convolution, depthwise, stride 2"
    assert not told["layer"]["before_sum"]
    saved = np.load(tmp_path / "cat" / "activations.npz")["activations"]
    assert saved.shape == (144, 28, 28)
    assert saved.min() >= 0
    assert saved.max() <= 6  # a ReLU6 follows
