"""Model files: one ``.safetensors`` with its card inside (contracts.md "Model files").

Tensors are named ``net.*`` (torchvision's names), ``gate.weight`` and ``gate.bias`` (a kept
ImageNet head), ``unknown.*`` (a core set of features). An int8 tensor has a float32 ``.scale``
beside it, one number per output channel. Files of bare torchvision tensors (``.safetensors``
without a card, ``.pth``) open too, with what their shapes tell.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from petvision.errors import ModelError, OutputError
from petvision.images.types import Floats
from petvision.models import cards, safe
from petvision.models.cards import Card
from petvision.models.class_names import guessed

if TYPE_CHECKING:  # torch is imported where a checkpoint is opened
    import torch

Storage = Literal["fp32", "fp16", "int8"]
Shape = tuple[int, ...]

METADATA_KEY = "petvision"
GATE = ("gate.weight", "gate.bias")
BARE = (
    "The file holds weights only: it gets the preprocessing that is usual for its network on "
    "ImageNet, and its scores are not calibrated."
)
COUNTER = ".num_batches_tracked"  # torch's bookkeeping; no network here needs it


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """An opened model file whose tensors are read when they are asked for.

    ``shapes`` names every tensor (``net.*``, ``gate.*``, ``unknown.*``) with its shape. ``rest``
    gives back the memory that reading took, until something is read again.
    """

    path: Path
    card: Card
    sha256: str
    shapes: Mapping[str, Shape]
    read: Callable[[str], Floats]
    rest: Callable[[], None] = lambda: None

    def tensor(self, name: str) -> Floats:
        """A tensor as float32, dequantised.

        Raises:
            ModelError: ``wrong_shape`` when there is none of this name; ``bad_weights`` when it
                holds a value that is not finite.
        """
        if name not in self.shapes:
            raise ModelError("wrong_shape", self.path.name, reason=f"{name} is missing")
        values = self.read(name)
        if not np.isfinite(values).all():
            reason = f"{name} holds values that are not finite"
            raise ModelError("bad_weights", self.path.name, reason=reason)
        return values

    def names(self, group: str) -> list[str]:
        """The tensors of a group, such as ``"net."``."""
        return [name for name in self.shapes if name.startswith(group)]


def read_model(path: Path, classes: Sequence[str] | None = None) -> StoredModel:
    """Open a model file of any kind this program reads.

    Args:
        path: the file.
        classes: what they are called, where the file does not say.

    Raises:
        ModelError: with what is missing or wrong.
    """
    if path.suffix in (".pth", ".pt"):
        return read_checkpoint(path, classes=classes)
    source = path.name
    container = safe.open_container(path, source)
    text = container.metadata.get(METADATA_KEY)
    if text is None:
        shapes = {n: p.shape for n, p in container.places.items()}
        return _bare(path, shapes, container.raw, classes=classes)
    card = cards.parse(text, source)
    if classes is not None and tuple(classes) != card.classes:
        reason = "it names its classes itself; open it without others"
        raise ModelError("wrong_shape", source, reason=reason)
    scales = {f"{n}.scale" for n, place in container.places.items() if place.dtype == "I8"}
    _check_scales(container, scales, source)
    shapes = {n: p.shape for n, p in container.places.items() if n not in scales}

    def read(name: str) -> Floats:
        raw = container.raw(name)
        if f"{name}.scale" not in scales:
            return raw.astype(np.float32)
        scale = container.raw(f"{name}.scale")
        wide = scale.reshape(-1, *[1] * (raw.ndim - 1))
        return np.multiply(raw, wide, dtype=np.float32)

    stored = StoredModel(path, card, sha256_of(path), shapes, read, container.rest)
    _check_shapes(stored)
    return stored


def read_start(path: Path, architecture: str) -> StoredModel:
    """Open a file to start training from: a model, or an architecture's convolutions alone.

    Raises:
        ModelError: when it is neither.
    """
    if path.suffix in (".pth", ".pt"):
        return read_checkpoint(path)
    container = safe.open_container(path, path.name)
    if METADATA_KEY in container.metadata or not _features_only(container.places):
        return read_model(path)
    shapes = {f"net.{n}": p.shape for n, p in container.places.items()}
    card = Card(name=_name_of(path), architecture=architecture, classes=("features",))
    raw = container.raw

    def read(name: str) -> Floats:
        return raw(name.removeprefix("net.")).astype(np.float32, copy=False)

    return StoredModel(path, card, sha256_of(path), shapes, read)


def _features_only(names: Iterable[str]) -> bool:
    return all(name.startswith("features.") for name in names)


def read_card(path: Path) -> Card:
    """The card alone (what the shapes tell, where there is none), without the tensors' values.

    Raises:
        ModelError: when it is no model file.
    """
    if path.suffix in (".pth", ".pt"):
        return read_checkpoint(path).card
    container = safe.open_container(path, path.name)
    text = container.metadata.get(METADATA_KEY)
    if text is not None:
        return cards.parse(text, path.name)
    return _bare_card(path, {n: p.shape for n, p in container.places.items()})


def read_checkpoint(
    path: Path, architecture: str | None = None, classes: Sequence[str] | None = None
) -> StoredModel:
    """Open a ``.pth`` that holds a plain state dict, without running any code it carries.

    Args:
        path: the file.
        architecture: told from the tensors' shapes when not given.
        classes: their names; see ``petvision.models.class_names`` when not given.

    Raises:
        ModelError: ``not_a_model`` when the pickle needs code, or holds no tensors by name.
    """
    import torch

    tensors = _unpickle(path)
    floats = {n: t for n, t in tensors.items() if not n.endswith(COUNTER)}
    for name, tensor in floats.items():
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
            reason = f"{name} has the number format {tensor.dtype}"
            raise ModelError("not_a_model", path.name, reason=reason)

    def raw(name: str) -> Floats:
        return floats[name].detach().float().numpy()

    shapes = {n: tuple(t.shape) for n, t in floats.items()}
    return _bare(path, shapes, raw, architecture, classes)


def _unpickle(path: Path) -> dict[str, torch.Tensor]:
    import pickle

    import torch

    source = path.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the unpickler's own, about protocols
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError("not_found", source, remedy="Check the path.") from None
    except pickle.UnpicklingError:
        reason = (
            "it is a pickle that wants to run code, which PetVision never does; "
            "save the network's state_dict() instead"
        )
        raise ModelError("not_a_model", source, reason=reason) from None
    except Exception:  # noqa: BLE001  damaged bytes make the unpickler fail in any way
        raise ModelError("not_a_model", source, reason="it is damaged or no checkpoint") from None
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded:
        raise ModelError("not_a_model", source, reason="it holds no tensors by name")
    if not all(isinstance(v, torch.Tensor) for v in loaded.values()):
        raise ModelError("not_a_model", source, reason="it holds other things than tensors")
    return {_plain(str(name)): tensor for name, tensor in loaded.items()}


def _plain(name: str) -> str:
    """Without the mark of a wrapper, and without underscores that begin its parts."""
    return ".".join(part.lstrip("_") for part in name.removeprefix("module.").split("."))


def _bare(
    path: Path,
    found: Mapping[str, Shape],
    raw: Callable[[str], npt.NDArray[np.generic]],
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
) -> StoredModel:
    shapes = {f"net.{n}": shape for n, shape in found.items() if not n.endswith(COUNTER)}
    card = _bare_card(path, found, architecture, classes)

    def read(name: str) -> Floats:
        return raw(name.removeprefix("net.")).astype(np.float32, copy=False)

    stored = StoredModel(path, card, sha256_of(path), shapes, read)
    _check_shapes(stored)
    return stored


def _bare_card(
    path: Path,
    found: Mapping[str, Shape],
    architecture: str | None = None,
    classes: Sequence[str] | None = None,
) -> Card:
    from petvision.models.architectures import infer, usual_input

    if architecture is None or classes is None:
        guess = infer(found, path.name)
        architecture = architecture or guess.architecture
        if classes is not None and len(classes) != guess.classes:
            reason = f"it tells {guess.classes} classes apart, and {len(classes)} names are given"
            raise ModelError("wrong_shape", path.name, reason=reason)
        classes = classes or guessed(path, guess.classes)
    return Card(
        name=_name_of(path),
        architecture=architecture,
        classes=tuple(classes),
        input=usual_input(architecture),
        limits=(BARE,),
    )


def _name_of(path: Path) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in path.stem)
    return kept.lstrip("._-") or "model"


def _check_scales(container: safe.Container, scales: set[str], source: str) -> None:
    for scale in sorted(scales):
        name = scale.removesuffix(".scale")
        place = container.places.get(scale)
        if place is None:
            raise ModelError("wrong_shape", source, reason=f"{scale} is missing")
        if place.dtype != "F32" or place.shape != container.places[name].shape[:1]:
            reason = f"{scale} must hold one F32 number per output channel"
            raise ModelError("wrong_shape", source, reason=reason)
        values = container.raw(scale)
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ModelError("bad_weights", source, reason=f"{scale} is not finite and positive")


def _check_shapes(stored: StoredModel) -> None:
    from petvision.models import architectures

    card, source = stored.card, stored.path.name
    network = architectures.build_empty(card.architecture, len(card.classes), card.blocks_per_stage)
    wanted = {f"net.{n}": shape for n, shape in architectures.shapes(network).items()}
    _compare(wanted, stored, source)
    width = wanted[f"net.{architectures.last_linear(network)}.weight"][1]
    if gate := stored.names("gate."):
        outputs = stored.shapes.get("gate.weight", (0,))[0]
        _compare({"gate.weight": (outputs, width), "gate.bias": (outputs,)}, stored, source)
    known = {*wanted, *gate, *stored.names("unknown.")}
    for name in stored.shapes:
        if name not in known:
            reason = f"{name} has no place in {card.architecture}"
            raise ModelError("wrong_shape", source, reason=reason)
    _check_unknown(stored, width, source)


def _compare(wanted: Mapping[str, Shape], stored: StoredModel, source: str) -> None:
    for name, shape in wanted.items():
        found = stored.shapes.get(name)
        if found is None:
            raise ModelError("wrong_shape", source, reason=f"{name} is missing")
        if found != shape:
            reason = f"{name} has the shape {list(found)} instead of {list(shape)}"
            raise ModelError("wrong_shape", source, reason=reason)


def _check_unknown(stored: StoredModel, width: int, source: str) -> None:
    from petvision.models.unknown import needs

    if stored.card.unknown is None:
        return
    wants = needs(stored.card.unknown.score, stored.card.unknown.statistics)
    if wants.gate and stored.shapes.get("gate.weight", (0,))[0] != 1000:
        reason = f"its unknown score {stored.card.unknown.score} needs gate.weight of ImageNet"
        raise ModelError("wrong_shape", source, reason=reason)
    rows, *columns = stored.shapes.get("unknown.bank", (0,))
    if wants.bank and (rows == 0 or columns != [width]):
        reason = f"its unknown score {stored.card.unknown.score} needs unknown.bank, n×{width}"
        raise ModelError("wrong_shape", source, reason=reason)


def write_model(
    path: Path,
    card: Card,
    net: Mapping[str, npt.ArrayLike],
    gate: Mapping[str, npt.ArrayLike] | None = None,
    unknown: Mapping[str, npt.ArrayLike] | None = None,
    storage: Storage = "fp16",
    fp16: Sequence[str] = (),
) -> None:
    """Write a model file and, beside it, its card as ``NAME.md``; both whole or not at all.

    Args:
        path: where to, ending in ``.safetensors``.
        card: what it says of itself.
        net: the network's tensors under torchvision's names (a state dict does).
        gate: the kept ImageNet head: ``weight`` and ``bias``.
        unknown: what the unknown score needs: ``bank``, n×features.
        storage: of tensors with two or more dimensions; in fp16 and int8 files the others
            (biases, BatchNorm, which are small and steer everything) stay float32.
        fp16: layers that an int8 file stores as fp16, by the beginnings of their names.

    Raises:
        OutputError: when the folder cannot be written.
        ModelError: when a value does not fit the storage.
    """
    from safetensors.numpy import save

    kept = tuple(f"{layer}." for layer in fp16)
    groups = {"net": net, "gate": gate or {}, "unknown": unknown or {}}
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    for group, members in groups.items():
        for name, values in members.items():
            if not name.endswith(COUNTER):
                array = np.ascontiguousarray(np.asarray(values), dtype=np.float32)
                exempt = storage == "int8" and group == "net" and name.startswith(kept)
                kind: Storage = "fp16" if exempt else storage
                tensors.update(_stored(f"{group}.{name}", array, kind))
    metadata = {METADATA_KEY: card.model_dump_json(exclude_none=True)}
    content = save(tensors, metadata)
    write_atomically(path, content)
    words = cards.markdown(card, hashlib.sha256(content).hexdigest())
    write_atomically(path.with_suffix(".md"), words.encode())


def _stored(name: str, values: Floats, storage: Storage) -> dict[str, npt.NDArray[np.generic]]:
    if not np.isfinite(values).all():
        raise ModelError("bad_weights", name, reason="it holds values that are not finite")
    if storage == "fp32" or values.ndim < 2:
        return {name: values}
    if storage == "fp16":
        if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
            raise ModelError("bad_weights", name, reason="a value is too large for fp16")
        return {name: values.astype(np.float16)}
    rows = np.abs(values).reshape(len(values), -1).max(axis=1, initial=0)
    scale = (np.where(rows > 0, rows, 1) / 127).astype(np.float32)
    steps = np.rint(values / scale.reshape(-1, *[1] * (values.ndim - 1)))
    return {name: np.clip(steps, -127, 127).astype(np.int8), f"{name}.scale": scale}


def write_atomically(path: Path, content: bytes | mmap.mmap) -> None:
    """Write a whole file aside, then put it in its place.

    Raises:
        OutputError: ``no_space`` or ``read_only``.
    """
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).chmod(0o644)
            Path(aside).replace(path)
        finally:
            Path(aside).unlink(missing_ok=True)


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Tell what the system says about writing ``path`` in the program's own words.

    Raises:
        OutputError: ``no_space`` or ``read_only``.
    """
    try:
        yield
    except OSError as error:
        shown = os.fsencode(path).decode(errors="replace")  # U+FFFD for what is no text
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("no_space", shown) from error
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError("read_only", shown, reason=reason) from error


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
