"""The one module through which all of PetVision imports torchvision.

Where torchvision's C++ extension cannot load (its wheels are built for CUDA machines), importing
torchvision dies, because it registers shapes for two operators that then do not exist. Defining
the two before the import is all it takes; the operators themselves are used nowhere here. Where
the extension loads, nothing is done.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept_alive: list[Any] = []


def torchvision() -> ModuleType:
    """The torchvision package, imported in a way that works with and without its extension."""
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _define_operators()
        import torchvision
    return cast(ModuleType, torchvision)


def _define_operators() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in _OPERATORS:
        library.define(operator)  # type: ignore[no-untyped-call]
    _kept_alive.append(library)  # the definitions live as long as this object


def plain_network(name: str, classes: int) -> torch.nn.Module:
    """Torchvision's own ``alexnet`` or ``vgg16``, not trained."""
    torchvision()
    from torchvision import models

    return cast(torch.nn.Module, models.get_model(name, weights=None, num_classes=classes))


def imagenet_classes() -> tuple[str, ...]:
    """The thousand ImageNet class names, in the order of the networks' outputs."""
    torchvision()
    from torchvision.models import ResNet18_Weights

    names: list[str] = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names)
    )
