"""The same network with its weights shuffled: it has the build, and nothing that was learned."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch

from petvision.events import Progress
from petvision.models.engines.torch_engine import Layers
from petvision.models.handle import ModelHandle, linear_of

WEIGHTS_PER_STEP = 4_000_000  # shuffled between two yields: about 0.2 s


def shuffled(handle: ModelHandle, seed: int) -> Generator[Progress, None, ModelHandle]:
    """A model whose every layer holds its own weights in another order, so that their scale stays.

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
        if since > WEIGHTS_PER_STEP:
            yield Progress(0, 0, "shuffling the weights")
            since = 0
        flat = weights.data.contiguous().view(-1)
        order = torch.randperm(flat.numel(), generator=drawn).to(flat.device)
        weights.data = flat[order].view(weights.shape)
        if weights.dim() == 4:
            weights.data = weights.data.to(memory_format=torch.channels_last)
        since += flat.numel()
    head = Layers(twin.network).head
    if not head:
        return twin
    classifier = linear_of(twin.network.get_submodule(head))
    return replace(twin, heads=replace(twin.heads, classifier=classifier))
