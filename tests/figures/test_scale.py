import numpy as np
import pytest

from petvision.figures.scale import scale_of, shared_scale


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


def spiky(size: float = 0.02) -> np.ndarray:
    heat = np.random.default_rng(0).normal(scale=size, size=(224, 224)).astype(np.float32)
    heat[5, 5], heat[100, 30] = 1, -1
    return heat


def test_two_maps_with_lone_pixels_keep_their_colour_on_one_scale() -> None:
    weak, strong = spiky(0.01), spiky(0.02)
    both = shared_scale((weak, strong), True, "logit")
    assert both == scale_of(strong, True, "logit")
    assert 0.04 < both.high < 0.05
    assert both.ends[1].startswith("≥ ")


def test_one_scale_ends_where_the_stronger_maps_own_scale_ends() -> None:
    plain = np.array([[0, 0.5]], np.float32)
    assert shared_scale((plain, 3 * plain), True, "logit").ends == ("−1.50", "+1.50")
    both = shared_scale((plain, spiky()), True, "logit")
    assert both.high == 0.5
    assert both.ends == ("≤ −0.50", "≥ +0.50")  # the lone pixels of the other lie beyond


def test_an_empty_map_has_no_say_in_one_scale() -> None:
    empty, weak = np.zeros((7, 7), np.float32), np.full((7, 7), 0.25, np.float32)
    assert shared_scale((empty, weak), False, "logit").high == 0.25
    assert shared_scale((empty, empty), False, "logit").ends == ("", "")


def test_an_empty_map_has_no_numbers() -> None:
    assert ends([0, 0]) == ("", "")
    assert ends([0, 0], signed=True) == ("", "")
