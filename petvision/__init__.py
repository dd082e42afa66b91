"""PetVision: cat, dog or "I don't know", and why.

The public library, imported lazily: ``import petvision`` brings neither torch nor Qt along.

    import petvision

    model = petvision.open_model()
    prediction = petvision.predict(model, "tom.jpg")
    (gradcam,) = petvision.explain(model, "tom.jpg", methods=["gradcam"]).explanations
    print(prediction.label, prediction.confidence, gradcam.heat.shape)
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from petvision.errors import PetVisionError

if TYPE_CHECKING:
    from petvision.library import analyse_neurons, batch, explain, open_model, predict

__version__ = "0.1.0"
__all__ = [
    "PetVisionError",
    "__version__",
    "analyse_neurons",
    "batch",
    "explain",
    "open_model",
    "predict",
]

_LAZY = frozenset({"analyse_neurons", "batch", "explain", "open_model", "predict"})


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module("petvision.library"), name)
    raise AttributeError(f"module 'petvision' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallableRoom(ModuleType):
    """A room that shares its name with a public function and can be called as it."""

    def __call__(self, *arguments: object, **keywords: object) -> object:
        name = self.__name__.removeprefix("petvision.")
        return getattr(import_module("petvision.library"), name)(*arguments, **keywords)


class _Library(ModuleType):
    """Keeps ``petvision.explain(...)`` working once the room ``petvision.explain`` is imported.

    Python binds an imported submodule over the package's attribute of that name, so the room
    would hide the function; it becomes callable instead.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in _LAZY and isinstance(value, ModuleType):
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Library
