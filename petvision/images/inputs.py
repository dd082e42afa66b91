"""From what a person wrote (paths, folders, addresses, globs, ``-``) to sources of pictures."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from petvision.images.fetch import label_of
from petvision.images.types import Source

PHOTO_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "tif", "tiff"),
        *("bmp", "avif", "heic", "heif", "hif"),
    )
)

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_photo_name(name: str) -> bool:
    """Whether a file of this name counts as a photo when its folder is opened."""
    return Path(name).suffix.lower() in PHOTO_SUFFIXES


def source_of(text: str) -> Source:
    """The source that a path, an http(s) address or a ``file://`` address names.

    Nothing is opened: whether it is there, ``door.load`` finds out.
    """
    text = _without_file_scheme(text)
    if _SCHEME.match(text):
        return Source("url", text, shown(label_of(text)))
    return _file(text)


def expand(
    inputs: Iterable[str], *, recursive: bool = False, stdin: TextIO | None = None
) -> Iterator[Source]:
    """The sources that ``inputs`` name, lazily and in order.

    Args:
        inputs: files, folders (their photos, sorted by name; hidden ones are left out), http(s)
            addresses, globs, or ``-``: paths and addresses, one a line, from standard input. A
            file that exists is that file, whatever characters its name has.
        recursive: go into the folders inside a folder, too (not through links).
        stdin: stands in for ``sys.stdin``.

    What is not there comes out as well: loading it tells why.
    """
    for text in inputs:
        if text == "-":
            yield from map(source_of, _lines(stdin or sys.stdin))
        else:
            yield from _expand_one(_without_file_scheme(text), recursive)


def _expand_one(text: str, recursive: bool) -> Iterator[Source]:
    if _SCHEME.match(text):
        yield source_of(text)
    elif os.path.lexists(text) or not _MAGIC.search(text):
        yield from _file_or_folder(text, recursive)
    else:
        found = sorted(glob.iglob(text, recursive=True))  # noqa: PTH207 - Path.glob is relative
        for path in found or [text]:
            yield from _file_or_folder(path, recursive)


def _file_or_folder(path: str, recursive: bool) -> Iterator[Source]:
    if Path(path).is_dir():
        yield from _photos(path, recursive)
    else:
        yield _file(path)


def _photos(folder: str, recursive: bool) -> Iterator[Source]:
    """The photos of a folder by name; a folder that cannot be listed comes out itself."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((e for e in entries if _wanted(e, recursive)), key=lambda e: e.name)
    except OSError:
        yield _file(folder)
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _photos(entry.path, recursive)
        else:
            yield _file(entry.path)


def _wanted(entry: os.DirEntry[str], recursive: bool) -> bool:
    if entry.name.startswith("."):
        return False
    if entry.is_dir(follow_symlinks=False):
        return recursive
    return is_photo_name(entry.name)


def _lines(stream: TextIO) -> Iterator[str]:
    # The bytes beneath, where there are any: a path need not be text in any encoding.
    for line in getattr(stream, "buffer", stream):
        text = os.fsdecode(line).rstrip("\r\n")
        if text:
            yield text


def _without_file_scheme(text: str) -> str:
    """The path of a ``file://`` address, as file managers give it; other text as it is."""
    if text[:7].lower() != "file://":
        return text
    path = urlsplit(text).path
    return url2pathname(path) if os.name == "nt" else os.fsdecode(unquote_to_bytes(path))


def _file(path: str) -> Source:
    return Source("file", path, shown(Path(path).name or path))


def shown(name: str) -> str:
    """A name fit to show: U+FFFD for bytes that are no text and for control characters."""
    return _CONTROL.sub("\ufffd", os.fsencode(name).decode("utf-8", "replace"))
