"""The packaged program, as ``bash scripts/build.sh`` left it in dist/: ``pytest -m frozen``.

``PETVISION_PACKAGED`` names another directory. With Xvfb and xdotool the window is tried as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from petvision.places import bundled

pytestmark = [pytest.mark.frozen, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def packaged() -> Path:
    """The program's directory."""
    place = Path(os.environ.get("PETVISION_PACKAGED", ROOT / "dist" / "petvision"))
    if not (place / "petvision").exists():
        pytest.skip(f"{place} is not there: bash scripts/build.sh makes it")
    return place


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A person's environment with nothing in it."""
    kept = {key: os.environ[key] for key in ("PATH", "OMP_NUM_THREADS") if key in os.environ}
    return {**kept, "HOME": str(tmp_path), "LANG": "C.UTF-8"}


def _run(packaged: Path, home: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    line = [str(packaged / "petvision"), *words]
    return subprocess.run(line, env=home, capture_output=True, text=True, timeout=800)


def test_it_finds_everything_in_order(packaged: Path, home: dict[str, str]) -> None:
    done = _run(packaged, home, "selftest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


def test_it_says_what_the_source_says(packaged: Path, home: dict[str, str]) -> None:
    import petvision

    photo = bundled("resources", "samples", "cat.jpg")
    done = _run(packaged, home, "predict", str(photo), "--json", "--engine", "torch-fp32")
    told = json.loads(done.stdout)
    known = petvision.predict(petvision.open_model(), photo)
    assert told["label"] == known.label
    assert told["confidence"] == pytest.approx(known.confidence, abs=1e-6)


def test_it_is_no_larger_than_it_should_be(packaged: Path) -> None:
    files = [path for path in packaged.rglob("*") if path.is_file() and not path.is_symlink()]
    whole = sum(path.stat().st_size for path in files)
    models = sum(path.stat().st_size for path in files if path.suffix == ".safetensors")
    assert whole - models <= 900e6, f"{(whole - models) / 1e6:.0f} MB without models"
    assert whole <= 1.1e9, f"{whole / 1e6:.0f} MB"
    assert not any("openvino_telemetry" in path.as_posix() for path in files)
    names = {path.name for path in files}
    assert {"LICENSE", "THIRD-PARTY-NOTICES.txt"} <= names


@contextmanager
def screen() -> Iterator[str]:
    """A screen of its own; its name, such as ``:7``."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        pytest.skip("Xvfb and xdotool are not installed")
    read, write = os.pipe()
    line = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(line, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def display(home: dict[str, str]) -> Iterator[dict[str, str]]:
    """The person's environment with a screen."""
    with screen() as number:
        yield {**home, "DISPLAY": number}


def window_called(env: dict[str, str], title: str, seconds: float = 60) -> str:
    """The window whose title begins so, once it is on the screen."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        line = ["xdotool", "search", "--onlyvisible", "--name", f"^{title}"]
        found = subprocess.run(line, env=env, capture_output=True, text=True).stdout.split()
        if found:
            return found[-1]
    raise AssertionError(f"no window called {title}")


def test_the_window_opens_a_second_start_hands_over_and_it_ends(
    packaged: Path, display: dict[str, str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in packaged.rglob("*") if path.is_file()}
    cat, dog = (str(bundled("resources", "samples", f"{name}.jpg")) for name in ("cat", "dog"))
    program = str(packaged / "petvision-gui")
    window = subprocess.Popen([program, cat], env=display)
    try:
        window_called(display, "cat.jpg")
        assert subprocess.run([program, dog], env=display, timeout=60).returncode == 0
        handle = window_called(display, "dog.jpg")
        subprocess.run(["xdotool", "windowfocus", handle], env=display)
        subprocess.run(["xdotool", "key", "--window", handle, "ctrl+q"], env=display)
        assert window.wait(60) == 0
    finally:
        if window.poll() is None:
            window.kill()
            window.wait()
    after = {path: path.stat().st_mtime_ns for path in packaged.rglob("*") if path.is_file()}
    assert after == before, "something was written into the program's own directory"
