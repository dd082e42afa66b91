"""What all tests share: isolation from the person's own files, real photos, a tiny model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep settings, caches and whatever else lands in a home folder inside the test's own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        patch.setenv("PETVISION_CACHE", str(home / "petvision-cache"))
        patch.delenv("PETVISION_OFFLINE", raising=False)
        patch.delenv("NO_COLOR", raising=False)
        yield


def _folder(variable: str, holds: str) -> Path:
    """The folder that an environment variable names; the test is skipped without it."""
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} is not set: it names the folder with {holds}")
    return Path(place)


@pytest.fixture(scope="session")
def pets() -> Path:
    """The Oxford-IIIT Pet photos (``images``, ``annotations``, ``trimaps``)."""
    return _folder("PETVISION_DATA", "pets/ and others/ (real photos)") / "pets"


@pytest.fixture(scope="session")
def others() -> Path:
    """Photos of other sources (``cat``, ``dog``, ``neither``, ``near``): for measuring only."""
    return _folder("PETVISION_DATA", "pets/ and others/ (real photos)") / "others"


@pytest.fixture(scope="session")
def pretrained() -> Path:
    """A folder of weights in torchvision's layout, such as ``resnet18-ktb.safetensors``."""
    return _folder("PETVISION_PRETRAINED", "weights in torchvision's layout")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample photos that travel with the program."""
    return ROOT / "resources" / "samples"
