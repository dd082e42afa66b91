import io
import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from petvision.explain.results import Attribution, Explanation
from petvision.figures.attribution import AttributionPanel
from petvision.figures.kernels import GRIDS
from petvision.figures.panels import Panel, panel
from petvision.figures.render import png, svg
from petvision.figures.style import DARK, LIGHT, STYLES, Style
from petvision.images.types import Geometry
from tests.figures.results import (
    FACTS,
    WIDE,
    attribution,
    channel_maps,
    each_kind,
    kernel_set,
    photo,
)

KINDS = each_kind()


def drawn(
    explanation: Explanation,
    style: Style = LIGHT,
    size: tuple[float, float] = (4, 3),
    dpi: float = 100,
    *,
    bare: bool = True,
) -> tuple[Panel, np.ndarray]:
    figure = Figure(figsize=size, dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    made = panel(type(explanation), figure, style, bare=bare)
    made.show(explanation, photo(getattr(explanation, "geometry", WIDE)))
    canvas.draw()
    return made, np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def at(made: AttributionPanel, image: np.ndarray, x: float, y: float) -> np.ndarray:
    """The colour drawn where the original photo's point (x, y) is."""
    column, row = made._axes.transData.transform((x, y))
    return image[image.shape[0] - 1 - int(row), int(column)]


def test_heat_lies_on_the_planted_square_in_the_originals_coordinates() -> None:
    heat = np.zeros((64, 64))
    heat[40:56, 8:24] = 1  # model pixels; the box begins at x = 160 and has 5 original a pixel
    made, image = drawn(attribution(heat, signed=True), size=(8, 5))
    hot = image[..., 0] - image[..., 2] > 60
    corners = [(200, 200, 1, 1), (200, 280, 1, -1), (280, 200, -1, 1), (280, 280, -1, -1)]
    inside = [(x + 9 * dx, y + 9 * dy) for x, y, dx, dy in corners]
    outside = [(x - 9 * dx, y - 9 * dy) for x, y, dx, dy in corners]
    for x, y in inside:
        red, _, blue = at(made, image, x, y)
        assert red - blue > 60
    for x, y in outside:
        red, _, blue = at(made, image, x, y)
        assert abs(red - blue) < 20
    rows, columns = np.nonzero(hot[: int(image.shape[0] * 0.85)])  # above the scale
    (left, top), (right, bottom) = made._axes.transData.transform([(200, 200), (280, 280)])
    top, bottom = image.shape[0] - top, image.shape[0] - bottom
    assert columns.min() == pytest.approx(left, abs=3)
    assert columns.max() == pytest.approx(right, abs=3)
    assert rows.min() == pytest.approx(top, abs=3)
    assert rows.max() == pytest.approx(bottom, abs=3)


def test_a_coarse_cell_is_brightest_at_its_own_centre() -> None:
    heat = np.zeros((4, 4))
    heat[1, 2] = 1  # spans x 320..400, y 80..160 of the original
    made, image = drawn(attribution(heat), size=(8, 5))
    strength = image.sum(2) * (image.max(2) - image.min(2) > 30)  # bright, and not the ground
    strength[int(image.shape[0] * 0.85) :] = 0  # the scale
    row, column = np.unravel_index(strength.argmax(), strength.shape)
    centre = made._axes.transData.transform((360, 120))
    assert column == pytest.approx(centre[0], abs=6)
    assert image.shape[0] - row == pytest.approx(centre[1], abs=6)


def test_what_the_network_did_not_see_is_hatched_and_the_rest_is_not() -> None:
    made, image = drawn(attribution(np.zeros((7, 7))), size=(8, 5))
    (x0, y0), (x1, y1) = made._axes.transData.transform([(10, 310), (150, 10)]).astype(int)
    unseen = image[image.shape[0] - y1 : image.shape[0] - y0, x0:x1]
    (x0, y0), (x1, y1) = made._axes.transData.transform([(170, 310), (470, 10)]).astype(int)
    seen = image[image.shape[0] - y1 : image.shape[0] - y0, x0:x1]
    assert unseen.std() > 5
    assert np.abs(seen - 120).max() <= 2
    assert made._unseen.get_visible()


def test_a_photo_seen_whole_has_no_hatch() -> None:
    made, _ = drawn(attribution(np.ones((7, 7)), geometry=Geometry(64, 64, (0, 0, 64, 64), 64)))
    assert not made._unseen.get_visible()


def test_without_blend_the_photo_is_itself() -> None:
    made, _ = drawn(attribution(np.ones((7, 7))))
    made.show(attribution(np.ones((7, 7))), photo(WIDE, (200, 60, 20)))
    made.blend = 0
    made.figure.canvas.draw()
    image = np.asarray(made.figure.canvas.buffer_rgba())[..., :3].astype(int)
    np.testing.assert_allclose(at(made, image, 320, 160), (200, 60, 20), atol=1)
    made.blend = 1
    made.figure.canvas.draw()
    image = np.asarray(made.figure.canvas.buffer_rgba())[..., :3].astype(int)
    assert np.abs(at(made, image, 320, 160) - (200, 60, 20)).max() > 40


@pytest.mark.parametrize("kind", KINDS)
def test_showing_again_makes_no_new_artists(kind: str) -> None:
    made, first = drawn(KINDS[kind])
    count = len(made.figure.findobj())
    for _ in range(3):
        made.show(KINDS[kind], photo(WIDE))
    made.figure.canvas.draw()
    assert len(made.figure.findobj()) == count
    np.testing.assert_array_equal(
        np.asarray(made.figure.canvas.buffer_rgba())[..., :3].astype(int), first
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1.2, 0.96), (2.8, 2.0), (4, 3), (9, 4), (4, 9)])
def test_words_stay_inside_and_apart_at_every_size(kind: str, size: tuple[float, float]) -> None:
    made, _ = drawn(KINDS[kind], size=size)
    check_words(made, room=size[0] >= 2.8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(4, 4), (7.2, 6.4), (10, 5)])
