"""The presets do what they say: scratch, transfer and a folder of one's own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from petvision.cli import main
from petvision.evaluate.datasets import DataSpec, Labelled, labelled_photos
from petvision.models.handle import open_model
from training.settings import load_config

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"
SCRATCH = ("catdog_resnet101_scratch", "catdog_resnet101_scratch_modern")


def linked(photos: list[Labelled], root: Path, label=lambda photo: photo.label) -> Path:
    """A folder of class folders with links to photos."""
    for photo in photos:
        place = root / label(photo)
        place.mkdir(parents=True, exist_ok=True)
        (place / photo.path.name).symlink_to(photo.path)
    return root


def some(photos: list[Labelled], count: int, key=lambda photo: photo.label) -> list[Labelled]:
    """About ``count`` photos, the first ones of each kind in equal numbers."""
    seen: Counter[str] = Counter()
    share = count // len({key(p) for p in photos})
    chosen = []
    for photo in photos:
        seen[key(photo)] += 1
        if seen[key(photo)] <= share:
            chosen.append(photo)
    return chosen


def test_the_published_scratch_recipe_is_written_down_exactly():
    config = load_config(CONFIGS / "catdog_resnet101_scratch.yaml", ["data.root=photos", "out=run"])
    assert config.optimizer.name == "adam"
    assert config.optimizer.lr == 1e-3
    assert config.optimizer.betas == (0.9, 0.999)
    assert config.optimizer.weight_decay == 1e-4
    assert (config.scheduler.name, config.scheduler.step_size, config.scheduler.gamma) == (
        "step",
        30,
        0.1,
    )
    assert config.training.epochs == 30
    assert config.model.blocks_per_stage == (3, 4, 23, 3)
    assert config.model.pretrained == ""
    assert config.data.mean == (0.4829, 0.4449, 0.3957)
    assert config.data.std == (0.2592, 0.2532, 0.2598)


def test_the_published_transfer_recipes_are_written_down_exactly():
    for name in ("cifar10_vgg16_published", "cifar100_resnet50_published"):
        config = load_config(CONFIGS / f"{name}.yaml", ["data.root=photos", "out=run"])
        assert (config.optimizer.name, config.optimizer.lr) == ("adam", 1e-3)
        assert config.scheduler.name == "constant"
        assert (config.training.epochs, config.training.batch_size) == (7, 64)
        assert config.data.augment.flip == 0.5
        assert config.model.freeze


def command(preset: str, *settings: str) -> list[str]:
    sets = [word for setting in settings for word in ("--set", setting)]
    return ["train", str(CONFIGS / f"{preset}.yaml"), *sets]


def curve(run: Path) -> list[tuple]:
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    return [
        (e["number"], e["loss"], e["validation_loss"], e["confusion"])
        for e in lines
        if e["event"] == "epoch"
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("preset", SCRATCH)
def test_scratch_recipes_resume_after_a_kill_with_the_same_curve(preset, pets, tmp_path):
    photos = some(labelled_photos(DataSpec("pets", pets, "trainval")), 400)
    root = linked(photos, tmp_path / "photos")
    settings = [
        "data.source=folder", f"data.root={root}", "data.image_size=64", "data.resize=64",
        "training.epochs=2", "training.batch_size=32", "unknown.negatives=[]",
        "unknown.score=max_softmax", "evaluation.report=false",
    ]  # fmt: skip
    if preset.endswith("modern"):
        settings.append("training.progressive_size=[48, 64]")
    whole = command(preset, *settings, f"out={tmp_path / 'whole'}")
    assert main([*whole, "--quiet"]) == 0
    killed = command(preset, *settings, f"out={tmp_path / 'killed'}")
    process = subprocess.Popen(
        [sys.executable, "-m", "petvision", *killed, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "step" and event["epoch"] == 2:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert main([*killed, "--resume", "--quiet"]) == 0
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    assert [number for number, *_ in curve(tmp_path / "whole")] == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("preset", "kind"),
    [("cifar10_vgg16_published", "cifar10"), ("cifar100_resnet50_published", "cifar100")],
)
def test_published_transfer_recipes_run_an_epoch(preset, kind, pets, pretrained, tmp_path):
    data = pets.parent / "cifar" / kind
    root = tmp_path / "cifar"
    for part, count in (("trainval", 1000), ("test", 100)):
        photos = some(labelled_photos(DataSpec(kind, data, part)), count)
        linked(photos, root / ("train" if part == "trainval" else part))
    settings = [
        f"data.root={root}", "data.image_size=96", "data.resize=96", "training.epochs=1",
        "evaluation.report=false", f"out={tmp_path / 'run'}",
    ]  # fmt: skip
    assert main([*command(preset, *settings), "--quiet"]) == 0
    before, after = curve(tmp_path / "run")
    assert after[2] < before[2]  # the validation loss


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_folder_of_two_breeds_trains_in_a_minute(pets, pretrained, tmp_path, capsys):
    pairs = ("Bengal", "Persian")
    photos = [p for p in labelled_photos(DataSpec("pets", pets, "trainval")) if p.group in pairs]
    chosen = some(photos, 200, lambda p: p.group)
    root = linked(chosen, tmp_path / "photos", lambda p: p.group)
    settings = ["model.pretrained=resnet18-ktb", f"data.root={root}", f"out={tmp_path / 'run'}"]
    # Seconds of the processor, over all threads: a busy machine does not make it look slow.
    began = time.process_time()
    assert main([*command("folder_fast", *settings), "--quiet"]) == 0
    seconds = time.process_time() - began
    with capsys.disabled():
        print(f"\n{len(chosen)} photos in {seconds:.1f} s of the processor")
    kept = torch.load(tmp_path / "run" / "checkpoints" / "features.pt", weights_only=True)
    x, y = kept["train"].numpy(), kept["train_labels"].numpy()
    mean, scale = x.mean(0), x.std(0) + 1e-6
    peer = LogisticRegression(C=2 / (1e-4 * len(y)), max_iter=5000, tol=1e-6)
    peer.fit((x - mean) / scale, y)
    theirs = peer.predict((kept["validation"].numpy() - mean) / scale)
    truth = kept["validation_labels"].numpy()
    ours = curve(tmp_path / "run")[0][3]
    assert np.trace(np.array(ours)) >= (theirs == truth).sum() - 1
    # It predicts, explains and evaluates at once.
    model = str(tmp_path / "run" / "model.safetensors")
    assert open_model(model).card.classes == pairs
    photo = str(chosen[0].path)
    assert main(["predict", photo, "--model", model]) == 0
    explained = ["explain", photo, "--model", model, "--methods", "gradcam"]
    assert main([*explained, "--out", str(tmp_path / "why")]) == 0
    assert seconds < 60
