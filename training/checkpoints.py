"""Checkpoints that survive a kill at any moment: written aside, synced, renamed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import torch

from petvision.errors import ConfigError, OutputError


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values so that ``path`` is always one whole checkpoint.

    Raises:
        OutputError: when the disk is full or the folder cannot be written.
    """
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
        part.unlink(missing_ok=True)
        number = getattr(error, "errno", None) or errno.ENOSPC
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("no_space", str(path)) from error
        reason = os.strerror(number).lower()
        raise OutputError("read_only", str(path), reason=reason) from error


def load_checkpoint(path: Path, expected: str) -> dict[str, Any] | None:
    """The checkpoint at ``path``; None when there is none yet.

    Raises:
        ConfigError: when it was made by another configuration (``expected`` is its fingerprint),
            or is damaged.
    """
    if not path.exists():
        return None
    content = _read(path)
    if content["config"] != expected:
        raise ConfigError(
            "several",
            str(path.parent.parent),
            problems="this run was started with another configuration or other photos; resume with "
            "the config.yaml of its folder, or choose another folder (out)",
        )
    return content


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        problems = f"it cannot be read: {(error.strerror or type(error).__name__).lower()}"
        raise ConfigError("several", str(path), problems=problems) from error
    except Exception as error:  # cut off or written over: torch may stumble anywhere
        problems = "it is damaged; remove it to compute anew what it held, or choose another folder"
        raise ConfigError("several", str(path), problems=f"{problems} (out)") from error
    return content
