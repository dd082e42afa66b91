"""Two maps on one scale, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from petvision.explain.compare import compare
from petvision.explain.results import Attribution
from petvision.images.types import Geometry
from tests.explain.tiny import explain, handle_of, noise, small_resnet
from tests.figures.results import attribution

RAMP = np.arange(16, dtype=np.float32).reshape(4, 4)


def of(heat: np.ndarray, **changes: object) -> Attribution:
    return replace(attribution(heat), **{"measure": "change of the {target} logit"} | changes)


def test_maps_of_one_unit_keep_their_numbers_and_share_a_scale():
    made = compare(of(RAMP), of(2 * RAMP))
    assert made.shared
    assert made.difference.unit == made.one.unit == "change of the cat logit"
    assert (made.other.heat == 2 * RAMP).all()
    assert (made.difference.heat == -RAMP).all()
    assert made.difference.signed
    assert made.correlation == pytest.approx(1)
    assert "almost alike" in made.words


@pytest.mark.parametrize(("cat", "dog"), [("cat", "dog"), ("a", "b"), ("logit", "pixel")])
def test_two_classes_logits_are_one_unit_whatever_their_names(cat: str, dog: str):
    made = compare(of(RAMP, target=cat), of(RAMP, target=dog))
    assert made.shared
    assert made.other.unit == f"change of the {dog} logit"
    assert made.difference.unit == f"change of the {cat} − {dog} logit"


def test_the_unit_is_told_of_the_class_wherever_that_stands():
    deep = "weighted answer of layer3 for {target}"
    assert of(RAMP, measure=deep, target="dog").unit == "weighted answer of layer3 for dog"


def test_what_a_pixel_and_what_a_covered_window_change_are_two_units():
    handle = handle_of(small_resnet(), 64)
    names = ("integrated_gradients", "occlusion")
    pixels, windows = (explain(name, handle, noise(64)) for name in names)
    assert pixels.unit == "cat logit per pixel"
    assert windows.unit == "change of the cat logit"
    assert not compare(pixels, windows).shared


def test_maps_of_different_units_keep_their_numbers():
    made = compare(of(RAMP), of(100 * RAMP[::-1], measure="weighted answer of layer3"))
    assert not made.shared
    assert (made.other.heat == 100 * RAMP[::-1]).all()
    assert made.correlation < 0
    assert "the other way round" in made.words


def test_the_difference_of_different_units_is_of_shares_of_their_own_scales():
    spiky = np.full((64, 64), 0.02, np.float32)
    spiky[:32] *= -1
    spiky[5, 5] = 1
    even = np.where(spiky < 0, -3, 3).astype(np.float32)
    made = compare(of(spiky, signed=True), of(even, signed=True, measure="brightness"))
    assert np.count_nonzero(np.abs(made.difference.heat) > 1e-6) == 1
    assert made.difference.unit == "share of each map's own scale"


def test_a_signed_map_makes_the_scale_of_both_signed():
    made = compare(of(RAMP), of(RAMP - 8, signed=True))
    assert made.one.signed
    assert made.other.signed


def test_maps_of_different_grids_are_compared_place_by_place():
    fine = np.kron(RAMP, np.ones((8, 8), np.float32))
    made = compare(of(RAMP), of(fine))
    assert made.difference.heat.shape == (32, 32)
    assert made.correlation > 0.95


def test_two_photos_have_no_difference_but_a_correlation():
    other = Geometry(width=300, height=200, box=(50, 0, 250, 200), size=64)
    made = compare(of(RAMP), of(RAMP, geometry=other))
    assert made.difference is None
    assert made.correlation == pytest.approx(1)


def test_independent_maps_are_told_so():
    draw = np.random.default_rng(0)
    made = compare(of(draw.random((32, 32))), of(draw.random((32, 32))))
    assert "independently" in made.words
    same = compare(of(RAMP), of(RAMP))
    assert same.difference.remark == "the two maps are the same"
