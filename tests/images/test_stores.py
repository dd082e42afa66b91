"""Pictures from stores beyond the web, through fsspec: here its own, which lives in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from petvision.errors import InputError
from petvision.images import door
from petvision.images.inputs import source_of
from petvision.images.types import Limits

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store() -> Iterator[str]:
    """The address of a photo in a store."""
    photo = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(photo, "PNG")
    memory = fsspec.filesystem("memory")
    memory.pipe("/shelter/tom.png", photo.getvalue())
    yield "memory://shelter/tom.png"
    memory.rm("/shelter", recursive=True)


def load(address: str, limits: Limits = door.LIMITS) -> tuple[int, ...]:
    return door.decode(door.load(source_of(address), limits)).pixels.shape


def refused(address: str, limits: Limits = door.LIMITS) -> InputError:
    with pytest.raises(InputError) as caught:
        load(address, limits)
    return caught.value


def test_a_stores_photo_is_read(store: str):
    assert load(store) == (20, 30, 3)


def test_what_is_not_there_is_said(store: str):
    error = refused("memory://shelter/gone.png")
    assert error.code == "not_found"
    assert "memory://shelter/gone.png is not there" in str(error)


def test_more_bytes_than_allowed_are_refused(store: str):
    assert refused(store, Limits(max_bytes=10)).code == "too_large"


def test_a_store_nobody_knows_is_refused_in_one_sentence():
    error = refused("nowhere://bucket/tom.png")
    assert error.code == "refused"
    assert "Protocol not known: nowhere" in str(error)


def test_a_request_from_elsewhere_reaches_no_store(store: str):
    error = refused(store, Limits(public_only=True))
    assert error.code == "refused"
    assert "only http and https" in str(error)


def test_offline_reaches_no_store(store: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PETVISION_OFFLINE", "1")
    assert refused(store).code == "refused"
