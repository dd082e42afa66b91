"""Data on one stream, people's words, colours and bars on the other, and only where they show."""

from __future__ import annotations

import errno
import io
import os

import pytest

from petvision.errors import OutputError
from petvision.events import Progress, Result
from petvision.terminal import RED, Terminal, percent


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_data_and_words_go_to_their_own_streams():
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err)
    terminal.data("tom.jpg: cat")
    terminal.say("1 of 2 inputs failed")
    terminal.complain("broken.jpg is empty.")
    assert out.getvalue() == "tom.jpg: cat\n"
    assert err.getvalue() == "1 of 2 inputs failed\npetvision: broken.jpg is empty.\n"


def test_quiet_keeps_only_errors():
    err = io.StringIO()
    terminal = Terminal(io.StringIO(), err)
    terminal.quiet = True
    terminal.say("a word")
    terminal.complain("an error")
    assert err.getvalue() == "petvision: an error\n"


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TERM", "xterm")
    assert Terminal(io.StringIO()).paint("cat", RED) == "cat"
    assert Terminal(Screen()).paint("cat", RED) == "\x1b[31mcat\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Terminal(Screen()).paint("cat", RED) == "cat"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Terminal(Screen()).paint("cat", RED) == "cat"


def test_a_full_disk_behind_standard_output_is_an_output_error():
    with pytest.raises(OutputError, match="no space left to write standard output"):
        Terminal(FullDisk()).data("tom.jpg: cat")


def job():
    yield Progress(0, 4, "windows")
    yield Progress(3, 4, "windows")
    yield Result("done")


def test_a_job_is_followed_to_its_result_without_a_bar_in_a_file():
    err = io.StringIO()
    assert Terminal(io.StringIO(), err).follow(job(), "window") == "done"
    assert err.getvalue() == ""


def test_a_job_without_a_result_is_a_bug():
    with pytest.raises(RuntimeError, match="without a result"):
        Terminal(io.StringIO(), io.StringIO()).follow(iter([Progress(0, 1)]), "window")


def test_long_work_shows_rate_and_time_left_on_a_terminal():
    screen = Screen()
    terminal = Terminal(io.StringIO(), screen)
    terminal.patience = 0
    with terminal.bar("photo", 100) as bar:
        for _ in range(100):
            bar.update(1)
            bar.refresh()  # tqdm's own: it draws at most ten times a second
    shown = screen.getvalue()
    assert "50/100" in shown
    assert "photo/s" in shown
    assert "00:00<" in shown


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.5, "50.0 %"),
        (0.9984, "99.8 %"),
        (0.9989, "99.9 %"),
        (0.99999, "over 99.9 %"),
        (1.0, "over 99.9 %"),
        (0.0004, "under 0.1 %"),
    ],
)
def test_nobody_is_ever_told_100_percent(share: float, words: str):
    assert percent(share) == words
