"""Every form of the packaged program, on a computer that has nothing else."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from petvision.places import bundled
from tests.frozen import debian
from tests.frozen.debian import Computer
from tests.frozen.test_packaged import screen, window_called
from tests.gui.test_real_drag import SOURCE, line, start

pytestmark = [pytest.mark.frozen, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
DIST = Path(os.environ.get("PETVISION_DIST", ROOT / "dist"))
PHOTOS = ("cat.jpg", "dog.jpg", "neither.jpg")
PANELS = 4  # Integrated Gradients is not kept where its time was up


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of its own."""
    with screen() as number:
        yield number


@pytest.fixture
def clean(tmp_path: Path, display: str) -> Iterator[Computer]:
    """A computer with three photos and no Python."""
    with debian.computer(tmp_path, display) as made:
        assert not list((made.root / "usr" / "bin").glob("python*"))
        (made.home / "my photos").mkdir()
        for name in PHOTOS:
            shutil.copy(bundled("resources", "samples", name), made.home / "my photos" / name)
        made.as_root("chown", "-R", debian.PERSON, f"/home/{debian.PERSON}")
        yield made


def _package(pattern: str) -> Path:
    found = sorted(DIST.glob(pattern))
    if not found:
        pytest.skip(f"there is no {DIST}/{pattern}: bash scripts/build.sh makes it")
    return found[-1]


def _deb(computer: Computer) -> list[str]:
    """Installed; started as its desktop entry says."""
    shutil.copy(_package("*.deb"), computer.root / "opt" / "petvision.deb")
    computer.as_root("dpkg", "--install", "/opt/petvision.deb")
    (computer.root / "opt" / "petvision.deb").unlink()
    entry = computer.root / "usr" / "share" / "applications" / "petvision.desktop"
    (command,) = re.findall(r"^Exec=(.*)$", entry.read_text("utf-8"), re.MULTILINE)
    return [word for word in shlex.split(command) if not word.startswith("%")]


def _archive(computer: Computer) -> list[str]:
    """Unpacked where only root may write; the program clicked."""
    package = _package("*.tar.gz")
    subprocess.run(["tar", "-C", computer.root / "opt", "-xzf", package], check=True)
    (folder,) = (computer.root / "opt").glob("petvision-*")
    return [f"/opt/{folder.name}/petvision-gui"]


def _one_file(computer: Computer) -> list[str]:
    """Laid into the home folder and clicked."""
    shutil.copy(_package("*.run"), computer.home / "PetVision.run")
    return [f"/home/{debian.PERSON}/PetVision.run"]


def _stamps(computer: Computer) -> dict[Path, int]:
    files = [path for path in (computer.root / "opt").rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files}


def _dropped(environment: dict[str, str], window: str, path: str) -> str:
    """The window once a file was dragged on it from another program's, which stays to the end."""

    def do(*words: str) -> None:
        subprocess.run(["xdotool", *words], env=environment, check=True, timeout=30)

    manager = start(SOURCE, {**os.environ, **environment, "QT_QPA_PLATFORM": "xcb"}, path)
    try:
        line(manager, "shown")
        do("windowmove", window, "140", "0")
        do("mousemove", "60", "60", "mousedown", "1")
        for step in range(1, 9):  # as a hand does it: X clients answer each move
            do("mousemove", str(60 + 80 * step), str(60 + 40 * step))
            time.sleep(0.2)
        time.sleep(1)
        do("mouseup", "1")
        return window_called(environment, Path(path).name)
    finally:
        manager.kill()
        manager.communicate()


def _until(condition: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


@pytest.mark.parametrize("install", [_deb, _archive, _one_file], ids=["deb", "archive", "one-file"])
def test_it_shows_judges_explains_and_ends(
    clean: Computer, display: str, install: Callable[[Computer], list[str]]
) -> None:
    launch = install(clean)
    before = _stamps(clean)
    photos = f"/home/{debian.PERSON}/my photos"
    environment = {"DISPLAY": display, "PATH": os.environ["PATH"]}
    with clean.started(*launch) as program:
        window = window_called(environment, "PetVision")
        window = _dropped(environment, window, f"{photos}/dog.jpg")
        explained = clean.home / ".cache" / "petvision" / "explanations"
        _until(lambda: len(list(explained.glob("*.explanation"))) >= PANELS)
        with clean.started(*launch, f"{photos}/cat.jpg") as second:
            assert second.wait(60) == 0, "a second start hands its photo over"
        window_called(environment, "cat.jpg")
        _picture(display, f"{install.__name__.strip('_')}.png")
        subprocess.run(["xdotool", "windowfocus", window], env=environment, check=True)
        subprocess.run(["xdotool", "key", "--window", window, "ctrl+q"], env=environment)
        _, err = program.communicate(timeout=60)
        assert program.returncode == 0, err
        reports = list((clean.home / ".local" / "state").rglob("*crash*"))
        assert not [path for path in reports if path.stat().st_size], err
    _answers_on_the_command_line(clean, launch, photos)
    assert _stamps(clean) == before, "something was written into the program's own folder"


def _answers_on_the_command_line(clean: Computer, launch: list[str], photos: str) -> None:
    command = [launch[0].replace("petvision-gui", "petvision")]
    told = [
        json.loads(row) for row in clean.run(*command, "predict", photos, "--json").split("\n")[:-1]
    ]
    assert [row["label"] for row in told] == ["cat", "dog", "unknown"]
    home = f"/home/{debian.PERSON}"
    clean.run(*command, "batch", photos, "--out", f"{home}/run", "--write", "csv")
    rows = (clean.home / "run" / "predictions.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + len(PHOTOS)


def _picture(display: str, name: str) -> None:
    """Keep what the screen shows where ``PETVISION_SHOTS`` says, to be looked at."""
    if "PETVISION_SHOTS" not in os.environ:
        return
    from PIL import ImageGrab

    ImageGrab.grab(xdisplay=display).save(Path(os.environ["PETVISION_SHOTS"]) / name)
