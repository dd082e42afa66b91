"""The same rows from a cluster as from one machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from petvision.batch.rows import Reader
from petvision.batch.run import Plan, run
from petvision.batch.scan import Inputs
from petvision.events import result_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of a processor each."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    ray.init(made.address, log_to_driver=False)
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
    from petvision.batch.cluster import run_on_cluster

    photos = make_photos(tmp_path / "photos", 200)
    photos[7].write_bytes(b"")
    plan = Plan(Inputs((str(tmp_path / "photos"),)))
    result_of(run(handle, plan, tmp_path / "alone"))
    job = run_on_cluster(handle, str(tiny_model), plan, tmp_path / "many", cluster.address)
    assert result_of(job) == 200
    assert answers_in(tmp_path / "many") == answers_in(tmp_path / "alone")
    job = run_on_cluster(handle, str(tiny_model), plan, tmp_path / "many", cluster.address)
    assert result_of(job) == 0
