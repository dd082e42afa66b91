import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from petvision.explain.likeness import at_pixels, rank_correlation


def test_a_map_is_stretched_as_torch_does_it() -> None:
    heat = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(heat)[None, None], (224, 224), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(at_pixels(heat, 224), expected[0, 0].numpy(), atol=1e-5)
    assert at_pixels(heat, 7) is heat


def test_the_rank_correlation_is_spearmans() -> None:
    draw = np.random.default_rng(1)
    one, other = draw.integers(0, 9, (2, 6, 6)).astype(np.float32)  # with ties
    expected = spearmanr(one.ravel(), other.ravel()).statistic
    assert rank_correlation(one, other) == pytest.approx(expected)
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)


def test_a_constant_map_is_like_nothing() -> None:
    assert rank_correlation(np.ones((3, 3), np.float32), np.eye(3, dtype=np.float32)) == 0
