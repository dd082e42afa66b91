"""What importing brings along: no Qt below the window, no torch where only results are drawn."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import time
from pathlib import Path

import petvision
import training

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocker())
"""
IMPORT_ALL = """
from importlib import import_module
for name in {modules!r}:
    import_module(name)
print(len({modules!r}))
"""
HEAVY = {"torch", "torchvision", "PySide6", "matplotlib", "numpy", "openvino", "PIL", "scipy"}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def modules_of(*packages: object) -> list[str]:
    found = []
    for package in packages:
        name, path = package.__name__, package.__path__  # type: ignore[attr-defined]
        found += [name, *(m.name for m in pkgutil.walk_packages(path, f"{name}."))]
    return [name for name in found if not name.endswith("__main__")]


def below_the_window() -> list[str]:
    return [m for m in modules_of(petvision, training) if not m.startswith("petvision.app")]


def test_importing_the_library_or_the_command_line_brings_nothing_heavy():
    code = (
        "import sys, petvision, petvision.cli\n"
        "petvision.cli.main(['--help'])\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    done = python(code)
    assert "predict" in done.stdout
    loaded = {name.split(".")[0] for name in eval(done.stderr)}
    assert not loaded & HEAVY


def test_help_answers_in_under_a_third_of_a_second():
    times = []
    for _ in range(5):
        start = time.perf_counter()
        help_call = [sys.executable, "-m", "petvision", "--help"]
        subprocess.run(help_call, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


def test_everything_below_the_window_imports_without_qt():
    modules = below_the_window()
    assert len(modules) > 40
    code = BLOCKER.format(blocked={"PySide6", "shiboken6"}) + IMPORT_ALL.format(modules=modules)
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(modules))


def test_a_photo_is_predicted_and_explained_without_qt(
    samples: Path, tiny_model: Path, tmp_path: Path
):
    run = "from petvision.cli import main; sys.exit(main(sys.argv[1:]))"
    code = BLOCKER.format(blocked={"PySide6", "shiboken6"}) + run
    common = ("--model", str(tiny_model), "--engine", "torch-fp32")
    predicted = python(code, "predict", str(samples), *common)
    assert predicted.returncode == 0, predicted.stderr
    photo = str(min(samples.glob("*.jpg")))
    out = ("--out", str(tmp_path / "out"), "--methods", "gradcam")
    explained = python(code, "explain", photo, *out, *common)
    assert explained.returncode == 0, explained.stderr


def test_figures_and_results_import_without_torch():
    numpy_only = ("errors", "events", "places", "terminal", "cli")
    rooms = ("petvision.figures", "petvision.images")
    modules = [
        m
        for m in below_the_window()
        if m.startswith(rooms)
        or m.endswith(".results")
        or m.removeprefix("petvision.") in numpy_only
    ]
    assert len(modules) > 12
    code = BLOCKER.format(blocked={"torch", "PySide6"}) + IMPORT_ALL.format(modules=modules)
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_the_bundled_model_never_needs_torchvision(samples: Path, tiny_model: Path):
    run = "from petvision.cli import main; sys.exit(main(sys.argv[1:]))"
    code = BLOCKER.format(blocked={"torchvision"}) + run
    done = python(code, "predict", str(samples), "--model", str(tiny_model))
    assert done.returncode == 0, done.stderr


def test_import_contracts_hold():
    root = Path(__file__).parents[2]
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=root, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stdout
