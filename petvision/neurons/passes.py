"""Passes through a part of a network; every hook is gone when a function returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from petvision.images.types import Floats
from petvision.models.activations import memory_format, quiet, to_network


class _Reached(Exception):
    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


def answer_of(network: nn.Module, module: str, batch: Tensor) -> Tensor:
    """What a module answers to ``batch`` the first time it runs; nothing behind it is computed.

    Raises:
        RuntimeError: when the network never runs it (a bug in the caller).
    """

    def leave(_: nn.Module, inputs: object, output: Tensor) -> None:
        raise _Reached(output)

    hook = network.get_submodule(module).register_forward_hook(leave)
    try:
        with quiet(network):
            network(batch)
    except _Reached as reached:
        return reached.output
    finally:
        hook.remove()
    raise RuntimeError(f"{module} was not reached")


def logits_without(
    network: nn.Module,
    module: str,
    picture: Floats,
    silenced: Sequence[Sequence[int]],
    at: str = "",
) -> Floats:
    """The logits of one picture with each of several sets of a module's channels at zero.

    What lies before the module is computed once: its answer is multiplied there. (Only where a
    shortcut adds it to a single one in place does the whole pass run on copies of the picture.)

    Args:
        network: whose output is N×classes.
        module: the one whose channels are set to zero.
        picture: float32 1×3×S×S.
        silenced: sets of channels; an empty one is the answer with everything.
        at: the module whose answer is wanted instead of the logits.

    Returns:
        float32 sets×classes, or what ``at`` gives.
    """

    def silence(_: nn.Module, inputs: object, output: Tensor) -> Tensor:
        many = output.repeat(len(silenced), 1, 1, 1) if len(output) == 1 else output.clone()
        for number, channels in enumerate(silenced):
            many[number, list(channels)] = 0
        return many.contiguous(memory_format=memory_format(many.device))

    batch = to_network(network, picture)
    if "downsample" in module.split("."):
        batch = batch.repeat(len(silenced), 1, 1, 1)
    hook = network.get_submodule(module).register_forward_hook(silence)
    try:
        with torch.no_grad(), quiet(network):
            logits = answer_of(network, at, batch) if at else network(batch)
    finally:
        hook.remove()
    return np.asarray(logits.float().cpu().contiguous().numpy())
