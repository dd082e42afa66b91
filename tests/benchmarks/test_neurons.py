"""The worked example runs on a tiny network; on the real one the setting of our own holds."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.neurons import BACKGROUND, SETTINGS, main


def test_every_setting_is_measured_and_written(tiny_model, tmp_path):
    for folder in ("images", "trimaps"):
        (tmp_path / folder).mkdir()
    names = ["one", "two"]
    for number, name in enumerate(names):
        Image.effect_noise((120, 100), 60.0).convert("RGB").save(
            tmp_path / "images" / f"{name}.jpg"
        )
        trimap = np.full((100, 120), BACKGROUND if number else 1, np.uint8)
        Image.fromarray(trimap).save(tmp_path / "trimaps" / f"{name}.png")
    (tmp_path / "names.txt").write_text("\n".join(names))
    out = tmp_path / "figures.json"
    main(
        [
            *("--data", str(tmp_path), "--model", str(tiny_model)),
            *("--names", str(tmp_path / "names.txt"), "--json", str(out)),
        ]
    )
    figures = json.loads(out.read_text())
    assert figures["photos"] == 2
    for setting in SETTINGS:
        # One photo is all animal, the other all background.
        assert figures[setting]["no_peak_on_background"] == 0.5
        assert figures[setting]["median_share_inside"] == pytest.approx(0.5)


@pytest.mark.slow
def test_focus_stays_off_the_background(pets, pretrained, tmp_path):
    out = tmp_path / "figures.json"
    model = pretrained / "resnet18-ktb.safetensors"
    main(["--data", str(pets), "--model", str(model), "--json", str(out)])
    figures = json.loads(out.read_text())
    assert figures["on the animal (focus, 0.5 / 0.15)"]["no_peak_on_background"] >= 0.8
