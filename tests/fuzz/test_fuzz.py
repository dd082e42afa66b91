"""A short run of each fuzzer; the long ones are ``python -m tests.fuzz.images`` and ``models``."""

from __future__ import annotations

import pytest

from tests.fuzz import images, models


def test_broken_pictures_end_in_the_error_tree() -> None:
    report = images.run(200)
    assert not report.broken, report.broken
    assert report.kinds["answered"] > len(images.seeds()) // 2


def test_hostile_model_files_are_refused_and_nothing_in_them_is_executed() -> None:
    report = models.run(20)
    assert not report.broken, report.broken


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_thousand_broken_pictures() -> None:
    report = images.run(5000, seed=1)
    print(report)
    assert not report.broken, report.broken


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_five_hundred_broken_model_files() -> None:
    report = models.run(500, seed=1)
    print(report)
    assert not report.broken, report.broken
