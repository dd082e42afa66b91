"""The ncnn engine: float32 with fewer multiplications in the 3×3 convolutions.

They are computed by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", CVPR 2016), which neither torch nor OpenVINO has here: half of a
ResNet-101's work in 2.25 to 4 times fewer multiplications. It is what processors without bfloat16
gain most by. The network is handed over as ncnn's own text and weights, in memory.
"""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ncnn
import numpy as np
from torch import nn

from petvision.images.types import Floats
from petvision.models.engines.base import Trunk
from petvision.models.engines.fused import convolutions
from petvision.models.engines.torch_engine import use_threads
from petvision.models.resnet import STAGES, BasicBlock, Bottleneck, ResNet

MAGIC = 7767517  # the first line of every network in ncnn's text form
IN, OUT = "picture", "maps"
FLOAT32_ONLY = (
    "fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage",
    "vulkan_compute",
)  # fmt: skip


class NcnnEngine:
    """A folded network for ncnn.

    Several pictures are computed side by side, each by one thread, which is faster than all threads
    on one after another; a single one gets them all.

    Args:
        network: a folded ``ResNet`` or ``PooledNet`` on the CPU (``can_rebuild``); kept.
        lanes: batches computed at once, each by its share of the threads.
    """

    name = "ncnn-fp32"

    def __init__(self, network: nn.Module, lanes: int = 1):
        self.lanes = lanes
        self._network = network
        self._threads = use_threads()
        self._nets: dict[int, _Net] = {}
        self._making = threading.Lock()

    def forward(self, batch: Floats, *, maps: bool = False) -> Trunk:
        """Features and, where asked for, maps of a batch."""
        if self.lanes == 1 and len(batch) == 1:
            found = self._net(self._threads)(batch[0])[None]
        elif self.lanes == 1 and self._threads > 1:
            with ThreadPoolExecutor(self._threads, "petvision-ncnn") as pool:
                found = np.stack(list(pool.map(self._net(1), batch)))
        else:
            found = np.stack([self._net(max(1, self._threads // self.lanes))(x) for x in batch])
        return Trunk(found.mean((2, 3)), found if maps else None)

    def _net(self, threads: int) -> _Net:
        """The network for so many threads a picture; made when it is first asked for."""
        with self._making:
            if threads not in self._nets:
                at_once = max(self.lanes, self._threads // threads)
                self._nets[threads] = _Net(self._network, threads, at_once, self.lanes > 1)
            return self._nets[threads]


class _Net:
    """A network loaded by ncnn: a picture 3×S×S in, the last maps out."""

    def __init__(self, network: nn.Module, threads: int, at_once: int, large_tiles: bool):
        text, weights = _written(network)
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = threads
        for name in FLOAT32_ONLY:
            setattr(options, f"use_{name}", False)
        # Tiles of 4×4 take four times the weights' memory, those of 2×2 twice, for 4 % more time.
        options.use_winograd63_convolution = False
        options.use_winograd43_convolution = large_tiles
        self._net.load_param_mem(text)
        self._weights = _loaded(self._net, weights)
        # Memory of its own for each run: the lock on a shared one costs a fifth of the time.
        self._free: SimpleQueue[tuple[Any, Any]] = SimpleQueue()
        for _ in range(at_once):
            self._free.put((ncnn.PoolAllocator(), ncnn.PoolAllocator()))

    def __call__(self, picture: Floats) -> Floats:
        blobs, workspace = self._free.get()
        try:
            run = self._net.create_extractor()
            run.set_blob_allocator(blobs)
            run.set_workspace_allocator(workspace)
            laid_out = np.ascontiguousarray(picture)  # a Mat does not keep what it refers to
            run.input(IN, ncnn.Mat(laid_out).clone())  # and a clone is aligned
            failed, maps = run.extract(OUT)
            if failed:
                raise MemoryError(f"ncnn: {failed}")
            return np.array(maps)
        finally:
            self._free.put((blobs, workspace))


def _loaded(net: Any, weights: bytes) -> bytes:
    """Give a network its weights; what is returned must live as long as it does.

    From a file it copies what it keeps, in its own order. Memory it would refer to, for the sake of
    the biases, so it is the way only where no file can be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="petvision-") as folder:
            file = Path(folder) / "weights"
            file.write_bytes(weights)
            net.load_model(str(file))
            return b""
    except OSError:
        net.load_model_mem(weights)
        return weights


def _written(network: nn.Module) -> tuple[str, bytes]:
    """A network's trunk in ncnn's text form, and its weights."""
    graph = _Graph()
    if isinstance(network, ResNet):
        last = _resnet(graph, network)
    else:
        last = _plain(graph, network)
    graph.layer("Noop", [last], OUT)
    return graph.text(), b"".join(graph.weights)


class _Graph:
    """Layers in order; each answer has a name and is read once (``fork`` makes it two)."""

    def __init__(self) -> None:
        self.weights: list[bytes] = []
        self._lines = [f"Input {IN} 0 1 {IN}"]
        self._blobs = 1

    def layer(self, kind: str, inputs: list[str], *outputs: str, **settings: int) -> None:
        numbered = (f"{name.removeprefix('_')}={value}" for name, value in settings.items())
        words = [kind, f"{kind}{len(self._lines)}", str(len(inputs)), str(len(outputs))]
        self._lines.append(" ".join([*words, *inputs, *outputs, *numbered]))
        self._blobs += len(outputs)

    def new(self) -> str:
        return f"b{self._blobs}"

    def text(self) -> str:
        return "\n".join([str(MAGIC), f"{len(self._lines)} {self._blobs}", *self._lines, ""])

    def fork(self, x: str) -> tuple[str, str]:
        one, other = f"{x}a", f"{x}b"
        self.layer("Split", [x], one, other)
        return one, other

    def relu(self, x: str) -> str:
        y = self.new()
        self.layer("ReLU", [x], y)
        return y

    def add(self, x: str, y: str) -> str:
        z = self.new()
        self.layer("BinaryOp", [x, y], z, _0=0)
        return z

    def convolution(self, x: str, layer: nn.Module, *, relu: bool) -> str:
        assert isinstance(layer, nn.Conv2d)
        weight = layer.weight.detach().contiguous().numpy()
        y = self.new()
        self.layer(
            "Convolution",
            [x],
            y,
            _0=layer.out_channels,
            _1=layer.kernel_size[1],
            _11=layer.kernel_size[0],
            _3=layer.stride[1],
            _13=layer.stride[0],
            _4=int(layer.padding[1]),
            _14=int(layer.padding[0]),
            _5=int(layer.bias is not None),
            _6=weight.size,
            _9=int(relu),
        )
        self.weights += [bytes(4), weight.tobytes()]  # four zeros say: float32 follows
        if layer.bias is not None:
            self.weights.append(layer.bias.detach().numpy().tobytes())
        return y

    def max_pool(self, x: str, layer: nn.MaxPool2d) -> str:
        size, stride, padding = layer.kernel_size, layer.stride, layer.padding
        assert isinstance(size, int)
        assert isinstance(stride, int)
        assert isinstance(padding, int)
        y = self.new()
        self.layer("Pooling", [x], y, _0=0, _1=size, _2=stride, _3=padding, _5=1)
        return y


def _resnet(graph: _Graph, network: ResNet) -> str:
    x = graph.convolution(IN, network.conv1, relu=True)
    x = graph.max_pool(x, network.maxpool)
    for stage in STAGES:
        for block in network.get_submodule(stage).children():
            assert isinstance(block, BasicBlock | Bottleneck)
            x = _block(graph, x, block)
    return x


def _block(graph: _Graph, x: str, block: BasicBlock | Bottleneck) -> str:
    y, shortcut = graph.fork(x)
    *inner, last = convolutions(block)
    for layer in inner:
        y = graph.convolution(y, layer, relu=True)
    y = graph.convolution(y, last, relu=False)
    if block.downsample is not None:
        shortcut = graph.convolution(shortcut, block.downsample.get_submodule("0"), relu=False)
    return graph.relu(graph.add(y, shortcut))


def _plain(graph: _Graph, network: nn.Module) -> str:
    x = IN
    for layer in network.get_submodule("features").children():
        match layer:
            case nn.Conv2d():
                x = graph.convolution(x, layer, relu=False)
            case nn.ReLU():
                x = graph.relu(x)
            case nn.MaxPool2d():
                x = graph.max_pool(x, layer)
    return x
