"""From a YAML file and ``--set`` to a checked configuration, and back."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from petvision.errors import ConfigError, InputError
from training.config import Config

# What changes where and how fast a run computes, what it is called, or comes after its epochs: a
# resumed run may differ in these.
FREE = (
    "out", "device", "data.root", "model.name", "model.licence", "model.limits", "model.storage",
    "model.album", "training.workers", "training.blend", "unknown.score",
    "unknown.false_reject_rate", "unknown.negatives", "unknown.views", "unknown.bank", "evaluation",
)  # fmt: skip

# A date such as 2024-13-01 is a ValueError to YAML.
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)


def load_config(path: Path, settings: Sequence[str] = ()) -> Config:
    """Read a YAML file and apply ``key=value`` settings such as ``optimizer.lr=1e-5``.

    Raises:
        InputError: when the file cannot be read.
        ConfigError: naming every wrong key, type and range at once.
    """
    tree = _tree(path)
    for setting in settings:
        _apply(tree, setting)
    return parse_config(tree, str(path))


def parse_config(tree: Mapping[str, Any], source: str) -> Config:
    """Check a tree of keys against the typed configuration.

    Raises:
        ConfigError: naming every wrong key, type and range at once.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("several", source, problems=_problems(error)) from error


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML; ``load_config`` reads it back equal."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def fingerprint(config: Config, photos: str = "") -> str:
    """Tells apart runs that cannot resume each other.

    They differ in more than ``FREE``, or in their ``photos`` (a split's digest).
    """
    rest = {key: value for key, value in _leaves(config) if not key.startswith(FREE)}
    return hashlib.sha256((json.dumps(rest, sort_keys=True) + photos).encode()).hexdigest()


def check_same_recipe(config: Config, saved: Path) -> None:
    """See that a run resumes with the recipe it began with.

    Raises:
        ConfigError: naming every key that differs, with both values.
    """
    began = dict(_leaves(load_config(saved)))
    now = dict(_leaves(config))
    changed = [
        f"{key} was {began[key]!r} and is now {now[key]!r}"
        for key in now
        if not key.startswith(FREE) and began[key] != now[key]
    ]
    if changed:
        remedy = "resume with the recipe it began with, or choose another folder (out)"
        raise ConfigError("several", str(saved.parent), problems="; ".join([*changed, remedy]))


def _leaves(config: Config) -> Iterator[tuple[str, Any]]:
    def walk(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in tree.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    return walk(config.model_dump(mode="json"), "")


class _Once(yaml.SafeLoader):
    """Refuses a key that stands twice (the second would silently win) or is no word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a group or list where a key stands"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen:
                problem, mark = f"the key {key.value!r} stands there twice", key.start_mark
                raise yaml.constructor.ConstructorError(None, None, problem, mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _tree(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        remedy = f"The configuration could not be read: {error.strerror}."
        raise InputError("not_found", str(path), remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise _no_yaml(path, "other bytes than UTF-8 text") from error
    try:
        tree = yaml.load(text, _Once) or {}
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise _no_yaml(path, f"{error.problem}{line}") from error
    except UNREADABLE as error:
        raise _no_yaml(path, str(error).splitlines()[0]) from error
    if not isinstance(tree, dict):
        raise ConfigError("type", str(path), key="the file", expected="keys", found="a list")
    return tree


def _no_yaml(path: Path, found: str) -> ConfigError:
    return ConfigError("type", str(path), key="the file", expected="YAML", found=found)


def _apply(tree: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError("type", "--set", key=setting, expected="KEY=VALUE", found=setting)
    names = key.strip().split(".")
    for group in names[:-1]:
        inner = tree.setdefault(group, {})
        if not isinstance(inner, dict):
            raise ConfigError("type", "--set", key=group, expected="a group", found=repr(inner))
        tree = inner
    tree[names[-1]] = _read(value, _kind(names))


def _kind(names: Sequence[str]) -> Any:
    """What a key holds, as its class says; None where there is no such key."""
    kind: Any = Config
    for name in names:
        field = section.model_fields.get(name) if (section := _section(kind)) else None
        if field is None:
            return None
        kind = field.annotation
    return kind


def _read(text: str, kind: Any) -> Any:
    """What a person means by a text, where a value of that kind is expected."""
    if kind is str:
        return _words(text)
    if kind is Path:
        return _words(text) or None  # an empty path would be the current folder
    if kind == tuple[str, ...]:
        items = _yaml(text, yaml.BaseLoader)
        return items if isinstance(items, list) else [word for word in [_words(text)] if word]
    loaded = _yaml(text, yaml.SafeLoader)
    # YAML reads 1e-5 as a string; a number is what a person means here.
    try:
        return float(loaded) if isinstance(loaded, str) else loaded
    except ValueError:
        return loaded


def _words(text: str) -> str:
    """A name or path as it was typed: YAML would read numbers, groups and comments out of it.

    What stands in quotes is read as YAML reads it.
    """
    text = text.strip()
    if text[:1] in ("'", '"') and text[-1] == text[0]:
        loaded = _yaml(text, yaml.BaseLoader)
        return loaded if isinstance(loaded, str) else text
    return text


def _yaml(text: str, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    """The text as YAML reads it; as it stands where YAML cannot."""
    try:
        return yaml.load(text, loader)
    except UNREADABLE:
        return text


def _problems(error: ValidationError) -> str:
    """Every problem in a sentence, with the nearest known name for an unknown key."""
    sentences: dict[str, str] = {}
    for problem in error.errors():
        path = ".".join(_keys(problem["loc"]))
        if problem["type"] == "extra_forbidden":
            near = _nearest(problem["loc"])
            hint = f" (did you mean {near}?)" if near else ""
            sentences.setdefault(path, f"there is no {path}{hint}")
        elif problem["type"] == "missing":
            sentences.setdefault(path, f"{path} is missing")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            message = message[0].lower() + message[1:]
            if isinstance(problem["input"], BaseModel | dict):
                sentences.setdefault(path, f"{path}: {message}" if path else message)
            else:
                told = sentences.get(path)
                either = f"{told}, or {message}" if told else ""
                sentences[path] = either or f"{path} = {problem['input']!r}: {message}"
    return "; ".join(sentences.values())


def _keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys of a place in the tree; pydantic adds which member of a union it tried."""
    keys: list[str] = []
    section: Any = Config
    for part in location:
        if isinstance(section, type) and issubclass(section, BaseModel):
            if part in section.model_fields:
                section = _section(section.model_fields[str(part)].annotation)
            else:
                section = None
            keys.append(str(part))
        elif isinstance(part, int):
            keys.append(str(part))
    return keys


def _section(annotation: Any) -> Any:
    """The class of sub-keys an annotation holds, None for a plain value."""
    if get_origin(annotation) in (Union, UnionType):
        return next((a for a in get_args(annotation) if _is_section(a)), None)
    return annotation if _is_section(annotation) else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _nearest(location: tuple[int | str, ...]) -> str:
    section: Any = Config
    for part in location[:-1]:
        section = _section(section.model_fields[part].annotation)
    near = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1)
    if near:
        return ".".join([*map(str, location[:-1]), near[0]])
    return next(
        (
            f"{group}.{name}"
            for group, field in Config.model_fields.items()
            if _section(field.annotation)
            for name in _section(field.annotation).model_fields
            if name == location[-1]
        ),
        "",
    )
