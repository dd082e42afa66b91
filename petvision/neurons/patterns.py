"""A picture that fires a filter strongly, made by climbing its activation.

The picture is kept as the amplitudes of its waves in colours that vary independently, with small
shifts at every step, so that it does not end in noise. See Olah et al., "Feature Visualization",
Distill 2017. What comes out is one picture that fires the filter, and not "what it looks for".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from petvision.errors import ConfigError
from petvision.events import Event, Events, Partial, Progress, Result
from petvision.images.types import Floats
from petvision.models.activations import device_of
from petvision.models.handle import ModelHandle
from petvision.neurons.layers import Anatomy
from petvision.neurons.passes import answer_of
from petvision.neurons.receptive_field import field
from petvision.neurons.results import Pattern

STEPS = 96
SHIFT = 6
RATE = 0.05
SIDES = (64, 160)
"""The picture's side in pixels: one and a half receptive fields, within these."""

SHOWN_EVERY = 16
LEAK = 0.05
"""How much a silent cell counts, so that a filter that is silent at first can be climbed."""

_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
"""How the colours of natural photos vary together (rows red, green, blue)."""


def pattern(
    handle: ModelHandle,
    anatomy: Anatomy,
    layer: str,
    index: int,
    *,
    steps: int = STEPS,
    seed: int = 0,
    usual: float = 0.0,
) -> Events[Pattern]:
    """Synthesise a picture that fires one filter.

    Args:
        handle: the model.
        anatomy: of the model.
        layer: a convolution.
        index: of the filter.
        steps: of climbing.
        seed: of the first noise and the shifts.
        usual: the filter's mean activation on a photo, to compare with.

    Returns:
        Events: progress by steps, a ``Partial`` now and then, and the ``Result``.

    Raises:
        ConfigError: when there is no such layer or filter.
    """
    facts = anatomy.convolution(layer)
    if not 0 <= index < facts.filters:
        expected = f"from 0 to {facts.filters - 1}"
        raise ConfigError("range", facts.name, key="filter", expected=expected, found=index)

    def work() -> Iterator[Event[Pattern]]:
        climb = _Climb(handle, anatomy, facts.name, index, seed)
        for step in range(steps):
            yield Progress(step, steps, "synthesising")
            climb.step()
            if step % SHOWN_EVERY == SHOWN_EVERY - 1 and step + 1 < steps:
                yield Partial(_told(facts.name, index, climb, usual, step + 1))
        yield Result(_told(facts.name, index, climb, usual, steps))

    return work()


def _told(layer: str, index: int, climb: _Climb, usual: float, steps: int) -> Pattern:
    pixels, activation = climb.seen()
    return Pattern(layer, index, pixels, activation, usual, steps)


class _Climb:
    """The waves of a picture and the way they are changed; nothing of it touches the network."""

    def __init__(
        self, handle: ModelHandle, anatomy: Anatomy, layer: str, index: int, seed: int
    ) -> None:
        self._handle, self._index = handle, index
        self._tap = anatomy.taps[layer]
        device = device_of(handle.network)
        self._draw = torch.Generator().manual_seed(seed)
        side = self._side(anatomy, layer)
        waves = torch.randn(3, side, side // 2 + 1, 2, generator=self._draw) * 0.01
        self._waves = waves.to(device).requires_grad_()
        across, down = np.fft.rfftfreq(side), np.fft.fftfreq(side)
        lengths = np.maximum(np.hypot(down[:, None], across[None]), 1 / side)
        scale = torch.tensor(0.25 / lengths, dtype=torch.float32, device=device)
        self._scale = scale[None, :, :, None]
        self._side_px = side
        colours = torch.tensor(_COLOURS, device=device)
        self._colours = colours / colours.norm(dim=0).max()
        spec = handle.spec
        self._mean = torch.tensor(spec.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(spec.std, device=device).view(3, 1, 1)
        self._optimiser = torch.optim.Adam([self._waves], lr=RATE)

    def step(self) -> None:
        """Climb once, on the picture shifted by a few pixels."""
        with torch.inference_mode(mode=False), torch.enable_grad():
            down, across = (
                int(torch.randint(-SHIFT, SHIFT + 1, (1,), generator=self._draw)) for _ in "yx"
            )
            shifted = torch.roll(self._picture(), (down, across), (1, 2))
            answer = self._answer(shifted)
            (gradient,) = torch.autograd.grad(-leaky_relu(answer, LEAK).mean(), [self._waves])
            self._waves.grad = gradient
            self._optimiser.step()

    def seen(self) -> tuple[Floats, float]:
        """The picture h×w×3 in 0..1, and the filter's mean activation on it."""
        with torch.no_grad():
            picture = self._picture()
            answer = self._answer(picture).clamp(0, self._tap.most)
            pixels = picture.permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(pixels, np.float32), float(answer.mean())

    def _picture(self) -> Tensor:
        spectrum = torch.view_as_complex(self._waves * self._scale)
        size = (self._side_px, self._side_px)
        planes = torch.fft.irfft2(spectrum, s=size, norm="ortho")
        return torch.sigmoid(torch.einsum("ij,jhw->ihw", self._colours, planes))

    def _answer(self, picture: Tensor) -> Tensor:
        batch = ((picture - self._mean) / self._std)[None]
        return answer_of(self._handle.network, self._tap.module, batch)[0, self._index]

    @staticmethod
    def _side(anatomy: Anatomy, layer: str) -> int:
        _, high, wide = anatomy.convolution(layer).shape
        left, _, right, _ = field(anatomy.graph, layer, (high // 2, wide // 2))
        least, most = SIDES
        return int(np.clip(1.5 * (right - left), least, most)) // 2 * 2
