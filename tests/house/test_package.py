"""The packaged program lacks nothing: what ``build.spec`` leaves out, nothing here imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALONE = """
import importlib, importlib.machinery, pkgutil, sys, warnings

class Absent(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in sys.argv[1:]):
            return None
        return super().find_spec(name, path, target)

sys.meta_path = [Absent if one is importlib.machinery.PathFinder else one for one in sys.meta_path]
warnings.simplefilter("ignore")
import petvision, training
from petvision.models import torchvision_door

torchvision_door.torchvision()
for package in (petvision, training):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in ("petvision.__main__", "petvision.batch.cluster"):
            importlib.import_module(module.name)
for late in (
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "torch.export",
    "torchvision.models", "torchvision.transforms.v2", "onnx", "onnxruntime.quantization",
):
    importlib.import_module(late)
"""


def test_what_the_package_leaves_out_nothing_imports() -> None:
    tree = ast.parse((ROOT / "build.spec").read_text("utf-8"))
    (found,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "excludes"
    )
    excluded = ast.literal_eval(found)
    assert "pytest" in excluded
    command = [sys.executable, "-c", ALONE, *excluded]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
