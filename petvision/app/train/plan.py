"""What a person chose to train: photos, recipe, name, settings; and the words that start it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import yaml

from petvision.app.train.corrections import STORE, write_table
from petvision.errors import ConfigError
from petvision.evaluate.datasets import has_splits

UNFIT = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Photos:
    """Labelled photos on disk: ``kind`` is the configuration's ``data.source``.

    ``batch`` is the batch run whose corrections they are.
    """

    kind: str
    root: Path
    classes: tuple[str, ...] = ()
    splits: bool = False
    batch: Path | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A preset: its file, its name, what it is for in a sentence, its keys."""

    path: Path
    name: str
    words: str
    values: Mapping[str, object]

    @property
    def source(self) -> str:
        """The kind of data it was written for."""
        data = self.values.get("data")
        return str(data.get("source", "pets")) if isinstance(data, dict) else "pets"


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as it was chosen; ``settings`` are ``a.b=c`` beyond the recipe."""

    photos: Photos
    recipe: Recipe
    name: str
    out: Path
    settings: tuple[str, ...] = field(default=())

    def words(self, *more: str) -> list[str]:
        """The command line that runs it (``--check``, ``--resume`` as ``more``)."""
        own = [
            f"data.source={self.photos.kind}",
            f"data.root={self.photos.root}",
            f"model.name={self.name}",
            f"out={self.out}",
            *self.settings,
        ]
        sets = [word for setting in own for word in ("--set", setting)]
        return ["train", str(self.recipe.path), *sets, *more, "--json"]


def recognise(place: Path) -> Photos:
    """Tell what kind of labelled photos a folder or CSV file holds.

    Raises:
        ConfigError: when there are not two classes to learn.
    """
    if (place / STORE).is_file():
        return _corrected(place)
    if place.is_file() and place.suffix.lower() == ".csv":
        return Photos("csv", place)
    if not place.is_dir():
        raise _unfit(place, "a folder")
    if (place / "annotations").is_dir() and (place / "images").is_dir():
        return Photos("pets", place, ("cat", "dog"), splits=True)
    if splits := has_splits(place):
        part = next(place / n for n in ("trainval", "train") if (place / n).is_dir())
    else:
        part = place
    classes = tuple(
        sorted(f.name for f in part.iterdir() if f.is_dir() and not f.name.startswith("."))
    )
    if len(classes) < 2:
        raise _unfit(place, f"{len(classes)} of them")
    kind = {10: "cifar10", 100: "cifar100"}.get(len(classes), "folder")
    return Photos(kind if kind in place.name.lower() else "folder", place, classes, splits)


def _corrected(run: Path) -> Photos:
    """The corrections of a batch run, as a table of its own."""
    table = out_for(f"{fit_name(run.name) or 'batch'}-corrections").with_suffix(".csv")
    count = write_table(run, table)
    if count == 0:
        expected = "a batch run with photos whose truth is known"
        raise ConfigError("range", run.name, key="it", expected=expected, found="none")
    return Photos("csv", table, batch=run)


def _unfit(place: Path, found: str) -> ConfigError:
    expected = "a folder with two or more folders of photos in it, one a class"
    return ConfigError("range", place.name, key="it", expected=expected, found=found)


def recipes() -> list[Recipe]:
    """The presets that come with the program; those for any folder come first."""
    spec = find_spec("training")
    places = spec.submodule_search_locations if spec else None
    found = []
    for place in places or ():
        for path in sorted((Path(place) / "configs").glob("*.yaml")):
            found.append(read_recipe(path))
    return sorted(found, key=lambda recipe: (recipe.source != "folder", recipe.name))


def read_recipe(path: Path) -> Recipe:
    """A preset's file, with the first sentence of its comment."""
    text = path.read_text(encoding="utf-8")
    tree = yaml.safe_load(text)
    return Recipe(path, path.stem, _sentence(text), tree if isinstance(tree, dict) else {})


def _sentence(text: str) -> str:
    """The first sentence of the file's comment, after the command it opens with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").strip())
    words = " ".join(line for line in lines[1:] if line)
    words = re.sub(r"\s*\(DIR [^)]*\)", "", words)
    first = re.split(r"(?<=[.:])\s", words, maxsplit=1)[0]
    return first.rstrip(":") + ("." if first.endswith(":") else "")


def suited(all_of_them: list[Recipe], photos: Photos) -> list[Recipe]:
    """The recipes in the order in which they suit the photos."""
    return sorted(all_of_them, key=lambda r: (r.source != photos.kind, r.source != "folder"))


def name_for(photos: Photos) -> str:
    """A name for the model, made of the folder's, that no run has yet."""
    place = photos.root.stem if photos.kind == "csv" else photos.root.name
    name = UNFIT.sub("-", place.lower()).strip("-._") or "my-model"
    return unused(name)


def unused(name: str) -> str:
    """The name itself, or with a number behind it where a run has it already."""
    number, free = 2, name
    while out_for(free).exists():
        free, number = f"{name}-{number}", number + 1
    return free


def fit_name(text: str) -> str:
    """A typed name as the zoo takes it."""
    return UNFIT.sub("-", text.strip().lower()).strip("-._")


def out_for(name: str) -> Path:
    """Where a run of that name lies."""
    return platformdirs.user_data_path("petvision", appauthor=False) / "runs" / name
