"""Edits in pixels of the original: what a stroke covers, undo and redo, the same at every scale."""

from __future__ import annotations

import numpy as np
import pytest

from petvision.explain.edits import Edited, History, Stroke, fitted
from petvision.images.types import ImageFacts, Picture

COLOUR = (10, 20, 30)


def picture(scale: float = 1.0, shade: int = 200) -> Picture:
    """A photo of 400×200 original pixels, decoded at ``scale``."""
    shape = (round(200 * scale), round(400 * scale), 3)
    return Picture(np.full(shape, shade, np.uint8), ImageFacts(400, 200, "PNG", "ab" * 32), scale)


def changed(edited: Edited, before: Picture) -> np.ndarray:
    return (edited.pixels != before.pixels).any(2)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25])
def test_erasing_covers_a_disc_of_original_pixels_at_every_scale(scale: float):
    photo = picture(scale)
    edited = Edited(photo, COLOUR)
    edited.show([Stroke("erase", ((100.0, 50.0),), 20.0)])
    where = changed(edited, photo)
    assert where.sum() / scale**2 == pytest.approx(np.pi * 20**2, rel=0.2)
    rows, columns = np.nonzero(where)
    assert columns.mean() / scale == pytest.approx(100, abs=1 / scale)
    assert rows.mean() / scale == pytest.approx(50, abs=1 / scale)
    assert (edited.pixels[where] == COLOUR).all()


def test_a_stroke_painted_on_point_by_point_is_the_stroke_painted_at_once():
    points = ((30.0, 40.0), (80.0, 60.0), (200.0, 150.0), (390.0, 10.0))
    live, at_once = Edited(picture(), COLOUR), Edited(picture(), COLOUR)
    stroke = Stroke("erase", points[:1], 15.0)
    live.show([stroke])
    for point in points[1:]:
        stroke = stroke.further(*point)
        left, _, right, _ = live.show([stroke])
        assert right - left < 300
    at_once.show([stroke])
    assert (live.pixels == at_once.pixels).all()


def test_undo_brings_every_pixel_back_and_redo_takes_it_again():
    photo, history = picture(), History()
    edited = Edited(photo, COLOUR)
    history.begin(Stroke("erase", ((100.0, 100.0),), 30.0))
    history.extend(150.0, 100.0)
    history.begin(Stroke("blur", box=(120.0, 80.0, 180.0, 140.0)))
    edited.show(history.strokes)
    both = edited.pixels.copy()
    history.undo()
    edited.show(history.strokes)
    assert len(history.strokes) == 1
    assert len(history.strokes[0].points) == 2
    history.undo()
    assert edited.show(history.strokes) is not None
    assert (edited.pixels == photo.pixels).all()
    assert history.can_redo
    assert not history.can_undo
    history.redo()
    history.redo()
    edited.show(history.strokes)
    assert (edited.pixels == both).all()
    history.clear()
    edited.show(history.strokes)
    assert (edited.pixels == photo.pixels).all()
    history.undo()
    assert len(history.strokes) == 2


def test_the_original_is_never_changed_and_nothing_new_costs_nothing():
    photo = picture()
    edited = Edited(photo, COLOUR)
    strokes = [Stroke("erase", ((0.0, 0.0),), 1000.0)]
    assert edited.show(strokes) == (0, 0, 400, 200)
    assert edited.show(strokes) is None
    assert (photo.pixels == 200).all()
    assert (edited.pixels == COLOUR).all()


def test_pasting_shows_the_middle_of_the_other_photo_unstretched():
    other = np.zeros((100, 100, 3), np.uint8)
    other[:, 50:] = 250
    edited = Edited(picture(), COLOUR, Picture(other, picture().facts))
    edited.show([Stroke("paste", box=(0.0, 0.0, 400.0, 200.0))])
    assert (edited.pixels[:, :190] == 0).all()
    assert (edited.pixels[:, 210:] == 250).all()
    assert fitted(other, 40, 40).shape == (40, 40, 3)


def test_blurring_keeps_the_colour_and_takes_the_shape():
    photo = picture()
    photo.pixels[::2] = 0
    edited = Edited(photo, COLOUR)
    edited.show([Stroke("blur", box=(100.0, 50.0, 300.0, 150.0))])
    soft = edited.pixels[60:140, 110:290]
    assert soft.std() < 12
    assert abs(float(soft.mean()) - 100) < 4
    assert (edited.pixels[:40] == photo.pixels[:40]).all()
