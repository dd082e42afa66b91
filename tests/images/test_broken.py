"""Whatever is wrong with a picture ends in an InputError with its code and one clear sentence."""

from __future__ import annotations

import os
import re
import socket
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.errors import InputError
from petvision.images import door
from petvision.images.inputs import source_of
from petvision.images.types import InputSpec, Limits, Source
from tests.images.pictures import FILES, Save, opened, scene

NOBODY = 65534


def refusal(path: Path | str, limits: Limits = door.LIMITS) -> InputError:
    """The error that a path ends in; its sentence is checked for what every one must be."""
    with pytest.raises(InputError) as caught:
        door.decode(door.load(source_of(str(path)), limits), InputSpec().resize, limits)
    sentence = str(caught.value)
    assert caught.value.source in sentence
    assert re.fullmatch(r"[^\n]+\.", sentence), sentence
    assert "  " not in sentence
    return caught.value


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    error = refusal(tmp_path / "empty.jpg")
    assert error.code == "unreadable"
    assert str(error) == "empty.jpg is empty."


def test_empty_bytes() -> None:
    with pytest.raises(InputError, match="the clipboard is empty"):
        door.decode(door.load(Source("bytes", "", "the clipboard", b"")))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Dear all,\nhere are the photos.\n", "a text file"),
        ("el niño 🐈\n".encode() * 200, "a text file"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html><html><body>", "a web page"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04rest", "an archive"),
        (b"\x00\x00\x00\x20ftypisom", "a video"),
        (b"\x00\x01\x02\xff\xfe" * 50, "a file of another kind"),
    ],
)
def test_something_else_named_jpg(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    error = refusal(tmp_path / "photo.jpg")
    assert error.code == "unsupported"
    assert f"photo.jpg is {told}, not a picture" in str(error)


def test_a_format_off_the_list_is_named_and_not_opened(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.ico")
    assert "is an icon" in str(refusal(tmp_path / "a.ico"))
    Image.new("RGB", (8, 8)).save(tmp_path / "a.ppm")
    assert refusal(tmp_path / "a.ppm").code == "unsupported"


@pytest.mark.parametrize("tag", [{254: 1}, {50706: b"\x01\x04\x00\x00"}])
def test_a_cameras_raw_file_is_not_judged_by_its_thumbnail(
    save: Save, tag: dict[int, object]
) -> None:
    error = refusal(save(scene(), "a.tif", tiffinfo=tag))
    assert error.code == "unsupported"
    assert "a camera's raw file" in str(error)


CUT = [
    ("a.jpg", {}),
    ("progressive.jpg", {"progressive": True}),
    ("a.png", {}),
    ("a.webp", {"lossless": True}),
    ("lossy.webp", {}),
    ("a.gif", {}),
    ("a.bmp", {}),
    ("a.tif", {}),
    ("lzw.tif", {"compression": "tiff_lzw"}),
    ("a.avif", {}),
]


# A warning of Pillow's about a damaged header is its own affair.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("name", "options"), CUT, ids=[name for name, _ in CUT])
def test_a_truncated_picture_is_never_half_a_picture(
    save: Save, name: str, options: dict[str, object]
) -> None:
    path = save(scene(320, 240), name, **options)
    whole, data = opened(path), path.read_bytes()
    for part in range(5, 100, 7):
        path.write_bytes(data[: int(len(data) * part / 100)])
        assert refusal(path).code == "unreadable"
    path.write_bytes(data[:-3])  # perhaps nothing but the end mark is missing
    with suppress(InputError):
        np.testing.assert_array_equal(opened(path).pixels, whole.pixels)


@pytest.mark.parametrize("name", ["quadrants.heic", "quadrants-turned.heic"])
def test_a_truncated_heic_is_refused(tmp_path: Path, name: str) -> None:
    data = (FILES / name).read_bytes()
    for cut in range(20, len(data), 40):
        (tmp_path / name).write_bytes(data[:cut])
        assert refusal(tmp_path / name).code == "unreadable"


def test_a_heic_that_would_crash_its_decoder_is_refused(tmp_path: Path) -> None:
    # Any of the four letters of its "Exif" entry that is no text ends pi-heif 1.4's process.
    data = (FILES / "quadrants-turned.heic").read_bytes()
    at = data.index(b"Exif")
    for offset in range(4):
        broken = bytearray(data)
        broken[at + offset] = 0xFF
        (tmp_path / "a.heic").write_bytes(broken)
        assert refusal(tmp_path / "a.heic").code == "unreadable"


def test_a_truncated_jpeg_says_so(save: Save) -> None:
    path = save(scene(), "broken.jpg")
    path.write_bytes(path.read_bytes()[:900])
    assert str(refusal(path)) == "broken.jpg ends in the middle of the picture."


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif", "a.gif"])
def test_a_copy_that_ends_in_zeros_is_refused(save: Save, name: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    path = save(noise, name)
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(len(data) - half))
    assert refusal(path).code == "unreadable"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif"])
def test_zeros_after_the_end_do_no_harm(save: Save, name: str) -> None:
    path = save(scene(), name)
    whole = opened(path)
    path.write_bytes(path.read_bytes() + bytes(10_000))
    np.testing.assert_array_equal(opened(path).pixels, whole.pixels)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        check = zlib.crc32(kind + content)
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
    (tmp_path / "bomb.png").write_bytes(data)
    error = refusal(tmp_path / "bomb.png")
    assert error.code == "too_large"
    assert str(error) == (
        "bomb.png is too large: 60,000 × 60,000 pixels, where 150 million pixels is the most."
    )


def test_the_limits_are_the_callers(save: Save) -> None:
    path = save(scene(), "a.png")
    assert refusal(path, Limits(max_pixels=96 * 64 - 1)).code == "too_large"
    assert refusal(path, Limits(max_bytes=path.stat().st_size - 1)).code == "too_large"
    exact = Limits(max_bytes=path.stat().st_size, max_pixels=96 * 64)
    door.decode(door.load(source_of(str(path)), exact), limits=exact)
    with pytest.raises(InputError, match="is too large"):
        door.load(Source("bytes", "", "the clipboard", bytes(11)), Limits(max_bytes=10))


def test_a_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(tmp_path / "huge.jpg").code == "too_large"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_tiff_of_no_numbers(save: Save, value: float) -> None:
    values = np.zeros((32, 32), np.float32)
    values[20, 7] = value
    error = refusal(save(Image.fromarray(values), "nan.tif"))
    assert error.code == "unreadable"
    assert str(error) == "nan.tif holds values that are not numbers."


def test_a_folder(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.code == "unsupported"
    assert "is a folder" in str(error)


def test_nothing_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.jpg").code == "not_found"
    (tmp_path / "file").write_bytes(b"x")
    assert refusal(tmp_path / "file" / "gone.jpg").code == "not_found"
    assert refusal("zero\0byte.jpg").code == "not_found"


def test_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    error = refusal(tmp_path / "link.jpg")
    assert error.code == "not_found"
    assert "a link to something that is gone" in str(error)


def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert refusal(tmp_path / "loop.jpg").code == "unreadable"


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 300)).code == "unreadable"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_a_device() -> None:
    error = refusal("/dev/zero")
    assert error.code == "refused"
    assert "a device" in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_never_answers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    error = refusal(tmp_path / "pipe.jpg")
    assert error.code == "refused"
    assert "a pipe" in str(error)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no such sockets")
def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as place:
        place.bind("s.jpg")
        assert refusal("s.jpg").code == "refused"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no other users to be")
def test_no_permission(tmp_path: Path, save: Save) -> None:
    path = save(scene(), "secret.jpg")
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "inside.jpg").write_bytes(path.read_bytes())
    path.chmod(0)
    folder.chmod(0)
    codes = _as_an_ordinary_user(path, folder, folder / "inside.jpg")
    folder.chmod(0o700)
    assert codes == "refused refused refused"


