import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from petvision.errors import ConfigError
from petvision.events import Progress, Result
from petvision.models import engine as engines
from petvision.models.architectures import build, can_rebuild
from petvision.models.check import agrees, check_pictures
from petvision.models.engine import available, with_fast_engine
from petvision.models.engines.base import Trunk
from petvision.models.engines.ncnn_engine import NcnnEngine
from petvision.models.engines.openvino_engine import OpenVinoEngine, has_bf16
from petvision.models.handle import from_network
from petvision.models.speeds import cache_folder
from tests.models.tiny import SIZE, pictures, tiny_card, tiny_resnet

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bfloat16")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def handle_of(architecture: str = "resnet18"):
    return from_network(tiny_resnet(architecture), ("cat", "dog"), tiny_card().input_spec)


def in_float32(kind: str, network, size: int = SIZE, lanes: int = 1):
    if kind == "ncnn":
        return NcnnEngine(network, lanes)
    return OpenVinoEngine(network, size, "fp32", lanes)


both = pytest.mark.parametrize("kind", ["openvino", "ncnn"])


@both
@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_in_float32_it_is_the_reference(kind, architecture, lanes):
    handle = handle_of(architecture)
    engine = in_float32(kind, handle.network, lanes=lanes)
    x = pictures(2)
    right, found = handle.reference.forward(x, maps=True), engine.forward(x, maps=True)
    assert np.abs(found.features - right.features).max() <= 1e-5 * right.features.max()
    assert np.abs(found.maps - right.maps).max() <= 1e-5 * right.maps.max()
    assert engine.forward(x).maps is None


@needs_bf16
def test_openvino_in_bfloat16_keeps_within_a_few_percent():
    handle = handle_of()
    engine = OpenVinoEngine(handle.network, SIZE, "bf16")
    right, found = (e.forward(pictures(2)).features for e in (handle.reference, engine))
    assert 0 < np.linalg.norm(found - right) <= 0.03 * np.linalg.norm(right)


def test_ncnn_needs_no_file(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    handle, x = handle_of(), pictures(1)
    right, found = (e.forward(x).features for e in (handle.reference, NcnnEngine(handle.network)))
    assert np.allclose(found, right, rtol=1e-5, atol=1e-6)


@both
@pytest.mark.parametrize("side", [96, 99])
def test_the_whole_of_a_plain_network_is_built(kind, side):
    handle = from_network(build("alexnet-gap", 2).eval(), ("a", "b"))
    assert can_rebuild(handle.network)
    x = pictures(1, side)
    right = handle.reference.forward(x).features
    found = in_float32(kind, handle.network, side).forward(x).features
    assert np.abs(found - right).max() <= 1e-5 * right.max()


@both
def test_batches_of_any_length_and_answers_that_stay(kind):
    engine = in_float32(kind, handle_of().network)
    x = pictures(5)
    together = engine.forward(x).features
    kept = together.copy()
    alone = np.concatenate([engine.forward(x[i : i + 1]).features for i in range(5)])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.array_equal(together, kept)


@both
@pytest.mark.parametrize("lanes", [1, 2])
def test_an_engine_may_be_shared_by_threads(kind, lanes):
    engine = in_float32(kind, handle_of().network, lanes=lanes)
    x = pictures(8)
    expected = engine.forward(x).features
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: engine.forward(x[i : i + 1]).features[0], range(8)))
    assert np.allclose(found, expected, atol=1e-5)


def test_what_is_available_is_usable(own_cache):
    handle = handle_of()
    names = available(handle)
    assert names[0] == "torch-fp32"
    for name in names:
        assert with_fast_engine(handle, name).engine.name == name


def test_a_network_of_another_build_has_torch_only():
    import torch

    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 2))
    names = available(from_network(network, ("a", "b")))
    assert not any(name.startswith(("openvino", "ncnn")) for name in names)


@pytest.mark.parametrize("name", ["onnx-fp32", "abacus"])
def test_an_engine_that_is_not_here(name):
    with pytest.raises(ConfigError, match="auto or one that runs here") as caught:
        with_fast_engine(handle_of(), name)
    assert caught.value.code == "range"


