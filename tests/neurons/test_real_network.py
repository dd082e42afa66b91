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
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.models.handle import open_model
from petvision.models.predict import predict
from petvision.neurons.layers import anatomy_of
from petvision.neurons.passes import logits_without
from petvision.neurons.silence import silenced

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


@pytest.fixture(scope="module")
def folder(model, photo, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    words = ["neurons", str(photo), "--model", str(model), "--layer", LAYER, "--out", str(out)]
    assert main([*words, "--engine", "torch-fp32"]) == 0
    return out / "cat"


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
            network = copy.deepcopy(handle.network)
            convolution = network.get_submodule(layer)
            convolution.weight[i] = 0
            convolution.bias[i] = 0
            by_hand = float(whole - network(picture)[0, index])
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
