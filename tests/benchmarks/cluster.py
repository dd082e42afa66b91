"""How much faster two machines of a Ray cluster are than one, each with a core of its own.

    python -m tests.benchmarks.cluster --data pets:DIR [--model NAME] [--json FILE]

A machine is a Ray node whose processes may use one core only (Linux). Both kinds of cluster
answer a few photos, and then many: what the many take beyond the few is work alone, without the
start of Ray, of the actors and of their models.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from petvision.batch.cluster import run_on_cluster
from petvision.batch.run import Plan
from petvision.batch.scan import Inputs
from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.events import result_of
from petvision.models.handle import open_model
from tests.benchmarks.measure import Row, report

TARGET = 1 / 1.6


def main() -> None:
    options = _options()
    photos = [photo.path for photo in labelled_photos(parse_spec(options.data))]
    handle = open_model(options.model, engine=options.engine)
    cores = sorted(os.sched_getaffinity(0))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.rounds):
        for nodes, each in seconds.items():
            with cluster(cores[:nodes]) as address, tempfile.TemporaryDirectory() as place:
                few, both = (
                    _answer(handle, options.model, photos[:count], Path(place, str(count)), address)
                    for count in (options.few, options.few + options.many)
                )
            each.append((both - few) / options.many)
            print(f"{nodes} node(s): {few:.1f} s, {both:.1f} s", flush=True)
    one, two = (1000 * median(each) for each in seconds.values())
    note = f"two nodes do {one / two:.2f} times the photos of one, in the same time"
    row = Row(f"cluster, milliseconds a photo, {handle.engine.name}", one, two, TARGET, note)
    print(report("two Ray nodes beside one", [row], options.json))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="photos, such as pets:DIR")
    parser.add_argument("--model", default="catdog-resnet18", help="a name or a file")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--few", type=int, default=128)
    parser.add_argument("--many", type=int, default=1280)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


@contextmanager
def cluster(cores: Sequence[int]) -> Iterator[str]:
    """A Ray cluster of one node a core; its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    everything = os.sched_getaffinity(0)
    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 200 << 20}
    made = Cluster(initialize_head=False)
    try:
        for core in cores:  # what a node starts inherits the core that it was started on
            os.sched_setaffinity(0, {core})
            made.add_node(**small)
        os.sched_setaffinity(0, everything)
        ray.init(made.address, log_to_driver=False)
        yield made.address
    finally:
        os.sched_setaffinity(0, everything)
        ray.shutdown()
        made.shutdown()


def _answer(handle: Any, model: str, photos: Sequence[Path], folder: Path, address: str) -> float:
    plan = Plan(Inputs(tuple(str(photo) for photo in photos)))
    start = time.perf_counter()
    done = result_of(run_on_cluster(handle, model, plan, folder, address))
    assert done == len(photos), f"{done} of {len(photos)} photos"
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