def test_auto_measures_once_for_a_model_on_a_machine(own_cache, monkeypatch):
    handle = handle_of()
    first = with_fast_engine(handle, "auto")
    assert first.engine.name in available(handle)
    assert "int8" not in first.engine.name
    assert (cache_folder() / "engines.json").is_file()

    def never(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(engines, "_milliseconds", never)
    assert with_fast_engine(handle, "auto").engine.name == first.engine.name
    with pytest.raises(AssertionError, match="measured again"):
        with_fast_engine(handle_of("resnet50"), "auto")


def test_it_is_a_job_of_short_steps(own_cache):
    events = list(engines.prepare_engine(handle_of(), "auto"))
    assert isinstance(events[-1], Result)
    assert all(isinstance(event, Progress) for event in events[:-1])
    assert any("measuring openvino-fp32" in event.words for event in events[:-1])


def test_a_damaged_memory_of_speeds_is_measured_again(own_cache):
    own_cache.mkdir()
    for damage in (b"", b"[1]", b'{"x": ', b"\xff"):
        (own_cache / "engines.json").write_bytes(damage)
        assert with_fast_engine(handle_of(), "auto").engine.name in available(handle_of())


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PETVISION_CACHE", str(tmp_path / "file" / "cache"))
    assert with_fast_engine(handle_of(), "auto").engine is not None


def test_the_reference_stays_beside_the_fast_engine(own_cache):
    handle = handle_of()
    fast = with_fast_engine(handle, "openvino-fp32")
    assert fast.reference is handle.reference
    assert fast.network is handle.network
    assert fast.distance > handle.distance == 0
    assert handle.engine is handle.reference


class Drifting:
    """The reference, but for features that are off by a share of themselves."""

    def __init__(self, exact, share):
        self.exact, self.share, self.name = exact, share, "drifting"

    def forward(self, batch, *, maps=False):
        features = self.exact.forward(batch).features
        way = np.random.default_rng(0).normal(size=features.shape)
        way *= np.linalg.norm(features) / np.linalg.norm(way)
        return Trunk((features + self.share * way).astype(np.float32))


@pytest.mark.parametrize(("share", "trusted"), [(0.0, True), (0.01, True), (0.2, False)])
def test_an_engine_further_off_than_it_states_is_not_trusted(share, trusted):
    handle = handle_of()
    pictures_of = check_pictures(handle.spec)
    assert agrees(handle, Drifting(handle.reference, share), 0.008, pictures_of) == trusted


def test_an_engine_that_answers_with_no_numbers_is_not_trusted():
    handle = handle_of()
    assert not agrees(
        handle, Drifting(handle.reference, np.nan), 0.008, check_pictures(handle.spec)
    )


def test_where_the_named_engine_is_too_far_off_it_is_refused_and_auto_takes_the_next(
    own_cache, monkeypatch
):
    handle = handle_of()
    far = [
        engines.Kind(k.name, k.usable, lambda h: Drifting(h.reference, 0.5), k.distance)
        if not k.name.startswith("torch")
        else k
        for k in engines.KINDS
    ]
    monkeypatch.setattr(engines, "KINDS", tuple(far))
    with pytest.raises(ConfigError, match="openvino-fp32 must be within"):
        with_fast_engine(handle, "openvino-fp32")
    assert with_fast_engine(handle, "auto").engine.name.startswith("torch")


def test_the_check_pictures_are_the_samples_and_a_made_up_one():
    x = check_pictures(tiny_card().input_spec)
    assert x.shape == (4, 3, SIZE, SIZE)
    assert x.std(axis=(1, 2, 3)).min() > 0.1


WATCHED = """
    import pathlib, socket, sys, threading
    attempts = []
    def forbidden(*args, **kwargs):
        attempts.append(args)
        raise OSError("no network in this test")
    socket.socket.connect = forbidden
    socket.getaddrinfo = forbidden
    from petvision.models.engines.openvino_engine import OpenVinoEngine
    from petvision.models.resnet import build_resnet
    from petvision.models.fold import fold_batchnorm
    network = build_resnet("resnet18", 2, (1, 1, 1, 1)).eval()
    fold_batchnorm(network.requires_grad_(False))
    OpenVinoEngine(network, 32, "fp32")
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    assert not attempts, attempts
    assert sys.modules["openvino_telemetry"] is None
    print(sorted(p.name for p in pathlib.Path.home().iterdir()))
"""


def test_openvino_phones_nobody_and_leaves_nothing_at_home(tmp_path):
    quiet = ("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS")
    environment = {k: v for k, v in os.environ.items() if k not in quiet}
    environment |= {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(WATCHED)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
