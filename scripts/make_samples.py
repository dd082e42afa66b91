"""Make the sample photos in resources/samples from Debian's gcompris-qt-data package.

The package carries photographs with their authors, licences and origins beside them (its
``explore_farm_animals`` activity). Run ``python scripts/make_samples.py`` on a Debian machine, or
give the downloaded package: ``python scripts/make_samples.py gcompris-qt-data_3.1-2_all.deb``.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QFile, QIODevice, QResource

OUT = Path(__file__).resolve().parent.parent / "resources" / "samples"
PACKAGE = "gcompris-qt-data"
RESOURCE = "usr/share/gcompris-qt/rcc/explore_farm_animals.rcc"
FOLDER = ":/gcompris/src/activities/explore_farm_animals/resource/animals"
SAMPLES = {"cat.jpg": "cat.webp", "dog.jpg": "dog.webp", "neither.jpg": "owl.webp"}
FREE = ("Public Domain", "CC0-1.0")
MAX_BYTES = 250_000

HEADING = """\
# The sample photos

Made by `scripts/make_samples.py` from the photographs in Debian's package `{package}`
({version}), activity `explore_farm_animals`, saved as JPEG at the size they have there. Authors,
licences and origins are those that the activity's own README states for each photograph. (The
package's copyright file names its general licence, GPL-3, for the whole folder, which also holds
drawings and sounds.)

| file | author | licence | origin |
| --- | --- | --- | --- |
"""


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(arguments[0]).resolve() if arguments else _download(Path(scratch))
        version = _run("dpkg-deb", "--field", str(package), "Version").strip()
        _run("dpkg-deb", "--extract", str(package), scratch)
        if not QResource.registerResource(str(Path(scratch) / RESOURCE)):
            raise SystemExit(f"{RESOURCE} of {package.name} cannot be opened")
        licences = _licences(_member("README").decode())
        OUT.mkdir(parents=True, exist_ok=True)
        rows = [_make(name, member, licences[member]) for name, member in SAMPLES.items()]
    text = HEADING.format(package=PACKAGE, version=version) + "".join(rows)
    (OUT / "LICENCES.md").write_text(text, encoding="utf-8")
    return 0


def _make(name: str, member: str, licence: dict[str, str]) -> str:
    """Write one sample and return its row of the table."""
    if licence["License"] not in FREE:
        raise SystemExit(f"{member} is under {licence['License']}: not for shipping")
    with Image.open(io.BytesIO(_member(member))) as photo:
        photo.convert("RGB").save(OUT / name, quality=85, optimize=True)
    size = (OUT / name).stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{name} has {size} bytes, and {MAX_BYTES} is the most")
    print(f"{name}: {member}, {size} bytes, {licence['Copyright']}, {licence['License']}")
    return f"| `{name}` | {licence['Copyright']} | {licence['License']} | {licence['Source']} |\n"


def _licences(readme: str) -> dict[str, dict[str, str]]:
    """The README's fields by file: blocks of ``Key: value`` lines, then ``Files:`` and names."""
    found = {}
    for block in readme.split("\n\n"):
        head, _, names = block.partition("Files:")
        fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        found.update(dict.fromkeys(names.split(), fields))
    return found


def _member(name: str) -> bytes:
    file = QFile(f"{FOLDER}/{name}")
    if not file.open(QIODevice.OpenModeFlag.ReadOnly):
        raise SystemExit(f"{name} is not in {RESOURCE}")
    return bytes(file.readAll().data())


def _download(folder: Path) -> Path:
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    return next(folder.glob(f"{PACKAGE}_*.deb"))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
