"""A planted filter is found, boxed, described and warned about."""

from __future__ import annotations

import numpy as np
import pytest

from petvision.errors import ConfigError
from petvision.events import result_of
from petvision.figures.neurons import grid_tiles, heat_tiles, kernel_tiles
from petvision.neurons.describe import explanation
from petvision.neurons.layers import anatomy_of
from petvision.neurons.results import Analysis, Choice
from petvision.neurons.run import analyse
from petvision.reports.neurons import detail_sheet
from tests.neurons.conftest import DEAD, EVERYWHERE, RED_EDGE


def look(handle, photo, **wishes) -> Analysis:
    return result_of(analyse(handle, photo, **wishes))


def detail(analysis, index):
    return next(d for d in analysis.details if d.index == index)


def codes(sentences):
    return [sentence.code for sentence in sentences]


def test_the_red_edge_filter_is_ranked_first_and_the_one_that_fires_everywhere_not_at_all(
    planted, red_rectangle
):
    analysis = look(planted, red_rectangle, choice=Choice(weight=0.2))
    assert analysis.layer.name == "0"
    assert analysis.ranking[0].index == RED_EDGE
    assert EVERYWHERE not in [ranked.index for ranked in analysis.ranking]
    silent = [ranked.index for ranked in analysis.ranking if ranked.score == 0]
    assert DEAD in silent
    assert analysis.ranking[-1].index in silent


def test_by_mean_the_filter_that_fires_everywhere_comes_first(planted, red_rectangle):
    analysis = look(planted, red_rectangle, choice=Choice("mean"), count=8)
    assert analysis.ranking[0].index == EVERYWHERE
    found = detail(analysis, EVERYWHERE)
    assert found.level == "none"
    assert codes(found.warnings)[:3] == ["not_selective", "background", "uniform"]
    assert str(found.warnings[1]).startswith("A region covers 100 %")
    assert codes(detail(analysis, DEAD).words) == ["dead"]
    assert detail(analysis, DEAD).regions == ()


def test_the_box_lies_on_the_rising_edge(planted, red_rectangle):
    """The filter is 3 where all nine pixels count, on columns 39 and 40, rows 16 to 47."""
    found = detail(look(planted, red_rectangle), RED_EDGE)
    (region,) = found.regions
    assert region.box == (39, 16, 41, 48)
    assert region.cell[1] in (39, 40)
    row, column = region.cell
    assert region.field == (column - 1, row - 1, column + 2, row + 2)
    assert region.share == pytest.approx(2 * 32 / 64**2)
    assert region.size == "small"
    assert region.intensity == pytest.approx((3 * 30 + 2 * 2) / 32 / 3)
    assert region.selectivity == pytest.approx(1, abs=0.02)
    assert found.level == "very"


def test_its_kernel_is_called_a_vertical_red_edge_and_matches_the_photo_there(
    planted, red_rectangle
):
    found = detail(look(planted, red_rectangle), RED_EDGE)
    assert "Its kernel looks like a vertical red edge." in map(str, found.words)
    assert "matches" in codes(found.words)
    # A step 0 0 1 against −1 0 1, in one of three channels: 3 ÷ (√6 · √(3 − 9/27)).
    assert found.regions[0].match == pytest.approx(3 / np.sqrt(6 * (3 - 9 / 27)))
    assert codes(found.warnings) == []


def test_silencing_it_costs_what_its_average_counts(planted, red_rectangle):
    analysis = look(planted, red_rectangle, choice=Choice("effect"), target="cat")
    mean = analysis.maps.maps[RED_EDGE].mean()
    assert analysis.ranking[0].index == RED_EDGE
    assert analysis.effects[RED_EDGE] == pytest.approx(2 * mean, rel=1e-5)
    assert analysis.ranking[1].score == pytest.approx(0, abs=1e-6)


def test_the_focus_is_on_what_speaks_for_the_class(planted, red_rectangle):
    """The evidence for cat is the red edge, so filter 3 lies wholly on it."""
    analysis = look(planted, red_rectangle, choice=Choice("focus"), target="cat")
    assert analysis.focus[RED_EDGE] == pytest.approx(
        (analysis.maps.maps[RED_EDGE] ** 2).sum() / 3 / analysis.maps.maps[RED_EDGE].sum(),
        rel=1e-4,
    )
    assert analysis.ranking[0].index == RED_EDGE


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"layer": "1"}, "no convolution '1'"),
        ({"choice": Choice("biggest")}, "criterion must be one of"),
        ({"choice": Choice(weight=2)}, "weight must be from 0 to 1"),
        ({"threshold": 0.0}, "threshold must be over 0"),
        ({"target": "fox"}, "no class 'fox'"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_runs(planted, red_rectangle, wishes, words):
    with pytest.raises(ConfigError, match=words):
        analyse(planted, red_rectangle, **wishes)


def test_the_tree_tells_kinds_shapes_and_parameters(planted):
    anatomy = anatomy_of(planted)
    first = anatomy.layers[0]
    assert (first.name, first.kind, first.shape) == ("0", "3×3 convolution", (8, 64, 64))
    assert (first.parameters, first.filters) == (8 * 27 + 8, 8)
    assert first.sees_colour
    assert not first.before_sum
    assert [layer.name for layer in anatomy.convolutions] == ["0"]


def test_the_job_can_be_left_between_any_two_steps(planted, red_rectangle):
    """Nothing is left on the network: no hook, no mode."""
    before = [(len(m._forward_hooks), m.training) for m in planted.network.modules()]
    job = analyse(planted, red_rectangle, choice=Choice("effect"))
    for _ in range(6):
        next(job)
        assert [(len(m._forward_hooks), m.training) for m in planted.network.modules()] == before
    job.close()


def test_the_network_is_the_same_afterwards(planted, red_rectangle):
    before = {name: value.clone() for name, value in planted.network.state_dict().items()}
    look(planted, red_rectangle, choice=Choice("effect"))
    for name, value in planted.network.state_dict().items():
        assert np.array_equal(value, before[name])


@pytest.mark.parametrize(("sign", "words"), [(1, "to green"), (-1, "to a lack of green")])
def test_a_kernel_of_one_colour_answers_to_it_or_to_its_lack(planted, red_rectangle, sign, words):
    analysis = look(planted, red_rectangle)
    kernel = np.zeros((3, 3, 3), np.float32)
    kernel[..., 1] = sign
    regions = detail(analysis, RED_EDGE).regions
    told = " ".join(map(str, explanation(analysis.maps, RED_EDGE, regions, kernel)))
    assert f"Its kernel answers mostly {words}." in told


def test_every_word_on_tiles_and_in_sentences_can_be_translated(planted, red_rectangle):
    """A translation that puts everything between guillemets leaves nothing bare."""

    def marked(text: str) -> str:
        return f"«{text}»"

    analysis = look(planted, red_rectangle, choice=Choice("mean"), count=8)
    found = detail(analysis, RED_EDGE)
    ranked = analysis.ranking[:2]
    sheet = detail_sheet(analysis.maps, found, None, marked)
    made = (
        *heat_tiles(analysis.maps, ranked, None, say=marked),
        *grid_tiles(analysis.maps, ranked, say=marked),
        *kernel_tiles(found.kernel, RED_EDGE, say=marked),
        *sheet.tiles,
    )
    assert all(tile.caption.startswith("«") for tile in made)
    assert all(line.startswith("«") for line in (sheet.title, *sheet.lines, *sheet.notes))
    assert any("«vertical» «red» edge" in line for line in sheet.lines)
