"""The same rows from a cluster as from one machine, also when a machine is lost half-way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from petvision.batch import cluster as clusters
from petvision.batch.rows import Reader
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.events import result_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]

QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 5000,
    "health_check_failure_threshold": 5,
}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of a processor each; ``lose`` takes the second one away as a power cut would."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 100 << 20}
    made = Cluster(
        initialize_head=True, head_node_args={**small, "_system_config": QUICK_TO_NOTICE}
    )
    node = made.add_node(**small)
    ray.init(made.address, log_to_driver=False)
    made.lose = lambda: made.remove_node(node, allow_graceful=False)
    yield made
    ray.shutdown()
    made.shutdown()


def answers_in(folder: Path) -> dict[str, tuple[object, ...]]:
    with Reader(folder) as reader:
        return {
            row.location: (
                row.answer and (row.answer.label, round(row.answer.confidence, 5)),
                row.failed and row.failed.message,
                row.sha256,
            )
            for row in reader.rows()
        }


def test_two_nodes_say_what_one_machine_says(
    cluster: Any, handle, tiny_model: Path, make_photos, tmp_path: Path
):
    photos = make_photos(tmp_path / "photos", 200)
    photos[7].write_bytes(b"")
    plan = Plan(Inputs((str(tmp_path / "photos"),)))
    result_of(run(handle, plan, tmp_path / "alone"))
    job = clusters.run_on_cluster(handle, str(tiny_model), plan, tmp_path / "many", cluster.address)
    assert result_of(job) == 200
    assert answers_in(tmp_path / "many") == answers_in(tmp_path / "alone")
    job = clusters.run_on_cluster(handle, str(tiny_model), plan, tmp_path / "many", cluster.address)
    assert result_of(job) == 0


def test_a_lost_nodes_photos_are_done_by_the_other(
    cluster: Any, handle, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clusters, "BLOCK", 8)
    photos, many = tmp_path / "photos", tmp_path / "many"
    photos.mkdir()
    for number in range(200):  # small files that take their time to decode
        colour = (number, 255 - number, 7 * number % 256)
        Image.new("RGB", (2400, 1800), colour).save(photos / f"{number:03}.png")
    before: list[int] = []

    def lose_a_node() -> None:
        while len(answered := list((many / clusters.PARTS).glob("**/*.parquet"))) < 4:
            time.sleep(0.05)
        before.append(len(answered))
        cluster.lose()

    plan = Plan(Inputs((str(photos),)))
    power_cut = threading.Thread(target=lose_a_node, daemon=True)
    power_cut.start()
    job = clusters.run_on_cluster(handle, str(tiny_model), plan, many, cluster.address)
    assert result_of(job) == 200
    assert before[0] < 200 / 8  # it was lost while there was work left
    assert len(cluster.list_all_nodes()) == 1
    result_of(run(handle, plan, tmp_path / "alone"))
    assert answers_in(many) == answers_in(tmp_path / "alone")
