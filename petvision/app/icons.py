"""The icon set (Lucide, ISC licence; see resources/icons/lucide/LICENSE), tinted by the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from petvision.places import bundled

SIZES = (16, 18, 24, 32, 48)


@lru_cache(maxsize=256)
def tinted(name: str, colour: str, disabled: str) -> QIcon:
    """The named icon in one colour, and in another where it is disabled."""
    icon = QIcon()
    for size in SIZES:
        for ratio in (1.0, 2.0):
            icon.addPixmap(picture(name, colour, size, ratio))
            icon.addPixmap(picture(name, disabled, size, ratio), QIcon.Mode.Disabled)
    return icon


@lru_cache(maxsize=1024)
def picture(name: str, colour: str, size: int, ratio: float = 1.0) -> QPixmap:
    """The named icon as ``size`` logical pixels at a screen's device pixel ratio."""
    svg = bundled("resources", "icons", "lucide", f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode()))
    pixmap = QPixmap(round(size * ratio), round(size * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


@lru_cache(maxsize=1)
def program() -> QIcon:
    """The program's own icon."""
    return QIcon(str(bundled("resources", "icons", "petvision.svg")))
