"""The network in training: where it starts, and its two heads on one trunk."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from petvision.errors import ModelError
from petvision.models.files import COUNTER, StoredModel, read_model
from petvision.models.fold import fold_batchnorm
from petvision.models.resnet import SHAPES, ResNet, build_resnet, grow
from petvision.models.zoo import find
from training.config import Model

HEAD: tuple[str, ...] = ("fc.weight", "fc.bias")


class TwoHeads(nn.Module):
    """A ResNet whose trunk also feeds the kept ImageNet head (the gate), where there is one."""

    def __init__(self, network: ResNet, gate: nn.Linear | None):
        super().__init__()
        self.network = network
        self.gate = gate

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits N×classes and gate logits N×1000 (None without a gate)."""
        features = self.features(x)
        return self.network.fc(features), None if self.gate is None else self.gate(features)

    def features(self, x: Tensor) -> Tensor:
        """What both heads read: N×features."""
        return torch.flatten(self.network.avgpool(self.network.trunk(x)), 1)

    def freeze_statistics(self) -> None:
        """Keep BatchNorm's running mean and variance while everything else trains."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def start(model: Model, classes: int) -> tuple[TwoHeads, StoredModel | None]:
    """The network at its starting point, and the file it starts from.

    Pretrained weights keep their last layer as the gate when ``model.gate`` is not 0; a shallower
    network of the same kind is grown to the same function (``models.resnet.grow``).

    Raises:
        ModelError: when the starting weights are not there or do not fit.
    """
    blocks = model.blocks_per_stage or SHAPES[model.architecture][1]
    network = build_resnet(model.architecture, classes, blocks)
    if not model.pretrained:
        if model.gate:
            raise ModelError("wrong_shape", model.name, reason="a gate needs pretrained weights")
        return TwoHeads(network, None), None
    stored = read_model(find(model.pretrained))
    tensors = {
        name.removeprefix("net."): torch.from_numpy(stored.tensor(name).copy())
        for name in stored.names("net.")
    }
    head = {name: tensors.pop(name) for name in HEAD if name in tensors}
    grown = grow(tensors, blocks)
    missing, unexpected = network.load_state_dict(grown, strict=False)
    wrong = [n for n in missing if n not in HEAD and not n.endswith(COUNTER)] + list(unexpected)
    if wrong:
        reason = f"{wrong[0]} does not belong to, or is missing in, a {model.architecture}"
        raise ModelError("wrong_shape", model.pretrained, reason=reason)
    return TwoHeads(network, _gate(head) if model.gate else None), stored


def _gate(head: dict[str, Tensor]) -> nn.Linear:
    if len(head) != 2:
        raise ModelError(
            "wrong_shape", "The gate", reason="the starting weights have no last layer"
        )
    gate = nn.Linear(head["fc.weight"].shape[1], head["fc.weight"].shape[0])
    gate.load_state_dict({"weight": head["fc.weight"], "bias": head["fc.bias"]})
    return gate


def frozen_copy(net: TwoHeads) -> TwoHeads:
    """A copy that answers as ``net`` does now, for ever; BatchNorm folded, to be quick."""
    twin = copy.deepcopy(net).eval()
    fold_batchnorm(twin)
    return twin.requires_grad_(False)


def fit_head(
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    decay: float = 1e-4,
) -> tuple[Tensor, Tensor]:
    """Logistic regression (softmax, L2) on cached features, to its optimum by L-BFGS.

    Args:
        features: N×F.
        labels: N class numbers.
        weights: weight of each class in the loss.
        decay: weight of ½·|W|² beside the mean loss.

    Returns:
        ``weight`` classes×F and ``bias`` classes, for features as they are.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-6
    x = torch.from_numpy((features - mean) / scale)
    y, importance = torch.from_numpy(labels), torch.from_numpy(weights)
    weight = torch.zeros(len(weights), x.shape[1], requires_grad=True)
    bias = torch.zeros(len(weights), requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = nn.functional.cross_entropy(x @ weight.T + bias, y, importance)
        value = value + decay / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(loss)  # type: ignore[no-untyped-call]
    plain = weight.detach() / torch.from_numpy(scale)
    return plain, bias.detach() - plain @ torch.from_numpy(mean)
