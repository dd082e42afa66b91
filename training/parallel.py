"""Several processes on one run, as ``torchrun`` starts them; alone, everything here does nothing.

Every process draws the same batches and takes its share of each; gradients are averaged by
DistributedDataParallel, answers gathered whole, so that the figures are those of one process. The
first process writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class Team:
    """Which of how many processes this is."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def wrap(self, net: nn.Module, device: torch.device) -> nn.Module:
        """The network with its gradients averaged over all processes."""
        if self.world == 1:
            return net
        if device.type == "cuda":
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
        devices = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(net, device_ids=devices)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.world > 1:
            distributed.barrier()

    def gathered(self, ours: npt.NDArray[Any], total: int) -> npt.NDArray[Any]:
        """The rows of all processes (each has every world-th one), in their order: ``total``."""
        if self.world == 1:
            return ours
        parts: list[Any] = [None] * self.world
        distributed.all_gather_object(parts, ours)
        whole = np.empty((total, *ours.shape[1:]), ours.dtype)
        for rank, part in enumerate(parts):
            whole[rank :: self.world] = part
        return whole

    def summed(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        if self.world == 1:
            return list(values)
        parts: list[Any] = [None] * self.world
        distributed.all_gather_object(parts, values)
        return [float(sum(column)) for column in zip(*parts, strict=True)]


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes that ``torchrun`` started together; alone without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Team()
        return
    on_gpu = device in ("auto", "cuda") and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Team(distributed.get_rank(), world)
    finally:
        distributed.destroy_process_group()
