"""The sample photos are there, small, readable, and each has its author and licence."""

from __future__ import annotations

from pathlib import Path

from petvision.images import door
from petvision.images.samples import samples as sample_sources


def test_a_cat_a_dog_and_neither_come_through_the_door() -> None:
    sources = sample_sources()
    assert [source.label for source in sources] == ["cat.jpg", "dog.jpg", "neither.jpg"]
    for source in sources:
        picture = door.decode(door.load(source))
        assert picture.facts.format == "JPEG"
        assert min(picture.facts.width, picture.facts.height) >= 600
        assert picture.facts.notes == ()


def test_each_is_small_and_free_to_ship(samples: Path) -> None:
    licences = (samples / "LICENCES.md").read_text(encoding="utf-8")
    lines = [line for line in licences.splitlines() if line.startswith("| `")]
    rows = dict(line.strip("| ").split(" | ", 1) for line in lines)
    photos = sorted(samples.glob("*.jpg"))
    assert len(photos) == 3
    for photo in photos:
        assert photo.stat().st_size < 250_000
        author, licence, origin = rows[f"`{photo.name}`"].split(" | ")
        assert author
        assert licence in ("Public Domain", "CC0-1.0")
        assert origin.startswith("https://")
