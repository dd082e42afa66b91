"""What every method promises, whatever it computes: the registry is walked."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from petvision.events import Events, Partial, Progress, Result, result_of
from petvision.explain import registry
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution, ChannelMaps, Explanation, KernelSet
from petvision.images.types import Floats
from petvision.models.handle import ModelHandle
from tests.explain.tiny import events, handle_of, noise, small_resnet
from tests.explain.toy import Brightness

SIZE = 64
QUICK: dict[str, dict[str, object]] = {
    "integrated_gradients": {"steps": 4, "tolerance": 50.0},
    "occlusion": {"window": 32, "stride": 16},
    "smoothgrad": {"samples": 4},
}
NAMES = list(METHODS)


def start(name: str, handle: ModelHandle, pixels: Floats) -> Events[Explanation]:
    return events(name, handle, pixels, **QUICK.get(name, {}))


@dataclass(frozen=True)
class Trace:
    """Everything of a network that a method could leave changed."""

    hooks: tuple[int, ...]
    modes: tuple[bool, ...]
    requires_grad: tuple[bool, ...]
    gradients: tuple[bool, ...]
    weights: tuple[bytes, ...]

    @staticmethod
    def of(network: nn.Module) -> Trace:
        modules, tensors = list(network.modules()), list(network.parameters())
        return Trace(
            tuple(
                len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
                for m in modules
            ),
            tuple(m.training for m in modules),
            tuple(p.requires_grad for p in tensors),
            tuple(p.grad is not None for p in tensors),
            tuple(t.detach().numpy().tobytes() for t in network.state_dict().values()),
        )


def in_training(network: nn.Module) -> None:
    network.train()


def half_frozen(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith("fc"))


def as_opened(network: nn.Module) -> None:
    pass


def test_the_walk_meets_every_method() -> None:
    assert NAMES == [
        "gradcam",
        "integrated_gradients",
        "occlusion",
        "feature_maps",
        "kernels",
        "gradcam_plusplus",
        "hirescam",
        "layercam",
        "smoothgrad",
    ]


@pytest.mark.parametrize("state", [as_opened, in_training, half_frozen])
@pytest.mark.parametrize("outside", [contextlib.nullcontext, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind_at_any_yield(name: str, outside: Any, state: Any) -> None:
    handle, pixels = handle_of(small_resnet(), SIZE), noise(SIZE)
    state(handle.network)
    before, photo = Trace.of(handle.network), pixels.copy()
    with outside():
        modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        for _ in start(name, handle, pixels):
            assert Trace.of(handle.network) == before
            assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == modes
    np.testing.assert_array_equal(pixels, photo)


@pytest.mark.parametrize("outside", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", NAMES)
def test_the_callers_modes_change_nothing(name: str, outside: Any) -> None:
    handle = handle_of(small_resnet(), SIZE)
    plain = arrays(result_of(start(name, handle, noise(SIZE))))
    with outside():
        inside = arrays(result_of(start(name, handle, noise(SIZE))))
    for one, other in zip(plain, inside, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_cancelled_at_every_yield(name: str) -> None:
    handle = handle_of(small_resnet(), SIZE)
    before = Trace.of(handle.network)
    yields = len(list(start(name, handle, noise(SIZE))))
    for stop in range(yields):
        job: Iterator[Any] = start(name, handle, noise(SIZE))
        for _ in range(stop + 1):
            next(job)
        job.close()
        assert Trace.of(handle.network) == before


class Explodes(nn.Module):
    """Passes its input on, and fails at the call of that number."""

    def __init__(self, at: int):
        super().__init__()
        self.left = at

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("out of memory")
        return x


@pytest.mark.parametrize("call", [0, 1, 2])
@pytest.mark.parametrize("name", [n for n in NAMES if n != "kernels"])  # which runs no network
def test_a_layer_that_fails_leaves_nothing_behind(name: str, call: int) -> None:
    network: Any = small_resnet()
    network.avgpool = nn.Sequential(Explodes(call), network.avgpool)
    network.layer4 = nn.Sequential(network.layer4, Explodes(call))
    handle = handle_of(network, SIZE)
    before = Trace.of(handle.network)
    with contextlib.suppress(RuntimeError):
        result_of(start(name, handle, noise(SIZE)))
    assert Trace.of(handle.network) == before


@pytest.mark.parametrize("name", NAMES)
def test_results_are_finite_repeatable_and_say_where_they_come_from(name: str) -> None:
    handle = handle_of(small_resnet(), SIZE)
    one, other = (result_of(start(name, handle, noise(SIZE))) for _ in range(2))
    for first, second in zip(arrays(one), arrays(other), strict=True):
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, second)
    assert isinstance(one, METHODS[name].kind)
    assert one.method == name
    assert one.card == METHODS[name].card
    assert one.provenance.model == handle.identity
    assert one.provenance.image_sha256 == "ab" * 32
    assert one.provenance.engine in ("torch-fp32", "none")
    versions = one.provenance.versions
    assert {"petvision", "python", "torch", "numpy", "openvino"} <= set(versions)
    assert versions["openvino"] == importlib.metadata.version("openvino")
    assert set(one.parameters) == set(METHODS[name].Parameters.model_fields)
    assert one.facts


@pytest.mark.parametrize("name", NAMES)
def test_the_events_end_with_the_one_result(name: str) -> None:
    seen = list(start(name, handle_of(small_resnet(), SIZE), noise(SIZE)))
    assert isinstance(seen[0], Progress)
    assert [isinstance(event, Result) for event in seen] == [False] * (len(seen) - 1) + [True]
    for event in seen:
        if isinstance(event, Partial):
            assert type(event.value) is type(seen[-1].value)


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_no_numbers_give_zeros_and_a_sentence(name: str) -> None:
    network = small_resnet()
    network.conv1.weight.data[:] = float("nan")
    found = result_of(start(name, handle_of(network, SIZE), noise(SIZE)))
    assert "no number" in found.remark
    assert not any(array.any() for array in arrays(found))
    assert all(np.isfinite(fact.value) for fact in found.facts)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_photo_is_no_trouble(name: str) -> None:
    for value in (0.0, 1.5):
        pixels = np.full((1, 3, SIZE, SIZE), value, np.float32)
        found = result_of(start(name, handle_of(small_resnet(), SIZE), pixels))
        assert all(np.isfinite(array).all() for array in arrays(found))


@pytest.mark.parametrize("name", NAMES)
def test_in_place_relus_and_plain_ones_give_the_same(name: str) -> None:
    def network(inplace: bool) -> nn.Module:
        torch.manual_seed(2)
        return nn.Sequential(
            nn.ReLU(inplace=inplace),  # even as the first layer: the photo must survive
            nn.Conv2d(3, 4, 3, stride=2),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=inplace),
            nn.Conv2d(4, 4, 3),
            nn.ReLU(inplace=inplace),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        ).eval()

    results = []
    for inplace in (True, False):
        pixels = noise(SIZE)
        results.append(arrays(result_of(start(name, handle_of(network(inplace), SIZE), pixels))))
        np.testing.assert_array_equal(pixels, noise(SIZE))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_title_a_description_and_a_default(name: str) -> None:
    schema = METHODS[name].Parameters.model_json_schema()
    for key, field in schema["properties"].items():
        assert field["title"], key
        assert field["description"].endswith((".", ")"))
        assert "default" in field
    assert parameters(name, {}) == METHODS[name].Parameters()


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_its_card(name: str) -> None:
    card = METHODS[name].card
    assert all((card.title, card.shows, card.cannot, card.sign, card.cost))
    assert card.sentence.count(".") >= 2


def arrays(found: Explanation) -> list[Floats]:
    match found:
        case Attribution():
            return [found.heat]
        case ChannelMaps():
            return [layer.maps for layer in found.layers]
        case KernelSet():
            return [found.weights, found.norms]


EVERY_CHECK = (
    test_it_can_be_cancelled_at_every_yield,
    test_results_are_finite_repeatable_and_say_where_they_come_from,
    test_the_events_end_with_the_one_result,
    test_weights_that_are_no_numbers_give_zeros_and_a_sentence,
    test_a_constant_photo_is_no_trouble,
    test_in_place_relus_and_plain_ones_give_the_same,
    test_every_parameter_has_a_title_a_description_and_a_default,
    test_every_method_has_its_card,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Brightness:
    """A method that someone added: one file, and one entry in the registry."""
    added = Brightness()
    for room in (registry, sys.modules[__name__]):
        monkeypatch.setattr(room, "METHODS", {**METHODS, added.id: added})
    return added


def test_a_new_method_keeps_the_contract_and_is_on_the_command_line_by_itself(
    toy: Brightness, tmp_path: Path, tiny_model: Path, samples: Path
) -> None:
    from petvision.cli import main

    for check in EVERY_CHECK:
        check(Brightness.id)
    for outside in (contextlib.nullcontext, torch.no_grad, torch.inference_mode):
        for state in (as_opened, in_training, half_frozen):
            test_nothing_is_left_behind_at_any_yield(Brightness.id, outside, state)
        test_the_callers_modes_change_nothing(Brightness.id, outside)
    for call in (0, 1, 2):
        test_a_layer_that_fails_leaves_nothing_behind(Brightness.id, call)

    model = ["--model", str(tiny_model), "--engine", "torch-fp32", "--out", str(tmp_path)]
    photo = str(samples / "cat.jpg")
    how = ["--methods", "brightness", "--param", "brightness.channel=blue"]
    assert main(["explain", photo, *model, *how]) == 0
    assert np.load(tmp_path / "cat" / "brightness.npy").shape == (64, 64)
    assert (tmp_path / "cat" / "brightness.png").exists()


def test_a_new_method_is_in_the_window_by_itself(
    toy: Brightness, qtbot: Any, qapp: Any, tmp_path: Path, tiny_model: Path, samples: Path
) -> None:
    """In the menu of methods, with a panel, a form and its map in the evidence pack."""
    from petvision.app.explain.form import ParameterForm
    from petvision.app.settings import Settings
    from petvision.app.theme import Theme
    from petvision.app.window import Window

    settings = Settings.load(tmp_path / "settings.toml")
    settings.put("model", str(tiny_model))
    window = Window(settings, Theme(qapp, "light"))
    window.show()
    window.session.open_inputs([str(samples / "cat.jpg")])
    menu, panels = window.view.adder.offered, window.session.explanations
    qtbot.waitUntil(lambda: bool(menu.actions()), timeout=180_000)
    titles = {action.text(): action for action in menu.actions()}
    assert list(titles) == ["Grad-CAM++", "HiResCAM", "LayerCAM", "SmoothGrad", "Brightness"]
    titles["Brightness"].trigger()
    (form,) = window.inspector.findChildren(ParameterForm)
    assert form.values == {"channel": "red"}
    panel = panels.panels["brightness"]
    qtbot.waitUntil(lambda: panel.status == "done", timeout=180_000)
    qtbot.waitUntil(lambda: window.saving.explained is not None, timeout=180_000)
    assert panel.explanation in window.saving.explained.explanations
    assert window.view.grid.panels["brightness"].isVisible()
    window.close()
    window.deleteLater()


def test_every_method_and_parameter_is_told_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from petvision.cli import main

    assert main(["explain", "--list-methods"]) == 0
    said = capsys.readouterr().out
    for name, method in METHODS.items():
        assert f"{name}: {method.title}" in said
        for key in method.Parameters.model_fields:
            assert f"{name}.{key}: " in said
