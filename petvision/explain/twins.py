"""The same network with its weights shuffled: it has the build, and nothing that was learned."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch

from petvision.events import Progress
from petvision.models.activations import memory_format
from petvision.models.engines.torch_engine import Layers
from petvision.models.handle import ModelHandle, linear_of

WEIGHTS_PER_STEP = 4_000_000  # shuffled between two yields: about 0.2 s


def shuffled(handle: ModelHandle, seed: int) -> Generator[Progress, None, ModelHandle]:
    """A model whose every layer holds its own weights in another order, so that their scale stays.

    Layers beyond ``WEIGHTS_PER_STEP`` are shuffled in parts of that many.

    Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, redraw the weights; shuffling
    them keeps their distribution. The handle itself stays as it is.

    Yields:
        Progress: while it works.
    """
    yield Progress(0, 0, "copying the network")
    twin = handle.twin()
    drawn = torch.Generator().manual_seed(seed)
    since = 0
    for weights in twin.network.parameters():
        mixed = weights.data.contiguous().clone()
        # A large layer in parts: no step is long, and the order of all its weights is never held.
        for part in torch.split(mixed.view(-1), WEIGHTS_PER_STEP):
            if since > WEIGHTS_PER_STEP:
                yield Progress(0, 0, "shuffling the weights")
                since = 0
            order = torch.randperm(part.numel(), generator=drawn).to(part.device)
            part.copy_(part[order])
            since += part.numel()
        if weights.dim() == 4:
            mixed = mixed.to(memory_format=memory_format(mixed.device))
        weights.data = mixed
    head = Layers(twin.network).head
    if not head:
        return twin
    classifier = linear_of(twin.network.get_submodule(head))
    return replace(twin, heads=replace(twin.heads, classifier=classifier))
