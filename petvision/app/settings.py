"""What the window remembers: one TOML file in the user's configuration folder.

Unknown keys are kept as they are, so that an older program does not lose a newer one's settings. A
damaged file is set aside as ``settings.toml.bad``, one whose version is newer as ``.newer``, and
said; none is overwritten in silence.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

import platformdirs

VERSION = 1
RECENT_MOST = 12
KEPT_MIB = 512
T = TypeVar("T", bool, int, float, str)


class Settings:
    """The settings as loaded, with defaults for what is not there.

    ``damage`` is where a file that cannot be used (damaged, or of a newer program) was kept, or
    None. ``plain`` settings are the defaults after a start that crashed; they are never written.
    """

    def __init__(
        self,
        path: Path,
        values: dict[str, Any],
        damage: Path | None = None,
        *,
        plain: bool = False,
    ) -> None:
        self.path = path
        self.damage = damage
        self.plain = plain
        self._values = values
        self._values.setdefault("version", VERSION)

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """Read the file (the user's own by default); what is not there is the default."""
        path = path or platformdirs.user_config_path("petvision", appauthor=False) / "settings.toml"
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError:
            return cls(path, {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            return cls(path, {}, damage=_set_aside(path, "bad"))
        version = values.get("version", VERSION)
        if type(version) is not int or version > VERSION:
            return cls(path, {}, damage=_set_aside(path, "newer"))
        return cls(path, values)

    @classmethod
    def safe(cls, path: Path) -> Settings:
        """The defaults, beside a file that stays as it is."""
        return cls(path, {}, plain=True)

    def get(self, key: str, default: T) -> T:
        """The value of ``key`` ("window.geometry"), or the default where it has another type."""
        value: Any = self._values
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value if type(value) is type(default) else default

    def put(self, key: str, value: object) -> None:
        """Set ``key``; a damaged parent (a value where a table belongs) is replaced."""
        *parents, last = key.split(".")
        table = self._values
        for part in parents:
            below = table.get(part)
            if not isinstance(below, dict):
                below = table[part] = {}
            table = below
        table[last] = value

    def table(self, key: str) -> dict[str, Any]:
        """A copy of the table ``key``, empty where there is none."""
        value: Any = self._values
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return dict(value) if isinstance(value, dict) else {}

    @property
    def unknown(self) -> Literal["auto", "off"] | float:
        """When to say unknown: the model's own threshold, never, or over this score."""
        stored = self.get("unknown", "auto")
        if stored in ("auto", "off"):
            return "auto" if stored == "auto" else "off"
        try:
            value = float(stored)
        except ValueError:
            return "auto"
        return value if math.isfinite(value) else "auto"

    @property
    def most_kept(self) -> int:
        """Bytes of explanations kept on disk for photos seen before; 0 keeps none."""
        return max(0, self.get("kept_mib", KEPT_MIB)) * 2**20

    @property
    def recent(self) -> list[str]:
        """Paths and URLs opened last, newest first."""
        stored = self._values.get("recent")
        uris = stored if isinstance(stored, list) else []
        return [_location(uri) for uri in uris if isinstance(uri, str)]

    def opened(self, location: str) -> None:
        """Put a path or URL at the head of the recent ones, unless they are not to be kept."""
        if not self.get("remember", True):
            return
        kept = [known for known in self.recent if known != location]
        self._values["recent"] = [_uri(known) for known in [location, *kept][:RECENT_MOST]]

    def forget_recent(self) -> None:
        """Empty the list of recent files."""
        self._values["recent"] = []

    def save(self) -> bool:
        """Write the file whole (aside, then renamed). False where the folder cannot be written."""
        if self.plain:
            return True
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(toml(self._values), encoding="utf-8")
            aside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            return False
        return True


def toml(values: dict[str, Any], prefix: str = "") -> str:
    """Values as ``tomllib`` reads them, as TOML text: plain values first, then tables."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            name = f"{prefix}{_key(key)}"
            lines += ["", f"[{name}]", toml(value, f"{name}.").rstrip("\n")]
    return "\n".join(lines).lstrip("\n") + "\n"


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _string(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, dict):  # inside a list
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    return str(value)  # int, and TOML's dates and times, whose str() is their TOML form


def _string(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's but for the surrogate pairs."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _uri(location: str) -> str:
    """A path as a ``file:`` URI (so that a name that is no text survives); a URL as it is."""
    if location.lower().startswith(("http://", "https://")):  # even one that is no valid address
        return location
    return Path(location).absolute().as_uri()


def _location(uri: str) -> str:
    if not uri.startswith("file:"):
        return uri
    path = os.fsdecode(unquote_to_bytes(urlsplit(uri).path))
    return path.removeprefix("/") if os.name == "nt" else path


def _set_aside(path: Path, why: str) -> Path | None:
    aside = path.with_name(f"{path.name}.{why}")
    try:
        path.replace(aside)
    except OSError:
        return None
    return aside
