"""The error tree: everything that can go wrong in the world, with its sentence.

    PetVisionError
    ├── InputError    unreadable, unsupported, too_large, not_found, network, refused, fault
    ├── ModelError    not_a_model, wrong_shape, unknown_version, bad_weights, not_found, disagrees
    ├── ConfigError   key, type, range, several
    ├── OutputError   no_space, read_only, exists
    └── Cancelled     cancelled

An error carries a stable ``code`` and parameters; the English sentence (what happened, where,
what to do) is a template beside the code. Each door renders it: the window in its language,
JSON always in English through ``str(error)``. Anything that is not in this tree is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class PetVisionError(Exception):
    """The world's fault, told in one clear sentence.

    Args:
        code: one of the class's ``sentences``.
        source: the label of the file, URL, model or key concerned, fit to show.
        parameters: what the sentence's template needs besides ``source``.

    Raises:
        KeyError: when ``code`` is not one of the class's codes or a parameter is missing
            (a bug in the caller).
    """

    sentences: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, code: str, source: str = "", **parameters: object) -> None:
        self.code = code
        self.source = source
        self.parameters = MappingProxyType(dict(parameters))
        super().__init__(self.template.format(source=source, **parameters))

    @property
    def template(self) -> str:
        """The English sentence with its places for ``source`` and the parameters."""
        return self.sentences[self.code]

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor's own arguments (threads, child processes)."""
        return _rebuild, (type(self), self.code, self.source, dict(self.parameters))


def _rebuild(
    kind: type[PetVisionError], code: str, source: str, parameters: dict[str, object]
) -> PetVisionError:
    return kind(code, source, **parameters)


class InputError(PetVisionError):
    """A photo that cannot be had or read."""

    sentences = MappingProxyType(
        {
            "unreadable": "{source} {reason}.",
            "unsupported": "{source} is {found}, not a picture PetVision can open. {remedy}",
            "too_large": "{source} is too large: {found}, where {limit} is the most.",
            "not_found": "{source} is not there. {remedy}",
            "network": "{source} could not be fetched: {reason}. {remedy}",
            "refused": "{source} was not opened: {reason}. {remedy}",
            "fault": "A fault of PetVision's own stopped this; its report tells more.",
        }
    )


class ModelError(PetVisionError):
    """A model file that cannot be used."""

    sentences = MappingProxyType(
        {
            "not_a_model": "{source} is not a model file: {reason}.",
            "wrong_shape": "{source} does not fit its architecture: {reason}.",
            "unknown_version": "{source} has format {found}, and this program reads up to "
            "{supported}. Update PetVision to open it.",
            "bad_weights": "{source} has damaged weights: {reason}.",
            "not_found": "There is no model {source}. {remedy}",
            "no_memory": "There is too little memory for {source}'s gradients, even of one photo. "
            "Close other programs and try again.",
            "disagrees": "{source} was not exported: {reason}.",
        }
    )


class ConfigError(PetVisionError):
    """A configuration, parameter or argument that makes no sense."""

    sentences = MappingProxyType(
        {
            "key": "{source}: there is no {key}. {remedy}",
            "type": "{source}: {key} must be {expected}, not {found}.",
            "range": "{source}: {key} must be {expected}, not {found}.",
            "several": "{source}: {problems}.",
        }
    )


class OutputError(PetVisionError):
    """A place that cannot be written."""

    sentences = MappingProxyType(
        {
            "no_space": "There is no space left to write {source}. Free some and try again.",
            "read_only": "{source} cannot be written: {reason}. Choose another folder.",
            "exists": "{source} is already there and holds something else. {remedy}",
        }
    )


class Cancelled(PetVisionError):
    """The person stopped the work; what was done is kept."""

    sentences = MappingProxyType({"cancelled": "{source} was cancelled."})

    def __init__(self, source: str = "The work") -> None:
        super().__init__("cancelled", source)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor's own argument."""
        return Cancelled, (self.source,)
