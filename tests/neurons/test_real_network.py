"""ResNet-18 on a real photo, beside a computation of its own from the saved activations."""

from __future__ import annotations

import copy
import csv
import io
import json

import numpy as np
import pytest
import scipy.ndimage
import torch

from petvision.cli import main
from petvision.events import result_of
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import InputSpec
from petvision.models import architectures
from petvision.models.handle import from_network, open_model
from petvision.models.predict import predict
from petvision.neurons.effect import apart_to_the_end, effects
from petvision.neurons.layers import anatomy_of
from petvision.neurons.passes import logits_without
from petvision.neurons.silence import silenced
from tests.models.tiny import lively

LAYER = "layer2.0.conv1"


@pytest.fixture(scope="module")
def model(pretrained):
    return pretrained / "resnet18-ktb.safetensors"


@pytest.fixture(scope="module")
def handle(model):
    return open_model(model)


@pytest.fixture(scope="module")
def photo(samples):
    return samples / "cat.jpg"


@pytest.fixture(scope="module", params=["sample", "Abyssinian_201", "beagle_1"])
def folder(request, model, photo, tmp_path_factory):
    """What the verb leaves for a sample, and for a cat and a dog of the test split."""
    chosen = photo
    if request.param != "sample":
        pets = request.getfixturevalue("pets")
        assert request.param in (pets / "annotations" / "test.txt").read_text()
        chosen = pets / "images" / f"{request.param}.jpg"
    out = tmp_path_factory.mktemp("out")
    words = ["neurons", str(chosen), "--model", str(model), "--layer", LAYER, "--out", str(out)]
    assert main([*words, "--engine", "torch-fp32"]) == 0
    return out / chosen.stem


def test_ranking_regions_and_boxes_equal_another_computation(folder):
    """Only the definitions are shared: numpy and scipy, from the activations in the file."""
    saved = np.load(folder / "activations.npz")
    maps = saved["activations"].astype(np.float64)
    left, top, right, bottom = saved["box"]
    told = json.loads((folder / "analysis.json").read_text())
    mean, largest = maps.mean((1, 2)), maps.max((1, 2))
    sparsity = np.array([(m <= m.max() / 10).mean() if m.max() else 1.0 for m in maps])
    score = 0.5 * mean / mean.max() + 0.5 * sparsity
    score[largest == 0] = 0
    order = [i for i in np.argsort(-score, kind="stable") if sparsity[i] >= 0.15]
    assert [row["filter"] for row in told["ranking"]] == order
    for row in told["ranking"]:
        i = row["filter"]
        assert row["score"] == pytest.approx(score[i], abs=1e-5)
        assert row["sparsity"] == pytest.approx(sparsity[i], abs=1e-5)
        assert row["mean"] == pytest.approx(mean[i], abs=1e-5)
    assert [f["filter"] for f in told["filters"]] == order[:6]
    for found in told["filters"]:
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(maps[found["filter"]])[None, None], size=(224, 224), mode="bilinear"
        )[0, 0].numpy()
        labels, count = scipy.ndimage.label(expected >= 0.5 * expected.max())
        boxes = set()
        for number in range(1, count + 1):
            rows, columns = np.nonzero(labels == number)
            x0, x1 = columns.min(), columns.max() + 1
            y0, y1 = rows.min(), rows.max() + 1
            across, down = (right - left) / 224, (bottom - top) / 224
            corners = left + x0 * across, top + y0 * down, left + x1 * across, top + y1 * down
            boxes.add(tuple(round(c, 6) for c in corners))
        assert {tuple(round(c, 6) for c in r["box"]) for r in found["regions"]} <= boxes
        assert len(found["regions"]) == min(count, 12)
        first = found["regions"][0]
        assert first["interest"] == pytest.approx(first["intensity"] * first["selectivity"])


def test_the_files_are_there_and_the_csv_is_the_ranking(folder):
    names = {path.name for path in folder.iterdir()}
    assert {"heatmaps.png", "grid.png", "ranking.csv", "activations.npz"} <= names
    assert len([name for name in names if name.startswith("filter-")]) == 6
    rows = list(csv.DictReader(io.StringIO((folder / "ranking.csv").read_text())))
    assert rows[0]["rank"] == "1"


