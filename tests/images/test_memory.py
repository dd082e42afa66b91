"""What a picture costs beyond itself: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

STATUS = Path("/proc/self/status")
pytestmark = pytest.mark.skipif(
    not STATUS.exists(), reason="this system does not tell the peak of one process alone"
)

MEASURE = r"""
import re, sys
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared
from petvision.images.types import InputSpec
from petvision.images import door
def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
before = peak()
source = source_of(sys.argv[1])
if sys.argv[2] == "model":
    open_prepared(source, InputSpec())
else:
    door.decode_for_display(door.load(source))
print(peak() - before)
"""


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A photo of 12,000×9,000 pixels as JPEG and PNG."""
    folder = tmp_path_factory.mktemp("huge")
    photo = Image.new("RGB", (12_000, 9_000), (90, 120, 30))
    photo.save(folder / "a.jpg")
    photo.save(folder / "a.png", compress_level=1)
    return {"jpg": folder / "a.jpg", "png": folder / "a.png"}


@pytest.mark.parametrize(
    ("suffix", "purpose", "megabytes"),
    [
        ("jpg", "model", 150),
        ("jpg", "display", 450),
        ("png", "model", 700),
        ("png", "display", 800),
    ],
)
def test_a_huge_photo_stays_well_below_a_gigabyte(
    huge: dict[str, Path], suffix: str, purpose: str, megabytes: float
) -> None:
    command = [sys.executable, "-c", MEASURE, str(huge[suffix]), purpose]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(told.stdout) < megabytes
