import numpy as np
import pytest

from petvision.figures.scale import scale_of


def ends(heat: list[float], signed: bool = False) -> tuple[str, str]:
    return scale_of(np.array([heat], np.float32), signed, "logit").ends


def test_a_scale_ends_at_the_largest_value() -> None:
    scale = scale_of(np.array([[0.0, 2.5]], np.float32), False, "logit")
    assert (scale.low, scale.high) == (0, 2.5)
    assert scale.ends == ("0", "2.50")


def test_a_signed_scale_is_symmetric() -> None:
    scale = scale_of(np.array([[-3.0, 1.0]], np.float32), True, "logit")
    assert (scale.low, scale.high) == (-3, 3)
    assert scale.ends == ("−3.00", "+3.00")


@pytest.mark.parametrize(
    ("largest", "end", "words"),
    [
        (1234.0, "1,234", "logit"),
        (12.34, "12.3", "logit"),
        (0.5, "0.50", "logit"),
        (0.012, "0.012", "logit"),
        (0.0042, "4.20", "logit, in thousandths"),
        (4.2e-6, "4.20", "logit, in millionths"),
        (4.2e-9, "4.20", "logit, in billionths"),
    ],
)
def test_numbers_are_never_written_with_an_exponent(largest: float, end: str, words: str) -> None:
    scale = scale_of(np.array([[0, largest]], np.float32), False, "logit")
    assert scale.ends[1] == end
    assert scale.words == words


def test_lone_pixels_do_not_take_the_colour_from_all_others() -> None:
    heat = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    heat[5, 5] = 100
    scale = scale_of(heat, True, "logit")
    assert 2 < scale.high < 3
    assert scale.ends[1].startswith("≥ +2.")


def test_a_map_of_a_few_pixels_only_ends_at_the_largest() -> None:
    heat = np.zeros((64, 64), np.float32)
    heat[3, 4] = 7
    assert scale_of(heat, True, "logit").ends == ("−7.00", "+7.00")


def test_a_strong_patch_is_never_clipped() -> None:
    heat = np.zeros((224, 224), np.float32)
    heat[32:48, 64:80] = 5  # half a per cent of the map
    scale = scale_of(heat, True, "logit")
    assert scale.high == 5
    assert scale.ends[1] == "+5.00"


def test_an_empty_map_has_no_numbers() -> None:
    assert ends([0, 0]) == ("", "")
    assert ends([0, 0], signed=True) == ("", "")
