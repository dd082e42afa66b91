"""Large files from the web to disk: resumed where they broke off, checked, never half in place."""

from __future__ import annotations

import errno
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast

from petvision import __version__
from petvision.errors import InputError, ModelError, OutputError
from petvision.events import Events, Progress, Result

CHUNK = 1 << 20  # bytes between two events
PATIENCE = 30.0  # seconds without a byte
REMEDY = "Check your connection and try again; what is there already is kept."


def download(url: str, target: Path, sha256_prefix: str) -> Events[Path]:
    """Bring a file to ``target``, by way of ``target.part``, which a later call resumes.

    Args:
        url: http or https.
        target: where the whole, checked file ends up.
        sha256_prefix: what its sha256 starts with, in hexadecimal.

    Yields:
        Progress in bytes, then the Result.

    Raises:
        InputError: ``refused`` where ``PETVISION_OFFLINE=1``; ``network``.
        ModelError: ``bad_weights`` when the file is not the expected one.
        OutputError: when it cannot be written.
    """
    part = target.with_name(target.name + ".part")
    if os.environ.get("PETVISION_OFFLINE") == "1":
        remedy = "Unset PETVISION_OFFLINE, or fetch it on another machine and use 'models add'."
        raise InputError("refused", url, reason="PETVISION_OFFLINE is set", remedy=remedy)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield from _stream(url, part, target.name)
        _check(part, sha256_prefix)
        part.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("no_space", str(target)) from None
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError("read_only", str(target), reason=reason) from None
    yield Result(target)


def _stream(url: str, part: Path, words: str) -> Iterator[Progress]:
    have = part.stat().st_size if part.exists() else 0
    answer = _open(url, have)
    if answer is None:  # the server has nothing after what is here
        return
    with answer:
        resumed = answer.status == 206
        done = have if resumed else 0
        total = done + (answer.length or 0)
        with part.open("ab" if resumed else "wb") as file:
            yield Progress(done, total, words)
            while chunk := _read(answer, url):
                file.write(chunk)
                done += len(chunk)
                yield Progress(done, total, words)
            file.flush()
            os.fsync(file.fileno())
    if done < total:
        raise InputError("network", url, reason="the connection broke off", remedy=REMEDY)


def _open(url: str, have: int) -> HTTPResponse | None:
    headers = {"User-Agent": f"PetVision/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        return cast(HTTPResponse, urllib.request.urlopen(request, timeout=PATIENCE))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:
                return None
            reason = f"the server answers {error.code} ({error.reason})"
        raise InputError("network", url, reason=reason, remedy=REMEDY) from None
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise InputError("network", url, reason=_words(cause), remedy=REMEDY) from None


def _read(answer: HTTPResponse, url: str) -> bytes:
    try:
        return answer.read(CHUNK)
    except (OSError, HTTPException) as error:
        raise InputError("network", url, reason=_words(error), remedy=REMEDY) from None


def _words(cause: object) -> str:
    if isinstance(cause, TimeoutError):
        return f"nothing came for {PATIENCE:.0f} seconds"
    return getattr(cause, "strerror", None) or "the server does not answer as it should"


def _check(part: Path, sha256_prefix: str) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found.startswith(sha256_prefix):
        return
    part.unlink()
    reason = f"its sha256 starts with {found[: len(sha256_prefix)]} instead of {sha256_prefix}"
    raise ModelError("bad_weights", part.name.removesuffix(".part"), reason=reason)
