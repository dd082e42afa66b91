"""The methods there are. A new one is one file and one line here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from petvision.errors import ConfigError
from petvision.explain.base import Method, Parameters
from petvision.explain.feature_maps import FeatureMaps
from petvision.explain.gradcam import GradCam
from petvision.explain.gradcam_plusplus import GradCamPlusPlus
from petvision.explain.hirescam import HiResCam
from petvision.explain.integrated_gradients import IntegratedGradients
from petvision.explain.kernels import Kernels
from petvision.explain.layercam import LayerCam
from petvision.explain.occlusion import Occlusion
from petvision.explain.smoothgrad import SmoothGrad


def _by_id(methods: Iterable[Method[Any]]) -> Mapping[str, Method[Any]]:
    return MappingProxyType({method.id: method for method in methods})


METHODS = _by_id(
    (
        GradCam(),
        IntegratedGradients(),
        Occlusion(),
        FeatureMaps(),
        Kernels(),
        GradCamPlusPlus(),
        HiResCam(),
        LayerCam(),
        SmoothGrad(),
    )
)
"""In the order in which a person reads them."""

DEFAULT = ("gradcam", "integrated_gradients", "occlusion", "feature_maps", "kernels")
"""The methods that run unless others are asked for."""


def method(name: str) -> Method[Any]:
    """The method of that id.

    Raises:
        ConfigError: ``key``, with the nearest id.
    """
    if name not in METHODS:
        raise ConfigError("key", "methods", key=f"method {name!r}", remedy=_nearest(name, METHODS))
    return METHODS[name]


def parameters(name: str, values: Mapping[str, object]) -> Parameters:
    """A method's parameters from plain values (a form's, a file's or the command line's words).

    Raises:
        ConfigError: ``key``, ``type`` or ``range``, naming the parameter.
    """
    form: type[Parameters] = method(name).Parameters
    try:
        return form.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            remedy = _nearest(key, form.model_fields)
            raise ConfigError("key", name, key=f"parameter {key!r}", remedy=remedy) from error
        wanted = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if not key:  # a rule between several parameters
            raise ConfigError(
                "range", name, key="parameters", expected=f"such that {wanted}", found="these"
            ) from error
        kind = "type" if first["type"].endswith(("_type", "_parsing", "_from_float")) else "range"
        raise ConfigError(
            kind, name, key=key, expected=wanted, found=repr(first["input"])
        ) from error


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There is {', '.join(known)}."
