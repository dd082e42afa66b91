"""Valid pictures of every awkward kind look like their plain twin."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from petvision.images import door
from petvision.images.inputs import source_of
from petvision.images.types import Pixels, Source
from tests.images.pictures import FILES, Save, opened, scene, seen, words

LOSSY = 12  # levels a lossy format may be off at the worst pixel of a smooth scene


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).max())


@pytest.mark.parametrize(
    ("name", "options", "shown", "off"),
    [
        ("a.png", {}, "PNG", 0),
        ("a.bmp", {}, "BMP", 0),
        ("a.tif", {}, "TIFF", 0),
        ("lzw.tif", {"compression": "tiff_lzw"}, "TIFF", 0),
        ("a.webp", {"lossless": True}, "WebP", 0),
        ("a.jpg", {"quality": 98, "subsampling": 0}, "JPEG", LOSSY),
        ("progressive.jpg", {"quality": 98, "progressive": True}, "JPEG", LOSSY),
        ("a.avif", {"quality": 95}, "AVIF", LOSSY),
        ("a.gif", {}, "GIF", 40),
    ],
)
def test_each_format_shows_the_scene(
    save: Save, name: str, options: dict[str, object], shown: str, off: int
) -> None:
    picture = opened(save(scene(), name, **options))
    assert distance(picture.pixels, scene()) <= off
    assert picture.facts.format == shown
    assert (picture.facts.width, picture.facts.height, picture.scale) == (96, 64, 1.0)
    assert picture.facts.notes == ()


QUADRANTS = [[(200, 40, 40), (40, 160, 60)], [(40, 60, 180), (220, 200, 60)]]


@pytest.mark.parametrize("name", ["quadrants.heic", "quadrants-turned.heic"])
def test_heic_is_read_and_stands_upright(name: str) -> None:
    picture = opened(FILES / name)
    assert picture.facts.format == "HEIC"
    assert (picture.facts.width, picture.facts.height) == (64, 48)
    assert distance(picture.pixels[12::24, 16::32], np.array(QUADRANTS)) <= 3


def test_a_heic_whose_first_brand_says_any_still_picture_is_read(tmp_path: Path) -> None:
    data = (FILES / "quadrants.heic").read_bytes()
    assert data[8:12] == b"heic"
    (tmp_path / "a.heic").write_bytes(data[:8] + b"mif1" + data[12:])
    assert opened(tmp_path / "a.heic").facts.format == "HEIC"


def test_an_avif_whose_first_brand_says_any_still_picture_is_read(save: Save) -> None:
    path = save(scene(), "a.avif")
    data = path.read_bytes()
    assert data[8:12] == b"avif"
    path.write_bytes(data[:8] + b"mif1" + data[12:])
    assert opened(path).facts.format == "AVIF"


def test_a_phones_jpeg_with_a_second_picture_inside_is_a_jpeg(save: Save) -> None:
    second = Image.fromarray(scene(48, 32))
    path = save(scene(), "phone.jpg", format="MPO", save_all=True, append_images=[second])
    picture = opened(path)
    assert picture.facts.format == "JPEG"
    assert picture.facts.notes == ()
    assert picture.pixels.shape == (64, 96, 3)


def as_held(upright: Pixels, orientation: int) -> Pixels:
    """What a camera stores that was held so that EXIF says ``orientation``."""
    transpose = upright.swapaxes(0, 1)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: transpose,
        6: np.rot90(upright, 1),
        7: transpose[::-1, ::-1],
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(stored[orientation])


@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp", "png", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_comes_out_upright(save: Save, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(as_held(scene(), orientation), f"a.{suffix}", exif=exif, quality=95)
    picture = opened(path)
    assert distance(picture.pixels, scene()) <= LOSSY
    assert (picture.facts.width, picture.facts.height) == (96, 64)
    assert words(picture) == ([] if orientation == 1 else ["rotated by EXIF"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_draft_lies_where_the_original_lies_however_it_was_turned(
    save: Save, orientation: int
) -> None:
    # 1003 and 757 are multiples of nothing: the last draft pixel hangs over the edge, and turning
    # puts it first. A ramp along each side tells where each decoded pixel really is.
    width, height = 1003, 757
    exif = Image.Exif()
    exif[0x0112] = orientation
    for axis, length in ((0, width), (1, height)):
        levels = np.rint((np.arange(length) + 0.5) / 4.3).astype(np.uint8)
        ramp = np.broadcast_to(levels[None] if axis == 0 else levels[:, None], (height, width))
        picture = opened(save(as_held(ramp, orientation), "a.jpg", exif=exif, quality=100), 90)
        assert picture.scale == 1 / 4
        assert (picture.facts.width, picture.facts.height) == (width, height)
        decoded = picture.pixels[..., 0].mean(axis=axis)[2:-2]
        where = picture.origin[axis] + 4 * (np.arange(2, 2 + len(decoded)) + 0.5)
        assert abs((4.3 * decoded - where).mean()) < 0.2  # of one original pixel


@pytest.mark.parametrize(
    ("width", "height", "resize", "scale"),
    [
        (3711, 4000, 232, 1 / 4),
        (3712, 4000, 232, 1 / 8),
        (1856, 1900, 232, 1 / 4),
        (928, 5000, 232, 1 / 2),
        (927, 5000, 232, 1),
        (200, 200, 232, 1),
    ],
)
def test_a_jpegs_draft_keeps_twice_the_models_short_side(
    save: Save, width: int, height: int, resize: int, scale: float
) -> None:
    path = save(Image.new("RGB", (width, height), (200, 30, 60)), "a.jpg")
    picture = opened(path, resize)
    assert picture.scale == scale
    decoded = (int(np.ceil(height * scale)), int(np.ceil(width * scale)), 3)
    assert picture.pixels.shape == decoded
    assert (picture.facts.width, picture.facts.height) == (width, height)


def test_a_png_is_never_decoded_at_a_draft_scale_unless_it_is_huge(save: Save) -> None:
    small = save(Image.new("L", (4000, 3900), 90), "small.png")
    huge = save(Image.new("L", (4200, 3900), 90), "huge.png")
    assert opened(small, 232).scale == 1
    assert opened(huge, 232).scale == 1 / 8
    assert opened(huge).scale == 1
    assert opened(huge, 232).pixels.shape == (488, 525, 3)


def test_the_whole_picture_is_decoded_for_display_up_to_16_megapixels(save: Save) -> None:
    encoded = door.load(source_of(str(save(Image.new("RGB", (6000, 4000), "teal"), "a.jpg"))))
    picture = door.decode_for_display(encoded)
    height, width, _ = picture.pixels.shape
    assert 15_900_000 < width * height <= 16_000_000
    assert picture.scale == pytest.approx(width / 6000, abs=1e-3)
    assert (picture.facts.width, picture.facts.height) == (6000, 4000)
    tiny = door.decode_for_display(encoded, max_pixels=160 * 160)
    assert tiny.pixels.shape[0] * tiny.pixels.shape[1] <= 160 * 160


def test_a_small_picture_is_shown_as_it_is(save: Save) -> None:
    encoded = door.load(source_of(str(save(scene(), "a.png"))))
    picture = door.decode_for_display(encoded)
    assert picture.scale == 1
    np.testing.assert_array_equal(picture.pixels, scene())


# --- colours -------------------------------------------------------------------------------------


def test_sixteen_bit_grey_is_scaled_not_clipped(save: Save) -> None:
    ramp = np.linspace(0, 65535, 64 * 96).reshape(64, 96).astype(np.uint16)
    for name in ("a.png", "a.tif"):
        picture = opened(save(Image.fromarray(ramp), name))
        expected = np.rint(ramp / 257.0)
        assert distance(picture.pixels, np.repeat(expected[..., None], 3, axis=2)) == 0


def test_a_sixteen_bit_tiff_whose_zero_is_white_is_turned_round(save: Save) -> None:
    ramp = np.linspace(0, 65535, 64 * 96).reshape(64, 96).astype(np.uint16)
    picture = opened(save(Image.fromarray(ramp), "a.tif", tiffinfo={262: 0}))
    assert distance(picture.pixels[..., 0], 255 - np.rint(ramp / 257.0)) == 0


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0, 1, "values 0 to 1 shown as black to white"),
        (0, 255, "values 0 to 255 shown as black to white"),
        (0, 65535, "values 0 to 65535 shown as black to white"),
        (-3000, 3000, "values -3000 to 3000 shown as black to white"),
        (1e6, 3e6, "values 1e+06 to 3e+06 shown as black to white"),
    ],
)
def test_a_float_tiff_is_shown_whole_and_says_its_scale(
    save: Save, low: float, high: float, told: str
) -> None:
    ramp = np.linspace(low, high, 64 * 96, dtype=np.float32).reshape(64, 96)
    picture = opened(save(Image.fromarray(ramp), "a.tif"))
    expected = np.linspace(0, 255, 64 * 96).reshape(64, 96)
    assert distance(picture.pixels[..., 1], expected) <= 0.51
    assert words(picture) == [told]


def test_an_even_float_tiff_is_no_division_by_zero(save: Save) -> None:
    flat = np.full((8, 8), -7e6, np.float32)
    assert opened(save(Image.fromarray(flat), "a.tif")).pixels.max() == 0


def test_cmyk_looks_like_its_rgb_twin(save: Save) -> None:
    cmyk = Image.fromarray(scene()).convert("CMYK")
    picture = opened(save(cmyk, "a.jpg", quality=98))
    assert distance(picture.pixels, scene()) <= LOSSY
    assert distance(opened(save(cmyk, "a.tif")).pixels, scene()) <= 1


def test_cmyk_without_adobes_marker_is_not_inverted(save: Save) -> None:
    # Pillow writes the inverted values that Adobe's marker announces. So: store the inverse, and
    # cut the marker out.
    cmyk = np.asarray(Image.fromarray(scene()).convert("CMYK"))
    path = save(_as_cmyk(255 - cmyk), "a.jpg")
    data = path.read_bytes()
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    path.write_bytes(data[:start] + data[start + 2 + length :])
    assert distance(opened(path).pixels, scene()) <= LOSSY


def _as_cmyk(values: np.ndarray) -> Image.Image:
    return Image.merge("CMYK", [Image.fromarray(values[..., i]) for i in range(4)])


def test_transparency_lies_on_white(save: Save) -> None:
    rgba = np.zeros((4, 3, 4), np.uint8)
    rgba[:, 0] = (255, 0, 0, 255)
    rgba[:, 1] = (255, 0, 0, 128)
    rgba[:, 2] = (0, 0, 0, 0)
    for name in ("a.png", "a.webp", "a.tif"):
        picture = opened(save(Image.fromarray(rgba), name, lossless=True))
        assert picture.pixels[0].tolist() == [[255, 0, 0], [255, 127, 127], [255, 255, 255]]
        assert words(picture) == ["transparency shown on white"]


def test_an_opaque_alpha_channel_is_not_mentioned(save: Save) -> None:
    picture = opened(save(Image.fromarray(scene()).convert("RGBA"), "a.png"))
    np.testing.assert_array_equal(picture.pixels, scene())
    assert words(picture) == []


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
def test_a_palette_with_alpha_lies_on_white(save: Save, transparency: int | bytes) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2])
    picture = opened(save(image, "a.png", transparency=transparency))
    assert picture.pixels[0].tolist() == [[10, 20, 30], [255, 255, 255], [70, 80, 90]]


def test_grey_with_alpha_and_black_and_white_are_read(save: Save) -> None:
    grey = Image.fromarray(np.array([[[80, 255], [80, 0]]], np.uint8))
    assert opened(save(grey, "la.png")).pixels[0].tolist() == [[80] * 3, [255] * 3]
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert opened(save(bits, "bits.png")).pixels[0].tolist() == [[0] * 3, [255] * 3]


def test_a_profile_of_linear_light_is_converted_to_srgb(save: Save) -> None:
    # In a profile with gamma 1, 50 % is much lighter than in sRGB: 0.5 linear is 188 in sRGB.
    linear = _linear_profile()
    half = Image.new("RGB", (8, 8), (128, 128, 128))
    picture = opened(save(half, "a.png", icc_profile=linear))
    assert np.abs(picture.pixels.astype(int) - 188).max() <= 1
    assert words(picture) == ["colours converted to sRGB"]


def test_srgbs_own_profile_changes_nothing_and_is_not_mentioned(save: Save) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = opened(save(scene(), "a.png", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, scene())
    assert words(picture) == []


def test_a_damaged_profile_is_ignored_and_told(save: Save) -> None:
    picture = opened(save(scene(), "a.png", icc_profile=b"nonsense" * 40))
    np.testing.assert_array_equal(picture.pixels, scene())
    assert words(picture) == ["damaged colour profile ignored"]


def _linear_profile() -> bytes:
    """An sRGB profile whose three tone curves are straight lines (ICC.1: 'curv' of length 0)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    straight = b"curv" + bytes(8)
    for index in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * index
        if profile[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            profile[offset : offset + 12] = straight
            profile[entry + 8 : entry + 12] = (12).to_bytes(4, "big")
    return bytes(profile)


# --- animations and pages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.gif", "first frame of 12"),
        ("a.png", "first frame of 12"),
        ("a.webp", "first frame of 12"),
        ("a.avif", "first frame of 12"),
        ("a.tif", "first page of 12"),
    ],
)
def test_the_first_frame_is_shown_and_told(save: Save, name: str, told: str) -> None:
    frames = [Image.new("RGB", (40, 30), (20 * i, 10, 200 - 10 * i)) for i in range(12)]
    path = save(frames[0], name, save_all=True, append_images=frames[1:], lossless=True)
    picture = opened(path)
    assert distance(picture.pixels, np.array([0, 10, 200])) <= 8
    assert words(picture) == [told]


