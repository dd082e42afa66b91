"""The log: written, bounded, and closed again."""

from __future__ import annotations

import faulthandler
import logging
from logging.handlers import RotatingFileHandler

import pytest

from petvision import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    enabled = faulthandler.is_enabled()
    yield
    logs.stop()
    if enabled:
        faulthandler.enable()


def test_what_is_logged_is_in_the_file_and_the_file_stays_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    path = logs.start("test")
    assert path is not None
    for number in range(200):
        logging.getLogger("petvision.server").info("request %d", number)
    logs.stop()
    assert "request 199" in path.read_text()
    family = sorted(path.parent.glob("test.log*"))
    assert len(family) == 1 + logs.OLDER
    assert all(file.stat().st_size <= 2000 for file in family)


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(logs, "folder", lambda: logs.Path("/proc/nowhere"))
    assert logs.start("test") is None


def test_a_log_is_closed_however_its_block_ends() -> None:
    with pytest.raises(ZeroDivisionError), logs.kept("test") as path:
        raise ZeroDivisionError
    assert path is not None
    log = logging.getLogger("petvision")
    before = path.read_text()
    log.error("after the end")
    assert path.read_text() == before
    assert not any(isinstance(handler, RotatingFileHandler) for handler in log.handlers)
