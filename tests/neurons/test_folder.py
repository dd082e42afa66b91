"""Filters over folders: extremes, losses, the cache, and what separates two folders."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from petvision.errors import ConfigError
from petvision.events import Progress, result_of
from petvision.figures.neurons_sheet import sheet_bytes
from petvision.images.inputs import source_of
from petvision.neurons.biography import extremes, loss, some_of
from petvision.neurons.layers import anatomy_of
from petvision.neurons.separate import separate
from petvision.reports.neurons_folder import biography, card, separation
from tests.neurons.conftest import EVERYWHERE, RED_EDGE, SIZE

STRENGTHS = (0, 50, 100, 150, 200, 250)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path) -> list:
    """Six photos of a red bar, ever brighter, and one that is no photo."""
    place = tmp_path / "photos"
    place.mkdir()
    for number, strength in enumerate(STRENGTHS):
        pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
        pixels[:, 20 + number : 40, 0] = strength
        Image.fromarray(pixels).save(place / f"{number}.png")
    (place / "6.png").write_bytes(b"no photo")
    return [source_of(str(place / f"{number}.png")) for number in range(7)]


def test_the_brightest_bar_fires_the_red_filter_most(planted, folder):
    found = result_of(extremes(planted, anatomy_of(planted), "", folder))
    assert found.read == 6
    assert list(found.most.photo[RED_EDGE]) == [5, 4, 3, 2, 1, 0]
    assert list(found.least.photo[RED_EDGE]) == [0, 1, 2, 3, 4, 5]
    assert found.most.value[RED_EDGE][0] == pytest.approx(3 * 250 / 255, rel=1e-4)
    row, column = found.most.cell[RED_EDGE][0]
    assert column in (24, 25)
    left, top, right, bottom = found.most.field[RED_EDGE][0]
    assert (left, right) == (column - 1, column + 2)
    assert (top, bottom) == (row - 1, row + 2)
    assert np.isnan(found.peak[6]).all()


def test_a_second_look_comes_from_the_cache_until_a_photo_changes(planted, folder):
    anatomy = anatomy_of(planted)
    first = result_of(extremes(planted, anatomy, "", folder))
    again = list(extremes(planted, anatomy, "", folder))
    assert not any(isinstance(event, Progress) for event in again)
    assert np.array_equal(again[-1].value.peak, first.peak, equal_nan=True)
    Image.new("RGB", (SIZE, SIZE)).save(folder[5].location)
    assert any(isinstance(e, Progress) for e in extremes(planted, anatomy, "", folder))


def test_a_damaged_cache_is_looked_past(planted, folder, tmp_path):
    result_of(extremes(planted, anatomy_of(planted), "", folder))
    (kept,) = (tmp_path / "cache" / "neurons").iterdir()
    kept.write_bytes(b"PK no zip")
    assert result_of(extremes(planted, anatomy_of(planted), "", folder)).read == 6


def test_the_loss_is_the_mean_fall_of_the_predicted_logit(planted, folder):
    anatomy = anatomy_of(planted)
    lost = result_of(loss(planted, anatomy, "", [EVERYWHERE], folder[:1]))
    # Black: only the filter that always fires says dog; without it the two logits are equal.
    assert (lost.photos, lost.changed) == (1, 1)
    assert lost.drop == pytest.approx(0.1)
    assert result_of(loss(planted, anatomy, "", [RED_EDGE], folder[:1])).drop == 0


def test_a_cancelled_look_leaves_no_thread(planted, folder):
    job = extremes(planted, anatomy_of(planted), "", folder)
    next(job)
    next(job)
    job.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("petvision-decode") for name in names)


def test_large_folders_are_thinned_evenly():
    assert some_of(list(range(10)), 4) == [0, 3, 6, 9]
    assert some_of([1, 2], 4) == [1, 2]


def test_separation_equals_other_computations():
    draw = np.random.default_rng(0)
    first, second = draw.normal(0, 1, (30, 4)), draw.normal(0, 1, (20, 4))
    first[:, 2] += 3
    second[5] = np.nan
    found = separate(first.astype("f4"), second.astype("f4"))
    assert found[0].index == 2
    kept = np.delete(second, 5, 0)
    for one in found:
        values = np.concatenate([first[:, one.index], kept[:, one.index]])
        truth = [1] * len(first) + [0] * len(kept)
        assert one.auroc == pytest.approx(roc_auc_score(truth, values), abs=1e-6)
        a, b = first[:, one.index], kept[:, one.index]
        pooled = np.sqrt((29 * a.var(ddof=1) + 18 * b.var(ddof=1)) / 47)
        assert one.effect == pytest.approx((a.mean() - b.mean()) / pooled, rel=1e-4)


def test_nothing_is_separated_from_nothing():
    assert separate(np.zeros((0, 3), "f4"), np.ones((2, 3), "f4")) == ()


def test_folders_of_equal_photos_are_not_separated():
    ones = np.ones((3, 2), "f4")
    assert [(s.effect, s.auroc) for s in separate(ones, ones)] == [(0, 0.5), (0, 0.5)]


def test_a_filters_life_has_its_patches_and_its_loss(planted, folder):
    told = result_of(biography(planted, anatomy_of(planted), "", RED_EDGE, folder))
    assert (told.photos, told.failed) == (6, 1)
    assert [patch.label for patch in told.most][:2] == ["5.png", "4.png"]
    assert told.least[0].label == "0.png"
    assert told.fires == pytest.approx(5 / 6)
    assert told.loss.photos == 6
    assert told.most[0].pixels[..., 0].max() > 200
    assert "It fires on 83 % of the photos." in map(str, told.words)
    sheet = card(told)
    assert len(sheet.tiles) == 12
    assert sheet_bytes(sheet, "png").startswith(b"\x89PNG")


def test_the_red_filter_separates_bright_bars_from_dark_ones(planted, folder):
    found = result_of(separation(planted, anatomy_of(planted), "", folder[3:6], folder[:3]))
    assert RED_EDGE in [one.index for one in found if one.auroc == 1]


def test_a_filter_that_is_not_there_has_no_life(planted, folder):
    with pytest.raises(ConfigError, match="filter must be from 0 to 7, not 9"):
        biography(planted, anatomy_of(planted), "", 9, folder)
