import pytest

from petvision.errors import ConfigError
from petvision.explain.registry import method, parameters


def test_words_of_a_command_line_become_numbers() -> None:
    found = parameters("occlusion", {"window": "48", "stride": "24", "fill": "blur"})
    assert found.model_dump() == {
        "window": 48, "stride": 24, "fill": "blur", "mode": "anytime", "share": 46,
        "scale": "logit", "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "code", "sentence"),
    [
        ("occlusion", {"strid": 3}, "key", "Did you mean stride"),
        ("occlusion", {"window": "wide"}, "type", "window must be a valid integer"),
        ("occlusion", {"window": 0}, "range", "greater than or equal to 1"),
        ("occlusion", {"window": 8, "stride": 9}, "range", "stride must be at most the window"),
        ("occlusion", {"fill": "pink"}, "range", "'mean', 'black', 'white', 'blur' or 'noise'"),
        ("integrated_gradients", {"steps": 1.5}, "type", "steps must be a valid integer"),
        ("gradcam", {"layer": 4}, "type", "layer must be a valid string"),
        ("grad-cam", {}, "key", "Did you mean gradcam"),
        ("saliency", {}, "key", "There is gradcam"),
    ],
)
def test_a_wrong_parameter_is_named(
    name: str, values: dict[str, object], code: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parameters(name, values)
    assert caught.value.code == code
    assert sentence in str(caught.value)


def test_a_method_is_found_by_its_id() -> None:
    assert method("kernels").title == "Kernels"