def test_another_layer_leaves_no_figure_of_the_one_before(model, photo, tmp_path):
    words = ["neurons", str(photo), "--model", str(model), "--out", str(tmp_path), "--count", "2"]
    for layer in ("layer1.0.conv1", "layer4.1.conv2"):
        assert main([*words, "--layer", layer]) == 0
        told = json.loads((tmp_path / "cat" / "analysis.json").read_text())
        figures = {path.name for path in (tmp_path / "cat").glob("filter-*.png")}
        assert figures == {f"filter-{one['filter']}.png" for one in told["filters"]}


def zeroed(network, layer, index):
    """A copy whose filter gives nothing: its weights and bias are zero."""
    twin = copy.deepcopy(network)
    convolution = twin.get_submodule(layer)
    with torch.no_grad():
        convolution.weight[index] = 0
        convolution.bias[index] = 0
    return twin


LAST = [
    ("resnet18", "layer4.1.conv2"),
    ("resnet50", "layer4.2.conv3"),
    ("alexnet-gap", "features.10"),
    ("efficientnet-lite0", "conv_head"),
]


@pytest.mark.parametrize(("architecture", "layer"), LAST)
def test_the_last_layers_effects_come_in_closed_form(architecture, layer, photo):
    """Nothing is trained: the weights are random, and every tenth filter is zeroed by hand."""
    torch.manual_seed(3)
    network = lively(architectures.build(architecture, 3))
    handle = from_network(network, ("cat", "dog", "fox"), InputSpec(size=96, resize=96))
    prepared = open_prepared(source_of(str(photo)), handle.spec)
    anatomy = anatomy_of(handle)
    assert apart_to_the_end(handle, anatomy, layer)
    found = result_of(effects(handle, anatomy, layer, prepared, "dog"))
    picture = torch.from_numpy(prepared.pixels)
    with torch.no_grad():
        whole = handle.network(picture)[0, 1]
        for index in range(0, len(found), len(found) // 10):
            by_hand = float(whole - zeroed(handle.network, layer, index)(picture)[0, 1])
            assert found[index] == pytest.approx(by_hand, abs=1e-5 + 1e-4 * abs(float(whole)))
    assert np.abs(found).max() > 0


@pytest.mark.parametrize("layer", ["layer4.1.conv1", "layer4.0.conv2", "conv1"])
def test_other_layers_filters_meet_on_the_way(handle, layer):
    assert not apart_to_the_end(handle, anatomy_of(handle), layer)


@pytest.mark.parametrize("layer", ["layer3.0.conv1", "layer3.1.conv2", "layer3.0.downsample.0"])
def test_effect_is_the_change_of_a_model_with_that_filter_zeroed(handle, photo, layer):
    prepared = open_prepared(source_of(str(photo)), handle.spec)
    anatomy = anatomy_of(handle)
    target = predict(handle, [prepared])[0].best_class
    index = handle.class_index(target)
    picture = torch.from_numpy(prepared.pixels)
    chosen = (0, 101)
    module = anatomy.taps[layer].module
    together = logits_without(handle.network, module, prepared.pixels, [[]] + [[i] for i in chosen])
    with torch.no_grad():
        whole = handle.network(picture)[0, index]
        for number, i in enumerate(chosen, 1):
            by_hand = float(whole - zeroed(handle.network, layer, i)(picture)[0, index])
            ours = float(together[0, index] - together[number, index])
            assert ours == pytest.approx(by_hand, abs=2e-4)
            without = silenced(handle, anatomy, {layer: frozenset({i})})
            (prediction,) = predict(without, [prepared])
            assert float(whole) - prediction.logits[index] == pytest.approx(by_hand, abs=2e-4)


def test_silencing_changes_a_copy_only(handle):
    anatomy = anatomy_of(handle)
    digest = handle.sha256
    before = handle.network.layer4[1].conv1.weight.clone()
    without = silenced(handle, anatomy, {"layer4.1.conv1": frozenset({1, 2})})
    assert without.sha256 != digest
    assert torch.equal(handle.network.layer4[1].conv1.weight, before)
    assert not without.network.layer4[1].conv1.weight[1:3].any()
