"""Columns count, filter and sort as the store itself would."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from petvision.batch import columns as cols
from petvision.batch.columns import Columns, Wanted, chosen
from petvision.batch.rows import Reader
from petvision.batch.store import Explained, Store
from tests.batch.test_store import WHO, answered, failed


def strange(name: str, cat: float, score: float, truth: str | None = None):
    one = answered(name, cat, unknown=score > 0.5)
    return dataclasses.replace(
        one, prediction=dataclasses.replace(one.prediction, unknown_score=score), truth=truth
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        opened.begin(WHO, [])
        opened.write([strange("b.jpg", 0.9, 0.1, "cat"), strange("a.jpg", 0.2, 0.2, "cat")])
        opened.write([failed("d.jpg"), strange("C_1.jpg", 0.55, 0.45, "dog")])
        opened.write([strange("owl.jpg", 0.6, 0.9, "neither"), strange("e.jpg", 0.3, 0.7, "dog")])
        yield opened


@pytest.fixture
def columns(store: Store, tmp_path: Path) -> Columns:
    return cols.load(tmp_path)


def numbers(columns: Columns, **wanted: object) -> list[int]:
    return chosen(columns, Wanted(**wanted)).tolist()


def test_verdicts_are_counted(columns: Columns):
    assert cols.counts(columns) == {"cat": 2, "unknown": 2, "dog": 1, "!": 1}
    assert sum(cols.histogram(columns)) == 5


def test_each_filter_chooses_what_it_says(columns: Columns):
    assert numbers(columns, label="cat") == [1, 4]
    assert numbers(columns, label="!") == [3]
    assert numbers(columns, kind="wrong") == [2, 4]
    assert numbers(columns, kind="right") == [1, 6]
    assert numbers(columns, kind="no truth") == [3]
    assert numbers(columns, cell=("neither", "unknown")) == [5]
    assert numbers(columns, bin=int(0.9 * cols.BINS)) == [1]
    assert numbers(columns, label="cat", kind="wrong") == [4]


def test_orders(columns: Columns, tmp_path: Path):
    assert numbers(columns, order="confidence")[:2] == [4, 5]
    assert numbers(columns, order="confidence", backwards=True)[-2:] == [5, 4]
    assert numbers(columns, order="mistakes")[:2] == [2, 4]
    assert numbers(columns, order="doubt")[0] == 4
    assert numbers(columns, order="doubt")[-1] == 3
    names = cols.by_name(tmp_path)
    assert chosen(columns, Wanted(order="name"), names=names).tolist() == [2, 1, 4, 3, 6, 5]


def explained(item: int, **facts: float) -> Explained:
    heat = np.zeros((32, 32), np.float32)
    return Explained(item, "gradcam", "cat", "{}", "ab" * 32, "x", heat, json.dumps(facts), 1.0)


def test_a_red_badge_makes_an_answer_doubtful_an_amber_one_half_as_much(
    store: Store, columns: Columns, tmp_path: Path
):
    for item, light in ((1, 2.0), (2, 0.0), (6, 1.0)):
        store.explained(item, [explained(item, trust=light)])
    more = cols.doubt(cols.load(tmp_path)) - cols.doubt(columns)
    np.testing.assert_allclose(more, [0, 1, 0, 0, 0, 0.5], atol=1e-6)
    with Reader(tmp_path) as reader:
        assert reader.judged() == {1, 2, 6}


def test_text_is_found_whatever_its_case_and_signs(columns: Columns, tmp_path: Path):
    assert cols.matching(tmp_path, "c_1").tolist() == [4]
    assert cols.matching(tmp_path, "_").tolist() == [4]
    assert cols.matching(tmp_path, "EMPTY").tolist() == [3]
    assert chosen(columns, Wanted(), cols.matching(tmp_path, "owl")).tolist() == [5]


def test_confusion_counts_truths_by_verdicts(columns: Columns):
    assert cols.confusion(columns) == {
        ("cat", "cat"): 1,
        ("cat", "dog"): 1,
        ("dog", "cat"): 1,
        ("dog", "unknown"): 1,
        ("neither", "unknown"): 1,
    }


def test_the_threshold_moves_counts_and_accuracy(columns: Columns):
    own = cols.at_threshold(columns, 0.5)
    assert (own.judged, own.accuracy, own.refused, own.caught) == (3, 1 / 3, 0.25, 1.0)
    strict = cols.at_threshold(columns, 0.15)
    assert (strict.judged, strict.accuracy, strict.counts["unknown"]) == (1, 1.0, 4)
    never = cols.at_threshold(columns, None)
    assert (never.judged, never.accuracy, never.counts["unknown"]) == (4, 0.5, 0)


def test_only_what_changed_is_read_again(store: Store, columns: Columns, tmp_path: Path):
    assert cols.load(tmp_path, columns) is columns
    store.set_truth([2], "dog")
    store.write([strange("f.jpg", 0.7, 0.0), strange("b.jpg", 0.1, 0.0)])
    newer = cols.load(tmp_path, columns)
    whole = cols.load(tmp_path)
    assert newer.numbers.tolist() == [1, 2, 3, 4, 5, 6, 7]
    for field in ("label", "truth", "confidence", "strange", "failed", "by_person"):
        assert np.array_equal(getattr(newer, field), getattr(whole, field), equal_nan=True)
    assert numbers(newer, kind="corrected") == [2]
