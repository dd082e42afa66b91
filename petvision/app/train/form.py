"""The training's keys as a form, made from ``petvision train --schema``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from petvision.app import words
from petvision.app.explain.form import ParameterForm
from petvision.app.widgets.labels import heading
from petvision.figures.style import GRID_PX, TEXT_PX

CHOSEN_ELSEWHERE = ("data.source", "data.root", "model.name", "out")


class SettingsForm(QWidget):
    """One group of fields for each section; ``settings`` are those that differ from the recipe."""

    changed = Signal()

    def __init__(
        self, schema: Mapping[str, Any], recipe: Mapping[str, Any], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._forms: dict[str, ParameterForm] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID_PX)
        for name, properties in sections(schema):
            values = _at(recipe, name)
            fields = {
                key: field_of(rules, key, schema)
                for key, rules in properties.items()
                if _path(name, key) not in CHOSEN_ELSEWHERE and not _is_section(rules, schema)
            }
            if not fields:
                continue
            title = heading(None, TEXT_PX)
            title.setText(words.named(words.tr(name.replace(".", ", ") or "general")))
            shown = {
                key: _as_text(values.get(key, rules.get("default")), rules)
                for key, rules in fields.items()
            }
            form = ParameterForm({"properties": fields}, shown, {})
            form.changed.connect(lambda _: self.changed.emit())
            self._forms[name] = form
            layout.addWidget(title)
            layout.addWidget(form)
        self._before = self._values()

    @property
    def settings(self) -> tuple[str, ...]:
        """What a person changed, as ``a.b=c``."""
        now = self._values()
        return tuple(f"{path}={now[path]}" for path in now if now[path] != self._before[path])

    def _values(self) -> dict[str, str]:
        return {
            _path(name, key): _word(value)
            for name, form in self._forms.items()
            for key, value in form.values.items()
        }


def sections(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each section's name (dotted where one lies in another) with its keys; the top last."""
    top = schema.get("properties", {})
    yield from _below("", top, schema)
    yield "", top


def _below(
    name: str, properties: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, rules in properties.items():
        if _is_section(rules, schema):
            inner = _resolved(rules, schema).get("properties", {})
            yield _path(name, key), inner
            yield from _below(_path(name, key), inner, schema)


def field_of(rules: Mapping[str, Any], key: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A key's rules as ``ParameterForm`` understands them.

    Lists, alternatives and numbers that no two ends bound (learning rates) are typed as text.
    """
    found = dict(_resolved(rules, schema))
    found.setdefault("title", key)
    found["title"] = words.named(str(found["title"]).lower())
    bounded = {"minimum", "maximum"} <= found.keys()
    simple = "enum" in found or found.get("type") in ("boolean", "integer", "string")
    if not simple and not (found.get("type") == "number" and bounded):
        found["type"] = "text"
    return found


def _is_section(rules: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    return "properties" in _resolved(rules, schema)


def _resolved(rules: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The rules behind a ``$ref``; what stands beside it (title, default) wins."""
    reference = rules.get("$ref") or next((r.get("$ref") for r in rules.get("allOf", ())), None)
    if not reference:
        return dict(rules)
    target = schema.get("$defs", {}).get(str(reference).rpartition("/")[2], {})
    return {**target, **rules}


def _at(recipe: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Any = recipe
    for part in name.split(".") if name else ():
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _path(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _as_text(value: Any, rules: Mapping[str, Any]) -> Any:
    return _word(value) if rules.get("type") == "text" else value if value is not None else ""


def _word(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