def test_a_whole_panel_says_what_it_is_without_overlap(
    kind: str, size: tuple[float, float]
) -> None:
    made, _ = drawn(KINDS[kind], size=size, bare=False)
    words = " ".join(words_of(made))
    for said in ("A method", "What it shows", "What it cannot say", "2.14 %", "169", "tiny"):
        assert said in words.replace("\n", " ")
    check_words(made, room=True)


def words_of(made: Panel) -> list[str]:
    return [t.get_text() for t in made.figure.texts if t.get_visible()]


def check_words(made: Panel, *, room: bool) -> None:
    canvas = made.figure.canvas
    boxes = [
        text.get_window_extent(canvas.get_renderer())
        for text in (*made.figure.texts, *(t for axes in made.figure.axes for t in axes.texts))
        if text.get_visible() and text.get_text() and (text.axes is None or text.axes.get_visible())
    ]
    width, height = made.figure.bbox.size
    if room:
        for box in boxes:
            assert box.x0 >= -1
            assert box.x1 <= width + 1
            assert box.y0 >= -1
            assert box.y1 <= height + 1
        for one, other in itertools.combinations(boxes, 2):
            overlap_x = min(one.x1, other.x1) - max(one.x0, other.x0)
            overlap_y = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert min(overlap_x, overlap_y) <= 1.5


def test_a_resized_figure_is_laid_out_anew_by_itself() -> None:
    made, _ = drawn(KINDS["channels"])
    before = made._image.axes.get_position().bounds
    made.figure.set_size_inches(8, 3)
    made.figure.canvas.draw()
    assert made._image.axes.get_position().bounds != before
    check_words(made, room=True)


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_in_every_style(kind: str, style: Style) -> None:
    made, image = drawn(KINDS[kind], style)
    ground = tuple(int(style.surface[i : i + 2], 16) for i in (1, 3, 5))
    np.testing.assert_array_equal(image[0, 0], ground)
    assert (np.abs(image - ground).max(2) > 8).mean() > 0.15
    made.restyle(LIGHT if style is DARK else DARK)
    made.figure.canvas.draw()
    again = np.asarray(made.figure.canvas.buffer_rgba())[..., :3]
    assert tuple(again[0, 0]) != ground


def test_the_remark_is_on_the_picture() -> None:
    made, _ = drawn(KINDS["empty"])
    assert [t.get_text() for t in made._axes.texts if t.get_visible()] == [
        "no positive evidence for cat here"
    ]
    made.show(KINDS["non-negative"], photo(WIDE))
    assert not [t for t in made._axes.texts if t.get_visible()]


