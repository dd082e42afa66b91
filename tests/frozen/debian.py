"""A clean Debian 12 to try packages in: no Python, no network, nobody may write but at home.

It needs root, debootstrap (the first time, with a network), Xvfb and xdotool.
``PETVISION_DEBIAN`` names where the system is kept from one run to the next.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = ("libegl1", "libgl1", "libfontconfig1", "libdbus-1-3", "fonts-dejavu-core")
PERSON = "mia"
NUMBER = "1000"
# The rest of a computer, seen by one process and gone with it: nothing of this one's is left
# mounted where a test's folder is cleared away.
INSIDE = f"""
mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
mount --bind /tmp/.X11-unix "$1/tmp/.X11-unix" && exec chroot --userspec={NUMBER}:{NUMBER} "$@"
"""
TOOLS = ("debootstrap", "Xvfb", "xdotool", "unshare", "chroot")


def system() -> Path:
    """The untouched system; made the first time."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing or TOOLS)}")
    place = Path(os.environ.get("PETVISION_DEBIAN", "/var/cache/petvision-debian"))
    if not (place / "etc" / "debian_version").exists():
        words = ["--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(place)]
        subprocess.run(["debootstrap", *words], check=True, timeout=800)
    return place


class Computer:
    """A running copy of the system, with one person who has a home and a screen."""

    def __init__(self, root: Path, display: str) -> None:
        self.root = root
        self.home = root / "home" / PERSON
        self._display = display

    def as_root(self, *words: str) -> None:
        """Run a command as the one who installs."""
        subprocess.run(["chroot", str(self.root), *words], check=True, timeout=600)

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command of the person's, without a network; ended with the block at the latest."""
        line = ["unshare", "--mount", "--net", "sh", "-c", INSIDE, "sh", str(self.root)]
        line += ["/usr/bin/env", "-i", f"HOME=/home/{PERSON}", "PATH=/usr/bin:/bin"]
        line += [f"DISPLAY={self._display}", "LANG=C.UTF-8", *words]
        pipe = subprocess.PIPE
        child = subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
            child.communicate()

    def run(self, *words: str) -> str:
        """Run a command as the person; what it printed."""
        with self.started(*words) as child:
            out, err = child.communicate(timeout=800)
            assert child.returncode == 0, err
        return out


@contextmanager
def computer(scratch: Path, display: str) -> Iterator[Computer]:
    """A copy of the system that is thrown away."""
    root = scratch / "root"
    layers = [scratch / name for name in ("upper", "work")]
    for folder in (root, *layers):
        folder.mkdir()
    how = f"lowerdir={system()},upperdir={layers[0]},workdir={layers[1]}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", how, str(root)], check=True)
    try:
        (root / "tmp" / ".X11-unix").mkdir()
        made = Computer(root, display)
        made.as_root("useradd", "--uid", NUMBER, "--create-home", PERSON)
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
