"""A synthesised pattern fires its filter more than noise, and shows what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from petvision.errors import ConfigError
from petvision.events import Partial, result_of
from petvision.neurons.layers import anatomy_of
from petvision.neurons.patterns import pattern
from tests.neurons.conftest import RED_EDGE


def test_the_pattern_of_the_red_edge_filter_has_rising_red_edges(planted):
    anatomy = anatomy_of(planted)
    start = result_of(pattern(planted, anatomy, "0", RED_EDGE, steps=1))
    found = result_of(pattern(planted, anatomy, "0", RED_EDGE, steps=32))
    assert found.activation > 3 * start.activation
    across = [np.abs(np.diff(found.pixels[..., channel], axis=1)).mean() for channel in range(3)]
    down = np.abs(np.diff(found.pixels[..., 0], axis=0)).mean()
    assert across[0] > 1.2 * down
    assert found.pixels.min() >= 0
    assert found.pixels.max() <= 1


def test_it_is_shown_while_it_grows_and_can_be_left(planted):
    before = [len(m._forward_hooks) for m in planted.network.modules()]
    job = pattern(planted, anatomy_of(planted), "0", RED_EDGE, steps=40)
    assert any(isinstance(event, Partial) for event in job)
    half = pattern(planted, anatomy_of(planted), "0", RED_EDGE, steps=40)
    next(half)
    half.close()
    assert [len(m._forward_hooks) for m in planted.network.modules()] == before


def test_a_filter_that_is_not_there_is_told(planted):
    with pytest.raises(ConfigError, match="filter must be from 0 to 7, not 8"):
        pattern(planted, anatomy_of(planted), "0", 8)