def test_feature_maps_are_one_image_in_one_axes() -> None:
    made, _ = drawn(channel_maps())
    assert sum(len(axes.images) for axes in made.figure.axes) == 2  # with the scale
    fewer = channel_maps(layers=3, channels=2)
    made.show(fewer)
    made.figure.canvas.draw()
    assert [words.split()[0] for words in words_of(made)[-3:]] == ["layer0", "layer1", "layer2"]


def test_deeper_filters_are_not_shown_as_pictures() -> None:
    made, _ = drawn(KINDS["norms"])
    assert made._bars_axes.get_visible()
    assert not any(axes.get_visible() for axes in made._grids)
    made.show(kernel_set())
    assert not made._bars_axes.get_visible()
    assert all(axes.get_visible() for axes in made._grids)


@pytest.mark.parametrize("count", [1, 3, 16, 64, 96])
def test_any_number_of_filters_fits(count: int) -> None:
    made, _ = drawn(kernel_set(count, 3, 11))
    check_words(made, room=True)


@pytest.mark.parametrize("size", [(2.4, 2.4), (4, 2), (4, 3), (9, 4), (4, 9)])
def test_the_name_of_a_channel_touches_no_filter(size: tuple[float, float]) -> None:
    made, _ = drawn(kernel_set(), size=size)
    renderer = made.figure.canvas.get_renderer()
    grids = [axes.get_window_extent() for axes in made._grids]
    assert len(grids) == 4
    for name in (text for text in made.figure.texts if text.get_text() in GRIDS):
        extent = name.get_window_extent(renderer)
        assert not any(extent.overlaps(grid) for grid in grids), name.get_text()


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_repeatable(kind: str) -> None:
    for make, head in ((png, b"\x89PNG"), (svg, b"<?xml")):
        one, other = (make(KINDS[kind], photo(WIDE), size=(3, 3), dpi=50) for _ in range(2))
        assert one.startswith(head)
        assert one == other


def test_a_png_has_the_size_asked_for() -> None:
    image = Image.open(io.BytesIO(png(KINDS["signed"], photo(WIDE), size=(5, 4), dpi=80)))
    assert image.size == (400, 320)


@pytest.mark.parametrize(("width", "height"), [(640, 320), (320, 640), (10, 4000), (4000, 10)])
def test_a_picture_without_a_given_size_takes_the_height_it_needs(width: int, height: int) -> None:
    side = min(width, height)
    geometry = Geometry(width, height, (0, 0, side, side), 64)
    shown = attribution(np.ones((7, 7)), geometry=geometry)
    wide, high = Image.open(io.BytesIO(png(shown, photo(geometry), dpi=50))).size
    assert wide == 360
    assert 150 <= high <= 500
    if (width, height) == (640, 320):
        assert 180 + 60 < high < 180 + 120  # the photo, then the words and the scale


def test_a_photo_is_not_needed() -> None:
    assert png(KINDS["signed"], None, size=(3, 3), dpi=50)


def test_words_with_dollars_and_other_signs_are_shown_as_they_are() -> None:
    heat = np.ones((4, 4), np.float32)
    odd = Attribution(
        "x", KINDS["signed"].card, {"layer": "a_{b}$c$"}, "$\\frac{cat$", heat, False, "$unit^",
        WIDE, FACTS, KINDS["signed"].provenance, "$remark_",
    )  # fmt: skip
    assert png(odd, photo(WIDE), size=(3, 3), dpi=50)


def test_figures_need_no_torch_no_qt_and_no_pyplot() -> None:
    program = """
import sys
sys.modules["torch"] = None
sys.modules["PySide6"] = None
from tests.figures.results import each_kind, photo, WIDE
from petvision.figures.render import png
for kind in each_kind().values():
    assert png(kind, photo(WIDE), size=(3, 3), dpi=50)
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_a_new_result_is_shown_quickly() -> None:
    """The budget is 60 ms on a free machine; here only a gross mistake should fail."""
    geometry = Geometry(1600, 1200, (200, 0, 1400, 1200), 224)
    heat = np.random.default_rng(0).normal(size=(224, 224))
    shown, picture = attribution(heat, signed=True, geometry=geometry), photo(geometry)
    made, _ = drawn(shown, size=(4.2, 3.4))
    times = []
    for _ in range(5):
        start = time.thread_time()
        made.show(shown, picture)
        made.figure.canvas.draw()
        times.append(time.thread_time() - start)
    assert sorted(times)[2] < 0.25
