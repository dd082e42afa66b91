"""What travels: every room, the bundled files and the licences, and nothing else."""

from __future__ import annotations

import pkgutil
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import petvision
import training

ROOT = Path(__file__).parents[2]


def packages_there_are() -> set[str]:
    found = set()
    for package in (petvision, training):
        found.add(package.__name__)
        modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        found |= {m.name for m in modules if m.ispkg}
    return found


def test_every_room_is_named_in_the_project_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = set(project["tool"]["setuptools"]["packages"])
    assert named == packages_there_are() | {"petvision.resources", "petvision.weights"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of this checkout, so that nothing is built inside it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    away = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, source, ignore=away)
    how = ["--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *how, str(source)], check=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_carries_the_bundled_files_and_licences(wheel: zipfile.ZipFile):
    names = set(wheel.namelist())
    info = f"petvision-{petvision.__version__}.dist-info"
    assert {
        "petvision/cli.py",
        "petvision/resources/samples/cat.jpg",
        "petvision/resources/samples/LICENCES.md",
        "petvision/weights/LICENSE",
        "training/cli.py",
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/weights/LICENSE",
    } <= names
    assert any(n.startswith("training/configs/") and n.endswith(".yaml") for n in names)
    assert {name.split("/")[0] for name in names} == {"petvision", "training", info}


def test_the_wheel_has_its_commands(wheel: zipfile.ZipFile):
    info = f"petvision-{petvision.__version__}.dist-info"
    commands = wheel.read(f"{info}/entry_points.txt").decode()
    assert "petvision = petvision.cli:main" in commands
    assert "petvision-gui = petvision.cli:gui_main" in commands


def test_no_photo_and_no_weights_of_others_travel(wheel: zipfile.ZipFile):
    models = [n for n in wheel.namelist() if n.endswith((".safetensors", ".pth", ".pt"))]
    assert all(n.startswith("petvision/weights/catdog-") for n in models)
    megabytes = sum(i.file_size for i in wheel.infolist() if i.filename not in models) / 1e6
    assert megabytes < 20
