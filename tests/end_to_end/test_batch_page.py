"""The batch run's HTML page in a real browser: no script error, search, filters, many photos."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petvision.batch.outputs.registry import write
from petvision.batch.store import Explained, Store
from petvision.events import result_of
from petvision.images.inputs import source_of
from tests.batch.test_store import WHO, answered, failed
from tests.end_to_end.browser import CHROMIUM, Browser, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

PHOTOS = 300


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of made-up photos: each fifth a dog, one in fifty broken, the first with heat."""
    return report(tmp_path_factory.mktemp("run"), PHOTOS)


def report(folder: Path, count: int) -> Path:
    """The page of a run over so many small pictures, in whose names their numbers are."""
    photos = folder / "photos"
    photos.mkdir()
    outcomes = []
    for number in range(count):
        place = photos / f"pet-{number:05}.jpg"
        outcomes.append(_outcome(place, number))
        if outcomes[-1].error is None:
            place.write_bytes(_picture(number % 24))
    with closing(Store(folder)) as store:
        store.begin(WHO, [str(photos)])
        store.write(outcomes)
        heat = np.zeros((32, 32), np.float32)
        heat[8:16, 8:16] = 1
        told = Explained(1, "gradcam", "cat", "{}", "ab" * 32, "x", heat, "{}", 1.0)
        store.explained(1, [told])
        store.finish()
    (path,) = result_of(write(folder, ["html"]))
    return path


def _outcome(place: Path, number: int):
    cat = 0.2 if number % 5 == 4 else 0.55 + 0.4 * (number % 7) / 7
    made = failed(str(place)) if number % 50 == 49 else answered(str(place), cat)
    found = dataclasses.replace(made.found, source=source_of(str(place)), key=bytes(place))
    return dataclasses.replace(made, found=found)


def _picture(seed: int) -> bytes:
    """A JPEG of 160×120 with a blob of its own colour."""
    y, x = np.mgrid[:120, :160]
    colour = np.random.default_rng(seed).integers(40, 220, 3)
    blob = np.exp(-((x - 80) ** 2 + (y - 60) ** 2) / 1800)[:, :, None]
    packed = io.BytesIO()
    Image.fromarray((90 + (colour - 90) * blob).astype(np.uint8)).save(packed, "JPEG")
    return packed.getvalue()


@pytest.fixture
def tab(page: Path) -> Iterator[Browser]:
    with browser() as opened:
        opened.open(page)
        yield opened
        assert not opened.faults


def shown(tab: Browser) -> str:
    return str(tab.value("document.getElementById('count').textContent"))


def names(tab: Browser) -> list[str]:
    return list(tab.value("[...document.querySelectorAll('.name')].map(e => e.textContent)"))


def test_the_page_searches_filters_and_orders(tab: Browser):
    assert tab.value("document.getElementById('title').textContent") == "300 photos"
    assert shown(tab) == "300 of 300"
    tab.click("#text")
    tab.write("0012")
    assert shown(tab) == "11 of 300"
    assert names(tab)[:2] == ["pet-00012.jpg", "pet-00120.jpg"]
    tab.value("const t = document.getElementById('text'); t.value = ''; t.oninput()")
    tab.click("#labels button[data-value=dog]")
    assert shown(tab) == "54 of 300"
    tab.click("#labels button[data-value='!']")
    assert shown(tab) == "6 of 300"
    assert tab.value("document.querySelector('.verdict').textContent") == "⚠ Not readable"
    tab.click("#labels button[data-value='']")
    tab.click("#histogram button[data-bin='11']")
    assert shown(tab) == "34 of 300"
    tab.click("#histogram button[data-bin='11']")
    tab.value("const o = document.getElementById('order'); o.value = 'sure'; o.onchange()")
    assert "55.0 %" in tab.value("document.querySelector('.verdict').textContent")


def test_thumbnails_and_heat_are_pictures_and_only_what_is_in_view_is_drawn(tab: Browser):
    wide = "Promise.all([...document.querySelectorAll('.card img')].map(i => i.decode()"
    assert tab.value(f"{wide}.then(() => i.naturalWidth))).then(w => Math.min(...w))") > 0
    assert tab.value("document.querySelectorAll('.heat').length") == 1
    assert tab.value("document.querySelectorAll('.card').length") < 120
    tab.value("scrollTo(0, document.body.scrollHeight)")
    tab.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert names(tab)[-1] == "pet-00299.jpg"
