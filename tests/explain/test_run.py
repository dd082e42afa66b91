import numpy as np
import pytest

from petvision.errors import ConfigError
from petvision.events import Partial, Progress, Result, result_of
from petvision.explain.run import DEFAULT, context_of, explain
from petvision.models.handle import ModelHandle
from tests.explain.tiny import noise, prepared

QUICK = {
    "integrated_gradients": {"steps": 2},
    "occlusion": {"window": 64, "stride": 64},
}


def test_the_five_come_in_order(resnet_handle: ModelHandle) -> None:
    found = result_of(explain(resnet_handle, prepared(noise(64)), parameters=QUICK))
    assert tuple(e.method for e in found.explanations) == DEFAULT
    assert len(DEFAULT) == 5
    assert found.failures == ()
    assert found.target == found.prediction.best_class


def test_the_target_can_be_chosen(resnet_handle: ModelHandle) -> None:
    for target in ("cat", "dog"):
        found = result_of(
            explain(resnet_handle, prepared(noise(64)), methods=["gradcam"], target=target)
        )
        assert found.explanations[0].target == target


def test_one_that_fails_never_stops_the_others(resnet_handle: ModelHandle) -> None:
    found = result_of(
        explain(
            resnet_handle,
            prepared(noise(64)),
            methods=["gradcam", "feature_maps"],
            parameters={"gradcam": {"layer": "fc"}},
        )
    )
    assert [failure.method for failure in found.failures] == ["gradcam"]
    assert "a layer with maps" in str(found.failures[0].error)
    assert [e.method for e in found.explanations] == ["feature_maps"]


def test_partial_results_grow(resnet_handle: ModelHandle) -> None:
    seen = list(
        explain(
            resnet_handle,
            prepared(noise(64)),
            methods=["kernels", "integrated_gradients"],
            parameters={"integrated_gradients": {"steps": 16}},
        )
    )
    lengths = [len(event.value.explanations) for event in seen if not isinstance(event, Progress)]
    assert lengths == sorted(lengths)
    assert sum(isinstance(event, Partial) for event in seen) > 3
    assert isinstance(seen[-1], Result)


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": ["gradcamm"]},
        {"target": "cow"},
        {"parameters": {"gradcam": {"layr": "x"}}},
        {"methods": ["kernels"], "parameters": {"gradcam": {"layer": "layer4"}}},
    ],
)
def test_what_does_not_exist_is_refused_before_any_work(
    resnet_handle: ModelHandle, wrong: dict[str, object]
) -> None:
    with pytest.raises(ConfigError):
        explain(resnet_handle, prepared(noise(64)), **wrong)


def test_a_prediction_that_is_known_is_not_made_again(resnet_handle: ModelHandle) -> None:
    first = context_of(resnet_handle, prepared(noise(64)))
    again = context_of(
        resnet_handle, prepared(np.zeros_like(noise(64))), prediction=first.prediction
    )
    assert again.prediction is first.prediction
    assert again.target == first.target
