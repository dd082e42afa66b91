"""What the window remembers survives, whatever is in it."""

from __future__ import annotations

import datetime
import os
import tomllib
from pathlib import Path

import pytest

from petvision.app.settings import RECENT_MOST, VERSION, Settings, toml
from petvision.app.startmark import StartMark


def test_what_is_put_is_there_the_next_time(tmp_path: Path):
    settings = Settings.load(tmp_path / "new" / "settings.toml")
    settings.put("theme", "dark")
    settings.put("window.splitter", [240, 900, 300])
    settings.put("parameters.occlusion.window", 48)
    assert settings.save()
    again = Settings.load(settings.path)
    assert again.get("theme", "system") == "dark"
    assert again.table("window") == {"splitter": [240, 900, 300]}
    assert again.table("parameters")["occlusion"] == {"window": 48}
    assert again.get("version", 0) == VERSION


def test_unknown_keys_are_kept(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text('theme = "dark"\n[future]\nkey = [1, 2]\n[future.deeper]\nwhen = 2031-05-06\n')
    settings = Settings.load(path)
    settings.put("theme", "light")
    settings.save()
    kept = tomllib.loads(path.read_text())
    assert kept["future"] == {"key": [1, 2], "deeper": {"when": datetime.date(2031, 5, 6)}}
    assert kept["theme"] == "light"


def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text("theme = [unfinished")
    settings = Settings.load(path)
    assert settings.damage == tmp_path / "settings.toml.bad"
    assert settings.damage.read_text() == "theme = [unfinished"
    assert settings.get("theme", "system") == "system"


def test_a_value_of_another_type_is_the_default(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text('theme = 5\nwindow = "no table"\n')
    settings = Settings.load(path)
    assert settings.get("theme", "system") == "system"
    assert settings.get("window.geometry", "") == ""
    settings.put("window.geometry", "abc")
    assert settings.get("window.geometry", "") == "abc"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    settings = Settings.load(tmp_path / "file" / "settings.toml")
    assert not settings.save()


@pytest.mark.parametrize(
    "values",
    [
        {"quotes": 'a "b" \\ c', "lines": "one\ntwo\t\x01\x7f", "emoji": "ñ 🐈"},
        {"odd key.with dots": 1, "ü": {"a b": {"c": True}}},
        {"numbers": [1, -2, 3.5, 1e300, -0.0], "infinite": float("inf")},
        {"tables in lists": [{"a": 1}, {"b": "x"}], "empty": {}, "none": []},
    ],
)
def test_the_writer_writes_what_the_reader_reads(values: dict[str, object]):
    assert tomllib.loads(toml(values)) == values


def test_recent_files_are_newest_first_without_doubles_and_bounded(tmp_path: Path):
    settings = Settings.load(tmp_path / "settings.toml")
    for number in range(RECENT_MOST + 3):
        settings.opened(str(tmp_path / f"{number}.jpg"))
    settings.opened(str(tmp_path / "7.jpg"))
    settings.save()
    recent = Settings.load(settings.path).recent
    assert recent[0] == str(tmp_path / "7.jpg")
    assert len(recent) == len(set(recent)) == RECENT_MOST


def test_recent_files_keep_addresses_and_names_that_are_no_text(tmp_path: Path):
    settings = Settings.load(tmp_path / "settings.toml")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/ni\xf1o #1 100%.jpg")
    settings.opened(odd)
    settings.opened("https://example.org/cat.jpg?size=1")
    settings.save()
    assert Settings.load(settings.path).recent == ["https://example.org/cat.jpg?size=1", odd]


def test_a_newer_programs_file_is_kept_aside(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text('version = 99\ntheme = "dark"\n')
    settings = Settings.load(path)
    assert settings.get("theme", "system") == "system"
    assert settings.damage == tmp_path / "settings.toml.newer"
    assert 'theme = "dark"' in settings.damage.read_text()


def test_after_a_crash_at_start_the_settings_are_plain_and_the_file_stays(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text('theme = "dark"\n')
    settings = Settings.safe(path)
    assert settings.get("theme", "system") == "system"
    assert settings.save()
    assert path.read_text() == 'theme = "dark"\n'


def test_a_start_that_does_not_end_well_is_known_to_the_next(tmp_path: Path):
    mark = StartMark(tmp_path / "state" / "starting")
    assert not mark.begin()
    assert StartMark(mark.path).begin()
    mark.well()
    assert not mark.begin()
