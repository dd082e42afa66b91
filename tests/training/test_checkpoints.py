"""Checkpoints: whole or refused in one sentence."""

from pathlib import Path

import pytest
import torch

from petvision.errors import ConfigError
from training.checkpoints import load_checkpoint, save_checkpoint


@pytest.fixture
def last(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints" / "last.pt"
    path.parent.mkdir()
    save_checkpoint(path, {"config": "ours", "net": {"weight": torch.arange(1000.0)}})
    return path


def test_a_checkpoint_reads_back_and_one_of_another_run_is_refused(last):
    content = load_checkpoint(last, "ours")
    assert content is not None
    assert torch.equal(content["net"]["weight"], torch.arange(1000.0))
    with pytest.raises(ConfigError, match="another configuration"):
        load_checkpoint(last, "theirs")
    assert load_checkpoint(last.with_name("none.pt"), "ours") is None


@pytest.mark.parametrize("kept", [0, 1, 100, 3000])
def test_a_checkpoint_that_was_cut_off_is_told_with_what_to_do(last, kept):
    last.write_bytes(last.read_bytes()[:kept])
    with pytest.raises(ConfigError, match=r"last\.pt: it is damaged; remove it"):
        load_checkpoint(last, "ours")


def test_a_checkpoint_that_something_else_wrote_over_is_told(last):
    last.write_text("hello " * 1000)
    with pytest.raises(ConfigError, match="it is damaged"):
        load_checkpoint(last, "ours")


def test_a_checkpoint_that_cannot_be_read_is_told(last):
    last.unlink()
    last.mkdir()
    with pytest.raises(ConfigError, match="it cannot be read: is a directory"):
        load_checkpoint(last, "ours")
