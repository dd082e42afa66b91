"""The 8-bit form: made from photos, measured, kept in the cache, used only when it is named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import ConfigError
from petvision.events import result_of
from petvision.images.inputs import source_of
from petvision.images.types import Source
from petvision.models import int8
from petvision.models.engine import INT8, available, for_many, with_fast_engine
from petvision.models.handle import ModelHandle, open_model
from petvision.models.int8 import cost_of, file_of, quantise
from petvision.models.stream import answers
from tests.models.tiny import write_tiny

pytest.importorskip("nncf")


@pytest.fixture
def handle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelHandle:
    """A tiny model, with a cache folder of its own."""
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(int8, "CALIBRATION", 12)
    monkeypatch.setattr(int8, "COMPARED", 6)
    return open_model(write_tiny(tmp_path / "tiny.safetensors"))


@pytest.fixture
def photos(tmp_path: Path) -> list[Source]:
    paths = [tmp_path / f"{number}.png" for number in range(24)]
    for seed, path in enumerate(paths):
        pixels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
        Image.fromarray(pixels).resize((96, 72)).save(path)
    return [source_of(str(path)) for path in paths]


def labelled(handle: ModelHandle, photos: list[Source]) -> list[tuple[Source, str]]:
    """Photos with what the reference says of them."""
    found = list(answers(handle, photos))
    return [(a.source, a.prediction.best_class) for a in found if a.prediction is not None]


def test_it_is_made_measured_and_used_by_its_name(
    handle: ModelHandle, photos: list[Source], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(ConfigError, match="petvision models quantise"):
        with_fast_engine(handle, INT8)
    cost = result_of(quantise(handle, photos, labelled(handle, photos)))
    assert cost == cost_of(handle)
    assert (cost.photos, cost.reference) == (24, 1.0)
    assert cost.accuracy >= 1 - int8.MOST
    assert 0 < cost.distance < 0.5
    assert "points of accuracy on 24 photos" in cost.words
    assert capsys.readouterr().out == ""
    fast = with_fast_engine(handle, INT8)
    assert (fast.engine.name, fast.distance) == (INT8, cost.distance)
    assert INT8 not in available(handle)
    assert for_many(fast).engine.name == INT8
    batch = np.random.default_rng(0).normal(size=(2, 3, handle.spec.size, handle.spec.size))
    right, found = (one.logits(batch.astype(np.float32)) for one in (handle, fast))
    assert not np.array_equal(right, found)


def test_what_costs_too_much_is_not_kept(handle: ModelHandle, photos: list[Source]):
    wrong = [
        (source, "dog" if label == "cat" else "cat") for source, label in labelled(handle, photos)
    ]
    exact = dataclasses.replace(handle)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8, "MOST", -1.0)
        with pytest.raises(ConfigError, match="the cost must be at most"):
            result_of(quantise(exact, photos, wrong))
    assert cost_of(handle) is None
    assert not file_of(handle).exists()


def test_too_few_photos_are_refused(handle: ModelHandle, photos: list[Source]):
    with pytest.raises(ConfigError, match="at least 18 training photos"):
        result_of(quantise(handle, photos[:17], labelled(handle, photos[:2])))


def test_a_damaged_note_counts_as_none(handle: ModelHandle):
    note = file_of(handle).with_suffix(".json")
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"photos": 1}))
    assert cost_of(handle) is None
