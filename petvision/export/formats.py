"""The kinds of file: how each is written, and how it is opened again by its own runtime."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from petvision.errors import ConfigError
from petvision.export.description import KEY, as_text
from petvision.export.whole import INPUT, OUTPUTS, Whole
from petvision.images.types import Floats, Pixels
from petvision.models.handle import ModelHandle

OPSET = 17
Answers = tuple[Floats, Floats, Floats]
"""Logits N×C, scores N×C, unknown score N."""
Compute = Callable[[Pixels], Answers]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    ``write`` is given the model, the path, and pictures (uint8 N×S×S×3) for those that
    calibrate (``calibrates``: they learn their ranges from them); ``open`` gives what computes it.
    ``most`` is the largest difference of a score with which a file is kept, ``flips`` the largest
    share of labels that may differ.
    """

    name: str
    suffix: str
    words: str
    needs: tuple[str, ...]
    write: Callable[[ModelHandle, Path, Pixels], None]
    open: Callable[[Path], Compute]
    most: float
    flips: float = 0.0
    calibrates: bool = False


def _write_onnx(handle: ModelHandle, path: Path, pictures: Pixels) -> None:
    import onnx

    example = torch.from_numpy(pictures[:1].copy())
    with _no_word_of_age():
        torch.onnx.export(
            Whole(handle),
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "N"} for name in (INPUT, *OUTPUTS)},
            opset_version=OPSET,
            # The exporter that needs no second package and traces what is written here plainly.
            dynamo=False,
        )
    model = onnx.load(str(path))
    _describe(model, handle)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _write_int8(handle: ModelHandle, path: Path, pictures: Pixels) -> None:
    import onnx
    from onnxruntime import quantization

    full = path.with_name(f"{path.name}.fp32")
    try:
        _write_onnx(handle, full, pictures)
        with _no_word_of_age():
            quantization.quantize_static(
                str(full),
                str(path),
                _Calibration(pictures),
                quant_format=quantization.QuantFormat.QDQ,
                # The heads are small and decide: they stay as they are.
                op_types_to_quantize=["Conv"],
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
            )
    finally:
        full.unlink(missing_ok=True)
    model = onnx.load(str(path))
    _describe(model, handle)
    onnx.save(model, str(path))


class _Calibration:
    """Pictures one by one, as onnxruntime's calibration asks for them."""

    def __init__(self, pictures: Pixels) -> None:
        self._pictures = iter(pictures)

    def get_next(self) -> dict[str, Pixels] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {INPUT: picture[None]}

    def __iter__(self) -> Iterator[dict[str, Pixels]]:
        while (one := self.get_next()) is not None:
            yield one

    __next__ = get_next

    def set_range(self, start_index: int, end_index: int) -> None:
        """All of them are always taken."""


def _describe(model: Any, handle: ModelHandle) -> None:
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, as_text(handle)
    model.producer_name = "PetVision"
    model.doc_string = f"{handle.card.name}. Its metadata '{KEY}' tells how to feed it."


def _open_onnx(path: Path) -> Compute:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, torch.get_num_threads())
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def compute(pixels: Pixels) -> Answers:
        logits, scores, unknown = session.run(list(OUTPUTS), {INPUT: pixels})
        return logits, scores, unknown

    return compute


def _write_torchscript(handle: ModelHandle, path: Path, pictures: Pixels) -> None:
    example = torch.from_numpy(pictures[:1].copy())
    with _no_word_of_age(), torch.no_grad():
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            Whole(handle), (example,), check_trace=False
        )
        torch.jit.save(traced, str(path), _extra_files={KEY: as_text(handle)})


def _open_torchscript(path: Path) -> Compute:
    with _no_word_of_age():
        module = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
    return _torch_answers(module)


def _write_exported(handle: ModelHandle, path: Path, pictures: Pixels) -> None:
    # Two pictures: with one, the exporter would take the batch for a constant.
    example = torch.from_numpy(np.concatenate([pictures[:1], pictures[:1]]))
    with _no_word_of_age(), torch.no_grad():
        batch = torch.export.Dim("N", min=1)
        program = torch.export.export(Whole(handle), (example,), dynamic_shapes=({0: batch},))
        torch.export.save(program, path, extra_files={KEY: as_text(handle)})


def _open_exported(path: Path) -> Compute:
    with _no_word_of_age():
        module = torch.export.load(path).module()
    return _torch_answers(module)


def _torch_answers(module: Any) -> Compute:
    @torch.inference_mode()
    def compute(pixels: Pixels) -> Answers:
        logits, scores, unknown = module(torch.from_numpy(pixels))
        return logits.numpy(), scores.numpy(), unknown.numpy()

    return compute


@contextmanager
def _no_word_of_age() -> Iterator[None]:
    """Let the exporters work though their libraries call them old, and say what they trace."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        # torch.jit.TracerWarning, an own kind of Warning, is among them.
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


FORMATS = {
    kind.name: kind
    for kind in (
        Format("onnx", ".onnx", "ONNX", ("onnx", "onnxruntime"), _write_onnx, _open_onnx, 1e-4),
        Format(
            "onnx-int8",
            ".onnx",
            "ONNX, 8-bit integers",
            ("onnx", "onnxruntime"),
            _write_int8,
            _open_onnx,
            most=1.0,  # a score near a boundary may move far; what counts is the labels
            flips=0.03,
            calibrates=True,
        ),
        Format(
            "torchscript", ".pt", "TorchScript", (), _write_torchscript, _open_torchscript, 1e-4
        ),
        Format("torch-export", ".pt2", "torch.export", (), _write_exported, _open_exported, 1e-4),
    )
}


def format_of(name: str) -> Format:
    """The format of that name, with what it needs at hand.

    Raises:
        ConfigError: when there is none, or a package that it needs is not installed.
    """
    import importlib.util

    if name not in FORMATS:
        raise ConfigError(
            "range", "--to", key="the format", expected=f"one of {', '.join(FORMATS)}", found=name
        )
    kind = FORMATS[name]
    missing = [package for package in kind.needs if importlib.util.find_spec(package) is None]
    if missing:
        remedy = "Install it with: pip install petvision[export]"
        raise ConfigError("key", "export", key=f"package {missing[0]}", remedy=remedy)
    return kind
