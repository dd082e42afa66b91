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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of cats and dogs that knows nothing: a residual network with random weights."""
    import torch

    from petvision.models.architectures import build
    from petvision.models.cards import Card, InputCard
    from petvision.models.files import write_model

    blocks = (1, 1, 1, 1)
    torch.manual_seed(0)
    network = build("resnet18", 2, blocks)
    card = Card(
        name="tiny",
        architecture="resnet18",
        blocks_per_stage=blocks,
        classes=("cat", "dog"),
        input=InputCard(size=64, resize=72),
    )
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    write_model(path, card, network.state_dict())
    return path


@pytest.fixture(scope="session")
def catdog() -> str:
    """The name of the bundled model; its file lies in ``weights/`` or ``PETVISION_WEIGHTS``."""
    from petvision.errors import ModelError
    from petvision.models.zoo import find

    name = "catdog-resnet101"
    try:
        find(name)
    except ModelError as error:
        pytest.skip(f"{error} (a checkout without the bundled model)")
    return name
