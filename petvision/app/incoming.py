"""What was dropped or pasted, as inputs for the door: files, URLs, a picture's bytes, a bitmap."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMimeData, QUrl
from PySide6.QtGui import QImage, QImageWriter

from petvision.images.types import Source

_ENCODED = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/bmp")
QUICK = 10  # of 100: a PNG that packs little and fast
_PICTURE_TAG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_DATA_URL = re.compile(r"data:image/[\w.+-]+(;[^,]*)?,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Incoming:
    """Paths and URLs; pictures as encoded bytes; or a bitmap that still needs encoding."""

    inputs: tuple[str, ...] = ()
    pictures: tuple[Source, ...] = ()
    bitmap: QImage | None = None

    def __bool__(self) -> bool:
        return bool(self.inputs or self.pictures or self.bitmap is not None)


def acceptable(mime: QMimeData) -> bool:
    """Whether a drag may hold something to open, judged without reading it."""
    return mime.hasUrls() or mime.hasImage() or mime.hasHtml() or mime.hasText()


def read(mime: QMimeData, label: str) -> Incoming:
    """Take everything out of ``mime`` now: after the drop it is gone.

    Files and URLs come before picture data, and that before text. ``label`` names a picture that
    has no name of its own.
    """
    found = list(_from_urls(mime)) or list(_from_html(mime))
    incoming = _sorted(found, label)
    if incoming:
        return incoming
    for kind in _ENCODED:
        if mime.hasFormat(kind):
            data = bytes(mime.data(kind).data())
            return Incoming(pictures=(Source("bytes", "", label, data),))
    if mime.hasImage() and not (image := QImage(mime.imageData())).isNull():
        return Incoming(bitmap=image)
    return _sorted(list(_from_text(mime.text())), label)


def local_path(url: QUrl) -> str:
    """The path of a ``file:`` URL as a ``surrogateescape`` string, so that any name survives."""
    if os.name == "nt":
        return url.toLocalFile()
    return os.fsdecode(unquote_to_bytes(url.path(QUrl.ComponentFormattingOption.FullyEncoded)))


def encoded(image: QImage, label: str) -> Source:
    """A bitmap as a PNG's bytes (lossless and quick); called in the pool."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    writer.setCompression(QUICK)
    writer.write(image)
    return Source("bytes", "", label, bytes(buffer.data().data()))


def _sorted(found: list[str], label: str) -> Incoming:
    pictures = [data for text in found if (data := _data_of(text)) is not None]
    return Incoming(
        tuple(text for text in found if not _DATA_URL.match(text)),
        tuple(Source("bytes", "", label, data) for data in pictures),
    )


def _from_urls(mime: QMimeData) -> Iterator[str]:
    """Local files as paths; a picture dragged off a page as the picture, not as the page's link."""
    for url in mime.urls():
        if url.isLocalFile():
            yield local_path(url)
        elif url.scheme().lower() in ("http", "https"):
            yield next(_from_html(mime), url.toString(QUrl.ComponentFormattingOption.FullyEncoded))
        elif url.scheme().lower() == "data":
            yield url.toString()


def _from_html(mime: QMimeData) -> Iterator[str]:
    for match in _PICTURE_TAG.finditer(mime.html() if mime.hasHtml() else ""):
        address = unescape(match.group(2)).strip()
        if address.lower().startswith(("http://", "https://")) or _DATA_URL.match(address):
            yield address


def _from_text(text: str) -> Iterator[str]:
    for line in text.splitlines():
        candidate = line.strip().strip("\"'")
        url = QUrl(candidate)
        if url.isLocalFile():
            yield local_path(url)
        elif candidate.lower().startswith(("http://", "https://")) or _DATA_URL.match(candidate):
            yield candidate
        elif candidate.startswith(("/", "~")) or Path(candidate).drive:
            yield str(Path(candidate).expanduser())


def _data_of(text: str) -> bytes | None:
    match = _DATA_URL.match(text)
    if match is None:
        return None
    body = unquote_to_bytes(text[match.end() :])
    if ";base64" not in (match.group(1) or "").lower():
        return body
    try:
        return base64.b64decode(body)
    except binascii.Error:
        return None
