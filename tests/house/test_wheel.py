"""The wheel carries every room, the samples and the weights, and finds them where it lies."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from setuptools import find_packages

import petvision

ROOT = Path(__file__).resolve().parents[2]
SHOW = """
import sys
sys.path.insert(0, sys.argv[1])
import petvision
from petvision.images import door
from petvision.images.samples import samples
from petvision.places import bundled
assert petvision.__file__.startswith(sys.argv[1])
for source in samples():
    assert source.location.startswith(sys.argv[1]), source
    door.load(source)
assert bundled("weights", "stand-in.safetensors").read_bytes() == b"weights"
"""


def test_every_room_is_named_for_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = set(settings["tool"]["setuptools"]["packages"])
    rooms = set(find_packages(str(ROOT), include=["petvision*", "training*"]))
    assert named - {"petvision.resources", "petvision.weights"} == rooms


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from a copy of the checkout, with a stand-in for the large model files."""
    copy = tmp_path_factory.mktemp("checkout")
    skip = shutil.ignore_patterns("*.safetensors", "__pycache__", "build", "*.egg-info")
    for folder in ("petvision", "training", "resources", "weights"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=skip)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy / file)
    (copy / "weights" / "stand-in.safetensors").write_bytes(b"weights")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--quiet", "-w", copy / "out", copy], check=True)
    (made,) = (copy / "out").glob("petvision-*.whl")
    return made


def test_the_wheel_carries_what_the_program_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for sample in ("cat.jpg", "dog.jpg", "neither.jpg", "LICENCES.md"):
        assert f"petvision/resources/samples/{sample}" in names
    assert "petvision/weights/stand-in.safetensors" in names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "petvision").rglob("*.py")}
    assert modules <= names
    configs = {str(path.relative_to(ROOT)) for path in (ROOT / "training").rglob("*.yaml")}
    assert configs <= names
    assert not [name for name in names if name.startswith("tests")]


def test_the_wheel_has_its_commands_and_licences(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"petvision-{petvision.__version__}.dist-info"
    commands = archive.read(f"{info}/entry_points.txt").decode()
    assert "petvision = petvision.cli:main" in commands
    assert "petvision-gui = petvision.cli:gui_main" in commands
    names = archive.namelist()
    assert f"{info}/licenses/LICENSE" in names
    assert f"{info}/licenses/weights/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"petvision", "training", info}


def test_an_unpacked_wheel_finds_its_samples_and_weights(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    command = [sys.executable, "-P", "-c", SHOW, str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path)