def _as_an_ordinary_user(*paths: Path) -> str:
    """The codes that the paths end in for somebody who is not root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = "nothing"
        try:
            if os.getuid() == 0:
                for parent in paths[0].parents:  # the way there must be open
                    if parent.stat().st_uid == 0 and "pytest" in str(parent):
                        parent.chmod(0o755)
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            told = " ".join(refusal(path).code for path in paths)
        except BaseException as error:  # noqa: BLE001 - the parent must hear of any
            told = repr(error)
        finally:
            os.write(writer, told.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        codes = answer.read()
    os.waitpid(child, 0)
    return codes


def test_pictures_are_sound_after_a_broken_one(save: Save, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    refusal(tmp_path / "text.jpg")
    np.testing.assert_array_equal(opened(save(scene(), "a.png")).pixels, scene())


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif", "a.avif"])
def test_flipped_bytes_never_raise_anything_else(save: Save, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    random = np.random.default_rng(7)
    buffer = BytesIO(save(scene(48, 32), name, exif=exif).read_bytes())
    for _ in range(150):
        data = bytearray(buffer.getvalue())
        for at in random.integers(0, len(data), 4):
            data[at] = random.integers(0, 256)
        encoded = door.load(Source("bytes", "", "noise", bytes(data)))
        try:
            picture = door.decode(encoded, 232, Limits(max_pixels=1_000_000))
        except InputError:
            continue
        assert picture.pixels.shape[2] == 3
