import itertools
import threading

import pytest
from PIL import Image

from petvision.errors import InputError
from petvision.images.prepare import open_prepared
from petvision.images.types import Source
from petvision.models.engine import for_many, with_fast_engine
from petvision.models.engines.torch_engine import use_threads
from petvision.models.handle import open_model
from petvision.models.predict import predict
from petvision.models.stream import answers, one_by_one
from tests.models.tiny import write_tiny


@pytest.fixture(scope="module")
def handle(tmp_path_factory):
    return open_model(write_tiny(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> list[Source]:
    folder = tmp_path_factory.mktemp("photos")
    sources = []
    for i in range(10):
        path = folder / f"{i}.png"
        Image.effect_noise((90, 80), 10.0 * (i + 1)).convert("RGB").save(path)
        sources.append(Source("file", str(path), path.name))
    return sources


class Halting:
    """Sources that end before the third, and go on when they are asked again."""

    def __init__(self, sources: list[Source]) -> None:
        self._rest, self._given = iter(sources), 0

    def __iter__(self) -> "Halting":
        return self

    def __next__(self) -> Source:
        self._given += 1
        if self._given == 3:
            raise StopIteration
        return next(self._rest)


def threads_left() -> list[str]:
    return [
        t.name
        for t in threading.enumerate()
        if t.name.startswith(("petvision-decode", "petvision-compute"))
    ]


def test_the_answers_end_where_the_sources_do(handle, photos):
    halting = Halting(photos)
    assert [a.source for a in answers(handle, halting, batch=4)] == photos[:2]
    assert [a.source for a in answers(handle, halting, batch=4)] == photos[2:]


def test_answers_come_in_the_order_of_the_sources(handle, photos):
    found = list(answers(handle, photos, batch=4, threads=3))
    assert [a.source for a in found] == photos
    for answer in found:
        (alone,) = predict(handle, [open_prepared(answer.source, handle.spec)])
        assert answer.prediction.image == alone.image
        assert answer.prediction.logits == pytest.approx(alone.logits, abs=1e-4)


def test_a_broken_photo_gives_its_error_and_the_rest_goes_on(handle, photos, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    broken = Source("file", str(tmp_path / "broken.jpg"), "broken.jpg")
    gone = Source("file", str(tmp_path / "gone.jpg"), "gone.jpg")
    sources = [gone, photos[0], broken, photos[1]]
    found = list(answers(handle, sources, batch=2))
    assert [a.source for a in found] == sources
    assert [a.prediction is None for a in found] == [True, False, True, False]
    assert isinstance(found[0].error, InputError)
    assert found[0].error.code == "not_found"
    assert "broken.jpg" in str(found[2].error)
    assert found[1].error is None


def test_nothing_in_nothing_out(handle):
    assert list(answers(handle, [])) == []


def test_sources_are_taken_only_as_they_are_needed(handle, photos):
    taken = []

    def endless():
        for source in itertools.cycle(photos):
            taken.append(source)
            yield source

    stream = answers(handle, endless(), batch=3)
    first = list(itertools.islice(stream, 3))
    stream.close()
    assert [a.source for a in first] == photos[:3]
    assert len(taken) <= 3 * 3


def test_one_by_one_answers_before_it_takes_the_next(handle, photos):
    taken = []

    def named():
        for source in photos[:3]:
            taken.append(source)
            yield source

    for count, answer in enumerate(one_by_one(handle, named()), 1):
        assert answer.source == taken[-1]
        assert len(taken) == count
    assert count == 3


def test_an_engine_in_lanes_gives_the_same_answers_in_the_same_order(handle, photos):
    fast = with_fast_engine(handle, "openvino-fp32")
    many = for_many(fast)
    assert many.engine.name == fast.engine.name
    assert many.engine.lanes == use_threads()
    found = list(answers(many, photos, batch=4))
    assert [a.source for a in found] == photos
    for answer, alone in zip(found, answers(handle, photos), strict=True):
        assert answer.prediction.logits == pytest.approx(alone.prediction.logits, abs=1e-4)
    assert not threads_left()


def test_closing_leaves_no_thread(handle, photos):
    stream = answers(handle, itertools.cycle(photos), batch=2, threads=2)
    next(stream)
    assert threads_left()
    stream.close()
    assert not threads_left()


def test_the_end_leaves_no_thread(handle, photos):
    list(answers(handle, photos))
    assert not threads_left()


def test_the_unknown_threshold_is_passed_on(handle, photos):
    (answer,) = answers(handle, photos[:1], unknown="off")
    assert answer.prediction.unknown_threshold is None
