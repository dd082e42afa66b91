"""What a drop or the clipboard holds is found, whatever put it there."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QMimeData, QUrl
from PySide6.QtGui import QColor, QImage

from petvision.app.incoming import acceptable, encoded, read
from petvision.images import door

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def mime(
    *, urls: list[str] | None = None, html: str = "", text: str = "", data: bytes = b""
) -> QMimeData:
    made = QMimeData()
    if urls:
        made.setUrls([QUrl(url) for url in urls])
    if html:
        made.setHtml(html)
    if text:
        made.setText(text)
    if data:
        made.setData("image/png", QByteArray(data))
    return made


def test_files_and_folders_come_as_paths():
    found = read(mime(urls=["file:///photos/a%20b.jpg", "file:///photos"]), "x")
    assert found.inputs == ("/photos/a b.jpg", "/photos")


def test_a_name_that_is_no_text_survives():
    made = QMimeData()
    made.setUrls([QUrl.fromEncoded(QByteArray(b"file:///photos/ni%F1o.jpg"))])
    assert read(made, "x").inputs == ("/photos/ni\udcf1o.jpg",)


def test_an_address_comes_as_it_is():
    assert read(mime(urls=["https://x.org/a.jpg?b=1&c=%20"]), "x").inputs == (
        "https://x.org/a.jpg?b=1&c=%20",
    )


def test_a_picture_dragged_off_a_page_is_the_picture_and_not_the_pages_link():
    html = "<a href='https://x.org/page'><img alt='' src=\"https://x.org/cat.jpg?a=1&amp;b=2\"></a>"
    found = read(mime(urls=["https://x.org/page"], html=html), "x")
    assert found.inputs == ("https://x.org/cat.jpg?a=1&b=2",)
    assert read(mime(html=html), "x").inputs == ("https://x.org/cat.jpg?a=1&b=2",)


def test_a_data_address_comes_as_bytes():
    address = "data:image/png;base64," + base64.b64encode(PNG).decode()
    for made in (mime(urls=[address]), mime(html=f'<img src="{address}">'), mime(text=address)):
        (source,) = read(made, "Dropped picture").pictures
        assert (source.kind, source.label, source.data) == ("bytes", "Dropped picture", PNG)


def test_files_go_before_picture_data_and_that_before_text():
    everything = mime(urls=["file:///a.jpg"], data=PNG, text="/b.jpg")
    assert read(everything, "x").inputs == ("/a.jpg",)
    (source,) = read(mime(data=PNG, text="/b.jpg"), "x").pictures
    assert source.data == PNG


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("/photos/tom.jpg", ("/photos/tom.jpg",)),
        ("  'https://x.org/a.jpg'  \n\n/b c.png\nfile:///d%20e.jpg", None),
        ("dear diary", ()),
        ("", ()),
    ],
)
def test_text_counts_where_it_is_a_path_or_an_address(text: str, inputs: tuple[str, ...] | None):
    expected = ("https://x.org/a.jpg", "/b c.png", "/d e.jpg") if inputs is None else inputs
    assert read(mime(text=text), "x").inputs == expected


def test_a_bitmap_is_encoded_without_loss():
    image = QImage(5, 4, QImage.Format.Format_RGB32)
    image.fill(QColor(10, 200, 30))
    made = QMimeData()
    made.setImageData(image)
    found = read(made, "Pasted picture")
    assert found
    assert found.bitmap is not None
    picture = door.decode(door.load(encoded(found.bitmap, "Pasted picture")))
    assert picture.pixels.shape == (4, 5, 3)
    assert (picture.pixels == (10, 200, 30)).all()


def test_nothing_useful_is_nothing():
    made = QMimeData()
    made.setData("application/x-thing", QByteArray(b"1"))
    assert not acceptable(made)
    assert not read(made, "x")


def test_a_path_under_the_home_folder_is_made_whole():
    assert read(mime(text="~/tom.jpg"), "x").inputs == (str(Path("~/tom.jpg").expanduser()),)
