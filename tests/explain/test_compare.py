"""Two maps on one scale, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from petvision.explain.compare import OWN_UNIT, compare
from petvision.explain.results import Attribution
from petvision.images.types import Geometry
from tests.figures.results import attribution

RAMP = np.arange(16, dtype=np.float32).reshape(4, 4)


def of(heat: np.ndarray, **changes: object) -> Attribution:
    return replace(attribution(heat), **changes)


def test_maps_of_one_unit_keep_their_numbers_and_share_a_scale():
    made = compare(of(RAMP), of(2 * RAMP))
    assert made.shared
    assert made.values.max() == 30
    assert (made.other.heat == 2 * RAMP).all()
    assert (made.difference.heat == -RAMP).all()
    assert made.difference.signed
    assert made.correlation == pytest.approx(1)
    assert "almost alike" in made.words


def test_two_classes_logits_are_one_unit():
    dog = of(RAMP, target="dog", unit="change of the dog logit")
    assert compare(of(RAMP), dog).shared


def test_different_units_are_shown_as_shares_of_each_maps_strongest_value():
    made = compare(of(RAMP), of(100 * RAMP[::-1], unit="weighted answer of layer3"))
    assert not made.shared
    assert made.unit == OWN_UNIT
    assert made.one.heat.max() == made.other.heat.max() == 1
    assert made.correlation < 0
    assert "the other way round" in made.words


def test_a_signed_map_makes_the_scale_of_both_signed():
    made = compare(of(RAMP), of(RAMP - 8, signed=True))
    assert made.one.signed
    assert made.other.signed
    assert made.signed


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