# --- sizes and names -----------------------------------------------------------------------------


def test_one_pixel_is_a_picture(save: Save) -> None:
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp", "a.webp"):
        path = save(Image.new("RGB", (1, 1), (90, 120, 150)), name, quality=100)
        assert distance(seen(path), np.array([90, 120, 150])[:, None, None]) <= 5


NAMES = (
    "two words.jpg",
    'it\'s "quoted".jpg',
    "[1]*?.jpg",
    "el niño 🐈.jpg",
    "-",
    os.fsdecode(b"caf\xe9.jpg"),
    "line\nbreak.jpg",
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_file_of_any_name_is_read(tmp_path: Path, name: str) -> None:
    buffer = BytesIO()
    Image.fromarray(scene()).save(buffer, "PNG")
    path = tmp_path / name
    path.write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(opened(path).pixels, scene())


def test_bytes_are_read_like_a_file(save: Save) -> None:
    data = save(scene(), "a.png").read_bytes()
    encoded = door.load(Source("bytes", "", "the clipboard", data))
    np.testing.assert_array_equal(door.decode(encoded).pixels, scene())


def test_damaged_metadata_is_passed_over_in_silence(save: Save) -> None:
    # Five entries are announced and none comes.
    path = save(scene(), "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    decode = (
        "import sys; from petvision.images import door, inputs;"
        "print(door.decode(door.load(inputs.source_of(sys.argv[1]))).facts.notes)"
    )
    told = subprocess.run([sys.executable, "-c", decode, path], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("()\n", "")


def test_the_digest_is_the_files(save: Save) -> None:
    from hashlib import sha256

    path = save(scene(), "a.jpg")
    assert opened(path).facts.sha256 == sha256(path.read_bytes()).hexdigest()


def test_large_pictures_look_like_their_plain_twin(tmp_path: Path) -> None:
    small = Image.fromarray(scene(1200, 900))
    large = small.resize((12_000, 9_000), Image.Resampling.BILINEAR)
    small.save(tmp_path / "twin.png")
    large.save(tmp_path / "large.jpg", quality=92)
    large.convert("L").save(tmp_path / "large.png", compress_level=1)
    small.convert("L").save(tmp_path / "grey.png")
    del large
    assert distance(seen(tmp_path / "large.jpg"), seen(tmp_path / "twin.png")) <= 4
    assert distance(seen(tmp_path / "large.png"), seen(tmp_path / "grey.png")) <= 2
