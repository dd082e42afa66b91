"""What a person chose to train: photos, recipe, name, settings; and the words that start it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import yaml

from petvision.app.train.corrections import STORE, write_table
from petvision.errors import ConfigError
from petvision.evaluate.cifar import LAYOUTS
from petvision.evaluate.datasets import PARTS, folders_of, has_splits

UNFIT = re.compile(r"[^a-z0-9._-]+")
PETS = "oxford-iiit-pet"  # torchvision's name of the folder
OF_THE_SPLIT = ("data.", "seed=")  # settings that change which photos are trained and chosen on


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

    @property
    def spec(self) -> str:
        """The photos to measure on, for ``petvision evaluate --data``: of a test part if any."""
        untested = self.kind == "folder" and self.splits and not (self.root / "test").is_dir()
        return f"{self.kind}:{self.root}{'@trainval' if untested else ''}"


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
        own = {
            "data.source": self.photos.kind,
            "data.root": self.photos.root,
            "model.name": self.name,
            "out": self.out,
        }
        settings = [*(f"{key}={_quoted(str(value))}" for key, value in own.items()), *self.settings]
        sets = [word for setting in settings for word in ("--set", setting)]
        return ["train", str(self.recipe.path), *sets, *more, "--json"]

    @property
    def split(self) -> tuple[str, ...]:
        """The settings that a check of the photos depends on."""
        return tuple(setting for setting in self.settings if setting.startswith(OF_THE_SPLIT))


def _quoted(text: str) -> str:
    """A text as YAML reads it back, whatever is in it."""
    return yaml.safe_dump(text, default_style='"', width=math.inf).strip()


def recognise(place: Path, least: int = 2) -> Photos:
    """Tell what kind of labelled photos a folder or CSV file holds.

    Args:
        place: what a person chose.
        least: how many classes it must have: two to learn, one to measure.

    Raises:
        ConfigError: when there are fewer.
        OutputError: when the corrections of a batch run cannot be read.
    """
    if (place / STORE).is_file():
        return _corrected(place)
    if place.is_file() and place.suffix.lower() == ".csv":
        return Photos("csv", place)
    if not place.is_dir():
        raise _unfit(place, "a folder")
    if any((home / "annotations").is_dir() and (home / "images").is_dir()
           for home in (place, place / PETS)):  # fmt: skip
        return Photos("pets", place, ("cat", "dog"), splits=True)
    for kind, (name, parts, _) in LAYOUTS.items():
        batches = place if place.name == name else place / name
        if (batches / parts["test"][0]).is_file():
            return Photos(kind, place, splits=True)
    found = _folder(place)
    if len(found.classes) < least:
        raise _unfit(place, f"{len(found.classes)} of them")
    return found


def _folder(place: Path) -> Photos:
    """A folder a class, perhaps in parts; CIFAR's pictures as files are such a one, too."""
    splits = has_splits(place)
    parts = [place / name for name in PARTS["trainval"]] if splits else [place]
    classes = {f.name for part in parts if part.is_dir() for f in folders_of(part)}
    kind = {10: "cifar10", 100: "cifar100"}.get(len(classes), "folder")
    cifar = kind in place.name.lower() and {f.name for f in folders_of(place)} == {"train", "test"}
    return Photos(kind if cifar else "folder", place, tuple(sorted(classes)), splits)


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
    return home() / name


def home() -> Path:
    """Where the runs lie."""
    return platformdirs.user_data_path("petvision", appauthor=False) / "runs"
