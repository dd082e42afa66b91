"""Heat comes back to where it belongs in the original photo."""

import numpy as np
import pytest
import torch
from torch import nn

from petvision.events import result_of
from petvision.explain.base import Context
from petvision.explain.registry import method, parameters
from petvision.explain.results import Attribution
from petvision.images.prepare import prepare
from petvision.images.types import ImageFacts, InputSpec, Picture
from petvision.models.handle import from_network
from tests.explain.tiny import CLASSES, ConvPoolLinear

SPEC = InputSpec(size=64, resize=72)


def redness() -> ConvPoolLinear:
    """Cat is what is redder than green, dog the opposite; maps of 16×16 cells."""
    convolution = nn.Conv2d(3, 1, 4, stride=4, bias=False)
    convolution.weight.data = torch.tensor([1.0, -1, 0]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    convolution.weight.data = convolution.weight.data.clone()
    linear = nn.Linear(1, 2, bias=False)
    linear.weight.data = torch.tensor([[1.0], [-1]])
    return ConvPoolLinear(convolution, linear)


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (233, 97)])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gradcam", {}),
        ("occlusion", {"window": 8, "stride": 4}),
        ("integrated_gradients", {"steps": 2}),
    ],
)
def test_heat_lies_on_the_planted_square(
    name: str, values: dict[str, object], width: int, height: int
) -> None:
    pixels = np.full((height, width, 3), 128, np.uint8)
    left, top, side = width // 2 + 10, height // 2 - 30, 20
    pixels[top : top + side, left : left + side] = (255, 0, 0)
    picture = Picture(pixels, ImageFacts(width, height, "PNG", "ab" * 32))
    prepared = prepare(picture, SPEC)
    handle = from_network(redness(), CLASSES, SPEC)
    context = Context(handle, prepared, None, "cat")
    found = result_of(method(name).run(context, parameters(name, values)))
    assert isinstance(found, Attribution)

    heat = np.where(found.heat > 0.5 * found.heat.max(), found.heat, 0).astype(np.float64)
    rows, columns = (np.arange(side) + 0.5 for side in heat.shape)
    geometry = found.geometry
    x, y = geometry.to_original(
        float((heat.sum(0) * columns).sum() / heat.sum()) * geometry.size / heat.shape[1],
        float((heat.sum(1) * rows).sum() / heat.sum()) * geometry.size / heat.shape[0],
    )
    cell = (geometry.box[2] - geometry.box[0]) / 16
    assert x == pytest.approx(left + side / 2, abs=cell / 2)
    assert y == pytest.approx(top + side / 2, abs=cell / 2)
