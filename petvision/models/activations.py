"""Recording what layers answer, and gradients at them, with nothing left behind.

Every function is one step: hooks, modes and ``requires_grad`` are as before when it returns, also
when it raises. The outputs of layers are copied, because an in-place ReLU may write over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from petvision.images.types import Floats
from petvision.models.resnet import STAGES

Hook = Callable[[nn.Module, object, object], Tensor | None]


@dataclass(frozen=True, slots=True, eq=False)
class LayerGradient:
    """A layer's answer to one picture and how a logit depends on it.

    ``activation`` and ``gradient`` (of the logit, by each activation) are float32 c×h×w.
    """

    activation: Floats
    gradient: Floats
    logit: float


@contextmanager
def quiet(network: nn.Module) -> Iterator[None]:
    """``network`` in evaluation mode with frozen parameters; afterwards as it was."""
    modes = [(module, module.training) for module in network.modules()]
    frozen = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        network.eval().requires_grad_(False)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, requires_grad in frozen:
            parameter.requires_grad_(requires_grad)


def device_of(network: nn.Module) -> torch.device:
    """Where the network computes."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def memory_format(device: torch.device, dtype: torch.dtype = torch.float32) -> torch.memory_format:
    """The order in memory of weights and maps there: channels last where that is faster.

    In float32 a processor is as fast with torch's own order (seen: within 3 %, forward and
    backward), and OpenVINO's graphs take that without a copy of the weights.
    """
    plain = device.type == "cpu" and dtype == torch.float32
    return torch.contiguous_format if plain else torch.channels_last


def to_network(network: nn.Module, batch: Floats) -> Tensor:
    """``batch`` (float32 N×3×S×S) as a tensor of its own on the network's device."""
    place = device_of(network)
    return torch.tensor(batch).to(place, memory_format=memory_format(place))


def record(network: nn.Module, names: Sequence[str], batch: Floats) -> dict[str, Floats]:
    """What the named layers answer to ``batch``, after their last call in one forward pass.

    Returns:
        float32 N×c×h×w (or what shape the layer has) by name; a layer that was not reached, or
        whose output is no tensor, is left out.
    """
    found: dict[str, Floats] = {}

    def keep(name: str) -> Hook:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = _array(output)

        return hook

    with torch.no_grad(), quiet(network), _hooks(network, {name: keep(name) for name in names}):
        network(to_network(network, batch))
    return found


def gradient_at_layer(
    network: nn.Module, name: str, picture: Floats, target: int
) -> LayerGradient | None:
    """The answer of layer ``name`` to one picture and the gradient of logit ``target`` by it.

    Only the part of the network behind the layer is differentiated. A layer that runs several
    times counts with its last run.

    Args:
        network: any network whose output is N×classes.
        name: of a submodule.
        picture: float32 1×3×S×S.
        target: index of the class.

    Returns:
        None where the layer has no maps (not reached, or its output is not 1×c×h×w).
    """
    last: list[Tensor] = []

    def cut(module: nn.Module, inputs: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            return None
        last[:] = [output.detach().clone().requires_grad_()]
        return last[0].clone()  # what follows may write over it in place

    with _gradients(network), _hooks(network, {name: cut}):
        logit = network(to_network(network, picture))[0, target]
        if not last:
            return None
        if logit.requires_grad:
            (gradient,) = torch.autograd.grad(logit, last[0], allow_unused=True)
        else:
            gradient = None  # nothing behind the layer depends on it
    return LayerGradient(
        activation=_array(last[0])[0],
        gradient=_array(torch.zeros_like(last[0]) if gradient is None else gradient)[0],
        logit=float(logit.detach()),
    )


def gradient_at_input(network: nn.Module, batch: Floats, target: int) -> tuple[Floats, Floats]:
    """The gradient of logit ``target`` by every input value, for each picture of ``batch``.

    Returns:
        The gradients, float32 N×3×S×S, and the logits, float32 N.
    """
    with _gradients(network):
        pictures = to_network(network, batch).requires_grad_()
        logits = network(pictures.clone())[:, target]  # a first layer may write in place
        (gradients,) = torch.autograd.grad(logits.sum(), pictures)
    return _array(gradients), _array(logits)


def grids(network: nn.Module, picture: Floats) -> tuple[tuple[str, bool, tuple[int, int]], ...]:
    """Every module's maps in the order in which they were finished.

    Returns:
        (name, is it a convolution, (h, w)) for each call with a 4-dimensional output.
    """
    seen: list[tuple[str, bool, tuple[int, int]]] = []

    def note(name: str) -> Hook:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.dim() == 4:
                grid = (output.shape[2], output.shape[3])
                seen.append((name, isinstance(module, nn.Conv2d), grid))

        return hook

    hooks = {name: note(name) for name, _ in network.named_modules() if name}
    with torch.no_grad(), quiet(network), _hooks(network, hooks):
        network(to_network(network, picture))
    return tuple(seen)


def last_layer(network: nn.Module, picture: Floats) -> str:
    """The name of the last layer with maps on the last convolution's grid (empty: none).

    It is the ReLU after the last convolution of a plain network, and ``layer4`` of a residual one.
    """
    seen = grids(network, picture)
    convolutions = [i for i, (_, is_convolution, _) in enumerate(seen) if is_convolution]
    if not convolutions:
        return ""
    grid = seen[convolutions[-1]][2]
    return next(name for name, _, its_grid in reversed(seen) if its_grid == grid)


def depths(network: nn.Module, picture: Floats) -> tuple[tuple[str, str], ...]:
    """The layers that show a network's depth: (label, name), shallow to deep.

    A residual network's are its stem and stages; of another, the last layer of each size of map
    on which a convolution ran.
    """
    names = dict(network.named_modules())
    if "relu" in names and all(stage in names for stage in STAGES):
        return (("stem", "relu"), *((stage, stage) for stage in STAGES))
    last: dict[tuple[int, int], str] = {}
    convolved: set[tuple[int, int]] = set()
    for name, is_convolution, grid in grids(network, picture):
        last[grid] = name
        if is_convolution:
            convolved.add(grid)
    return tuple((name, name) for grid, name in last.items() if grid in convolved)


def first_convolution(network: nn.Module) -> str:
    """The name of the first convolution (empty: none)."""
    modules = network.named_modules()
    return next((name for name, module in modules if isinstance(module, nn.Conv2d)), "")


def last_convolution(network: nn.Module, layer: str) -> str:
    """The convolution whose filters the channels of ``layer`` are (empty: none).

    That is the last one within the layer or before it; the shortcut of a residual block only adds
    to the channels that the block's own last convolution writes.
    """
    found, inside = "", False
    for name, module in network.named_modules():
        within = name == layer or name.startswith(f"{layer}.")
        if inside and not within:
            break
        inside |= within
        if isinstance(module, nn.Conv2d) and ".downsample." not in f".{name}.":
            found = name
    return found if inside else ""


@contextmanager
def _hooks(network: nn.Module, hooks: dict[str, Hook]) -> Iterator[None]:
    with ExitStack() as stack:
        for name, hook in hooks.items():
            handle = network.get_submodule(name).register_forward_hook(hook)
            stack.callback(handle.remove)
        yield


@contextmanager
def _gradients(network: nn.Module) -> Iterator[None]:
    """Autograd on, whatever the caller switched off."""
    with torch.inference_mode(mode=False), torch.enable_grad(), quiet(network):
        yield


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().to("cpu", torch.float32, copy=True).contiguous().numpy()
