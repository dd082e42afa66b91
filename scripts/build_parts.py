"""What ``build.spec`` needs made: icons, version information, the notices of what is inside."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("server", "export")
BUNDLE_ID = "org.petvision.PetVision"
TYPES = {
    "image/jpeg": ("public.jpeg", "JPEG"),
    "image/png": ("public.png", "PNG"),
    "image/webp": ("org.webmproject.webp", "WebP"),
    "image/gif": ("com.compuserve.gif", "GIF"),
    "image/tiff": ("public.tiff", "TIFF"),
    "image/bmp": ("com.microsoft.bmp", "BMP"),
    "image/avif": ("public.avif", "AVIF"),
    "image/heic": ("public.heic", "HEIC"),
    "image/heif": ("public.heif", "HEIF"),
}
"""MIME type: Apple's name for it, and the one shown."""

DOCUMENT_TYPES = [
    {
        "CFBundleTypeName": f"{shown} picture",
        "CFBundleTypeRole": "Viewer",
        "LSHandlerRank": "Alternate",
        "LSItemContentTypes": [apple],
    }
    for apple, shown in TYPES.values()
]

_LICENCE = re.compile(r"(?i)(licen[cs]e|copying|notice|authors)[^/]*$")


def distributions() -> list[importlib.metadata.Distribution]:
    """What the program is made of: its requirements and theirs, by name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(_wanted(ROOT))
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # another system's, or one that was left out on purpose
        waiting += _names(found[name].requires or (), ("",))
    return [found[name] for name in sorted(found)]


def _wanted(root: Path) -> Iterator[str]:
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    yield from _names(project["dependencies"], ("",))
    for extra in EXTRAS:
        yield from _names(project["optional-dependencies"][extra], ("",))


def _names(requirements: Iterator[str] | list[str], extras: tuple[str, ...]) -> Iterator[str]:
    for text in requirements:
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            yield one.name


def third_party_notices(target: Path) -> Path:
    """Write the licences of everything inside into one file."""
    parts = [
        "PetVision contains the following works of others, under their own licences.\n"
        "Qt and PySide6 are used under the LGPL 3 as separate libraries that may be exchanged.\n"
    ]
    for dist in distributions():
        meta = dist.metadata
        licence = meta.get("License-Expression") or meta.get("License") or "see below"
        parts.append(_heading(f"{meta['Name']} {dist.version}", licence.splitlines()[0]))
        texts = [file for file in dist.files or () if _LICENCE.search(file.as_posix())]
        for file in sorted(texts, key=lambda file: file.as_posix()):
            path = Path(os.fspath(dist.locate_file(file)))
            if path.is_file():
                parts.append(f"--- {file.name}\n\n{path.read_text('utf-8', 'replace').strip()}\n")
    python = Path(sys.base_prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in (python / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE.txt"):
        if path.is_file():
            parts.append(_heading(f"Python {sys.version.split()[0]}", "PSF-2.0"))
            parts.append(path.read_text("utf-8", "replace"))
            break
    target.write_text("\n".join(parts), "utf-8")
    return target


def _heading(name: str, licence: str) -> str:
    return f"\n{'=' * 78}\n{name}\n{licence}\n{'=' * 78}\n"


def program_icons(folder: Path) -> dict[str, Path]:
    """Draw the program's SVG icon as PNG, ICO (Windows) and ICNS (macOS)."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    drawn = QImage(1024, 1024, QImage.Format.Format_ARGB32)
    drawn.fill(0)
    painter = QPainter(drawn)
    QSvgRenderer(str(ROOT / "resources" / "icons" / "petvision.svg")).render(painter)
    painter.end()
    large = folder / "petvision-1024.png"
    drawn.save(str(large))
    paths = {kind: folder / f"petvision.{kind}" for kind in ("png", "ico", "icns")}
    with Image.open(large) as picture:
        picture.resize((256, 256)).save(paths["png"])
        picture.save(paths["ico"], sizes=[(side, side) for side in (16, 32, 48, 64, 128, 256)])
        picture.save(paths["icns"])
    return paths


def windows_version(target: Path, name: str, version: str) -> Path:
    """Write the version resource of a Windows executable, as PyInstaller reads it."""
    numbers = (*(int(n) for n in re.findall(r"\d+", version)[:3]), 0)
    strings = {
        "FileDescription": "PetVision: cat, dog or I don't know, and why",
        "FileVersion": version,
        "InternalName": name,
        "LegalCopyright": "the PetVision authors; MIT licence",
        "OriginalFilename": f"{name}.exe",
        "ProductName": "PetVision",
        "ProductVersion": version,
    }
    told = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in strings.items())
    target.write_text(
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3f, "
        "flags=0x0, OS=0x40004, fileType=0x1, subtype=0x0, date=(0, 0)), kids=["
        f"StringFileInfo([StringTable('040904B0', [{told}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])",
        "utf-8",
    )
    return target


if __name__ == "__main__":  # for scripts/build.sh: a part by its name, into a folder
    program_icons(Path(sys.argv[1]))
