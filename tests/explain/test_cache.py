"""What was explained comes back as it was, and nothing of the cache ever stands in the way."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from petvision.events import Partial, Result, result_of
from petvision.explain import run
from petvision.explain.base import Context
from petvision.explain.cache import Cache, key, packed, unpacked
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution, Explanation
from petvision.explain.trust import Referee
from petvision.models.handle import ModelHandle
from tests.explain.tiny import handle_of, noise, prepared, small_resnet

QUICK: dict[str, dict[str, object]] = {
    "integrated_gradients": {"steps": 2},
    "occlusion": {"window": 32, "stride": 32},
    "smoothgrad": {"samples": 2},
}


@pytest.fixture(scope="module")
def handle() -> ModelHandle:
    return handle_of(small_resnet(), 64)


@pytest.fixture
def question(handle: ModelHandle) -> Context:
    return Context(handle, prepared(noise(64)), None, "cat")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "kept")


def explained(question: Context, name: str) -> Explanation:
    return result_of(METHODS[name].run(question, parameters(name, QUICK.get(name, {}))))


def same(one: object, other: object) -> bool:
    """Equal in every field, of every kind."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
        )
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("name", list(METHODS))
def test_every_result_comes_back_as_it_was(question: Context, name: str) -> None:
    found = explained(question, name)
    assert same(unpacked(packed(found)), found)


def test_a_judgement_comes_back_as_it_was(question: Context) -> None:
    found = explained(question, "gradcam")
    assert isinstance(found, Attribution)
    heat = found.heat + np.eye(2, dtype=np.float32)
    trust = result_of(
        Referee().judge(question, parameters("gradcam", {}), replace(found, heat=heat))
    )
    assert same(unpacked(packed(trust)), trust)


def test_a_judgement_is_not_made_again(question: Context, cache: Cache) -> None:
    found, values = explained(question, "gradcam"), parameters("gradcam", {})
    assert isinstance(found, Attribution)
    found = replace(found, heat=found.heat + np.eye(2, dtype=np.float32))
    first = list(run.trust_events(question, values, found, Referee(), cache))
    (again,) = run.trust_events(question, values, found, Referee(), cache)
    assert isinstance(again, Result)
    assert isinstance(first[-1], Result)
    assert same(again.value, first[-1].value)
    assert len(first) > 10


def test_what_is_known_is_not_computed_again(question: Context, cache: Cache) -> None:
    values = parameters("smoothgrad", {"samples": 8})
    first = list(run.method_events(question, "smoothgrad", values, cache))
    again = list(run.method_events(question, "smoothgrad", values, cache))
    assert any(isinstance(event, Partial) for event in first)
    assert len(again) == 1
    assert isinstance(again[0], Result)
    assert isinstance(first[-1], Result)
    assert same(again[0].value, first[-1].value)


def test_a_job_that_was_cancelled_leaves_nothing(question: Context, cache: Cache) -> None:
    job = run.method_events(question, "smoothgrad", parameters("smoothgrad", {}), cache)
    next(job)
    job.close()  # type: ignore[attr-defined]
    assert cache.size == 0


def test_an_entry_answers_for_nothing_else(question: Context, handle: ModelHandle) -> None:
    values = parameters("gradcam", {})
    other_photo = replace(question, prepared=prepared(noise(64, seed=9)))
    other_model = replace(question, handle=handle_of(small_resnet(seed=5), 64))
    other_target = replace(question, target="dog")
    keys = {
        key(question, "gradcam", values, True),
        key(question, "layercam", values, True),
        key(question, "gradcam", parameters("gradcam", {"layer": "layer3"}), True),
        key(question, "gradcam", values, True, "trust"),
        key(other_photo, "gradcam", values, True),
        key(other_model, "gradcam", values, True),
        key(other_target, "gradcam", values, True),
    }
    assert len(keys) == 7
    kernels = parameters("kernels", {})
    assert key(question, "kernels", kernels, False) == key(other_target, "kernels", kernels, False)


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_entry_is_dropped(question: Context, cache: Cache, damage: bytes | None) -> None:
    cache.put("a", explained(question, "gradcam"))
    (path,) = cache.folder.iterdir()
    content = path.read_bytes()
    middle = len(content) // 2
    bad = content[:middle] + b"xxxx" + content[middle + 4 :] if damage is None else damage
    path.write_bytes(bad)
    assert cache.get("a") is None
    assert not path.exists()


def test_the_least_recently_used_go_first(question: Context, cache: Cache) -> None:
    found = explained(question, "gradcam")
    cache.most = int(2.5 * len(packed(found)))
    for age, name in enumerate("ab"):
        cache.put(name, found)
        os.utime(cache.folder / f"{name}.explanation", (age, age))
    assert cache.get("a") is not None  # which makes it the newest
    cache.put("c", found)
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None
    assert cache.size <= cache.most


def test_it_can_be_cleared(question: Context, cache: Cache) -> None:
    cache.put("a", explained(question, "gradcam"))
    assert cache.size > 0
    cache.clear()
    assert cache.size == 0
    assert cache.get("a") is None
    Cache(cache.folder / "never made").clear()


def test_where_nothing_can_be_kept_the_answer_comes_all_the_same(
    question: Context, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    nowhere = Cache(tmp_path / "file" / "kept")
    job = run.method_events(question, "gradcam", parameters("gradcam", {}), nowhere)
    assert result_of(job).method == "gradcam"
    assert nowhere.get("a") is None
    assert nowhere.size == 0


def test_an_explanation_larger_than_the_cache_is_not_kept(question: Context, cache: Cache) -> None:
    cache.most = 100
    cache.put("a", explained(question, "gradcam"))
    assert cache.size == 0
