"""Figures in words: never a certainty, never a false precision."""

from __future__ import annotations

import pytest

from petvision.app import words
from petvision.errors import InputError


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "over 99.9 %"),
        (0.9995, "over 99.9 %"),
        (0.999, "99.9 %"),
        (0.5, "50.0 %"),
        (0.0004, "under 0.1 %"),
        (0.0, "under 0.1 %"),
    ],
)
def test_no_share_is_told_as_certain(share: float, text: str):
    assert words.percent(share) == text
    assert "100" not in words.short_percent(share)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "about 1 s"), (41.6, "about 42 s"), (200, "about 3 min")]
)
def test_durations_are_rough(seconds: float, text: str):
    assert words.duration(seconds) == text


def test_an_error_is_told_in_its_sentence():
    error = InputError("unreadable", "tom.jpg", reason="ends in the middle of the picture")
    assert words.error_sentence(error) == str(error)


def test_counts_and_names_read_well():
    assert words.photos(1) == "1 photo"
    assert words.photos(10_000) == "10,000 photos"
    assert words.named("yorkshire_terrier") == "Yorkshire terrier"
    assert words.milliseconds(62.4) == "62 ms"
    assert words.milliseconds(1430) == "1.4 s"
