"""``petvision train`` and ``evaluate``: from a YAML file to a model that answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.cli import main
from petvision.reports.stored import photos_behind, read_evaluation

CONFIG = """
data: {{source: folder, root: "{root}", image_size: 32, resize: 36}}
model: {{architecture: resnet18, name: red-or-blue}}
optimizer: {{lr: 1.0e-3}}
training: {{epochs: 1, batch_size: 8, amp: false, freeze_statistics: false, ema: 0.0}}
unknown: {{negatives: [], bank: 8}}
evaluation: {{report: false}}
device: cpu
out: "{out}"
"""


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Red photos are cats, blue photos are dogs."""
    rng = np.random.default_rng(0)
    for label, channel in (("cat", 0), ("dog", 2)):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 120, (40, 52, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "photos"


@pytest.fixture
def config(colours: Path, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(root=colours, out=tmp_path / "run"))
    return path


def test_a_trained_model_is_evaluated_and_predicts(
    config: Path, colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    wishes = ["--set", "training.epochs=2", "--set", "evaluation.report=true"]
    assert main(["train", str(config), "--json", *wishes]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = {"begun", "progress", "step", "epoch", "word", "finished"}
    assert {e["event"] for e in events} == kinds
    assert events[-1]["event"] == "finished"
    model = events[-1]["model"]

    out = tmp_path / "report"
    call = ["evaluate", model, "--data", f"folder:{colours}", "--out", str(out)]
    assert main(call) == 0
    said = capsys.readouterr()
    assert re.search(r"^photos +24$", said.out, re.MULTILINE)
    assert f"wrote {out / 'metrics.json'}" in said.err
    assert main([*call, "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["n"] == 24
    assert (metrics["learned"], metrics["accuracy_others"]) == (24, None)
    assert "learned from" in (out / "report.html").read_text()

    photos = sorted(colours.glob("*/*.png"))
    assert main(["predict", "--json", *map(str, photos), "--model", model]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    best = [max(line["scores"], key=line["scores"].get) for line in lines]
    right = np.mean([b == p.parent.name for b, p in zip(best, photos, strict=True)])
    assert right == metrics["accuracy"]  # the same door, the same answers


def test_an_evaluation_tells_which_photos_the_model_learned_from(
    config: Path, colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", str(config), "--quiet"]) == 0
    for number in range(4):
        new = np.full((40, 52, 3), (90, 60 + number, 200), np.uint8)  # blue: no cat
        Image.fromarray(new).save(colours / "cat" / f"new{number}.png")
    out, model = tmp_path / "report", str(tmp_path / "run" / "model.safetensors")
    assert main(["evaluate", model, "--data", f"folder:{colours}", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^learned +24 +photos that it was trained or chosen on", said, re.MULTILINE)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["learned"] == 24
    assert f"{metrics['accuracy_others']:.4f}" in said
    evaluation = read_evaluation(out)
    assert evaluation.learned.sum() == 24
    others = photos_behind(evaluation, "learned=0")
    assert {evaluation.files[i].name[:3] for i in others} == {"new"}
    assert evaluation.right[others].mean() == metrics["accuracy_others"]


def test_no_copies_of_photos_are_kept_where_none_are_wanted(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["train", str(config), "--quiet", "--set", "model.album=false"]) == 0
    assert not list((tmp_path / "run").glob("*.photos"))


def test_a_run_is_not_overwritten(config: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(config), "--quiet"]) == 0
    assert main(["train", str(config), "--quiet"]) == 4
    assert "--resume" in capsys.readouterr().err


def test_the_schema_needs_no_configuration(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"data", "model", "optimizer", "scheduler", "training"} <= set(schema["properties"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train"], "CONFIG.yaml is missing"),
        (["train", "gone.yaml"], "gone.yaml is not there"),
        (["evaluate", "tiny", "--out", "x"], "required: --data"),
    ],
)
def test_what_is_missing_is_wrong_usage(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


def test_a_wrong_key_has_its_nearest_name(config: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", str(config), "--set", "training.epoch=3"]) == 2
    assert "training.epochs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [("pet:x", "pets:DIR"), ("pets:nowhere", "is not there"), ("folder:nowhere", "is not there")],
)
def test_data_that_is_not_there_is_wrong_configuration(
    spec: str, sentence: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    call = ["evaluate", str(tiny_model), "--data", spec, "--out", str(tmp_path / "report")]
    assert main(call) == 2
    assert sentence in capsys.readouterr().err
