"""How many pictures are differentiated at once: what memory allows, and less when it runs out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from petvision.errors import ModelError
from petvision.images.types import Floats
from petvision.models.handle import ModelHandle

PER_PIXEL = 8_000
"""Bytes that a picture's backward pass holds for each of its pixels (seen: ResNet-101, 350 MB)."""

KEEP_FREE = 0.25
"""Share of the free memory that is left to others."""

# torch on Linux and macOS; on Windows; OpenVINO
_TOLD = ("can't allocate memory", "not enough memory", "bad_alloc")

STEP = {"cpu": 1}
"""Pictures whose gradients take about 0.2 s. On a processor two at once save 2 % of the time and
hold 200 MB more."""


class Gradients:
    """Gradients by the input, in batches that fit into memory.

    ``size`` is how many pictures fit at once; it halves when memory runs out and stays so.
    """

    def __init__(self, handle: ModelHandle) -> None:
        self._handle = handle
        side = handle.spec.size
        fits = int((1 - KEEP_FREE) * free_memory(handle.device) / (PER_PIXEL * side * side))
        self.size = max(1, min(STEP.get(handle.device.type, 32), fits))

    def __call__(self, batch: Floats, target: int) -> tuple[Floats, Floats]:
        """The gradient of logit ``target`` by every value, and the logits; as ``batch`` comes.

        Raises:
            ModelError: ``no_memory`` when not even one picture fits.
        """
        return self._halving(lambda part: self._handle.gradients(part, target), batch)

    @property
    def name(self) -> str:
        """Of the engine that computes them."""
        return self._handle.gradients.name

    def _halving(
        self, compute: Callable[[Floats], tuple[Floats, Floats]], batch: Floats
    ) -> tuple[Floats, Floats]:
        done: list[tuple[Floats, Floats]] = []
        start = 0
        while start < len(batch):
            try:
                done.append(compute(batch[start : start + self.size]))
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                if self.size == 1:
                    raise ModelError("no_memory", self._handle.card.name) from error
                self.size = max(1, self.size // 2)
                continue
            start += len(done[-1][0])
        gradients, logits = zip(*done, strict=True)
        return np.concatenate(gradients), np.concatenate(logits)


def free_memory(device: torch.device) -> int:
    """Bytes that can be had without swapping."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:  # not Linux: the halving sees to it
        return 1 << 62
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 1 << 62


def _out_of_memory(error: Exception) -> bool:
    """Torch's processor allocator raises a plain RuntimeError, told by its words only."""
    known = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, known) or any(words in str(error) for words in _TOLD)
