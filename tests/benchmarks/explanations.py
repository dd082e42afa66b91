"""How fast and how near explanations are, beside captum, grad-cam and plain torchvision.

    python -m tests.benchmarks.explanations --data pets:DIR [--rows cams,ig,…] [--json FILE]
        [--keep DIR]

Two threads, all sides in one process and in turns, on the same network (torchvision's own, with
the file's weights), the same picture, window, stride, steps and target. ``memory`` and ``growth``
explain photos in a process of their own and read the most memory it ever held. ``--keep`` holds
the exact maps that the rows over many photos compare with, so that a run that was stopped, or one
on a quieter machine, need not compute them again.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import nn

from petvision.evaluate.datasets import labelled_photos, parse_spec
from petvision.events import Events, Partial, Result, result_of
from petvision.explain.base import Context
from petvision.explain.cams import Cam
from petvision.explain.registry import METHODS, parameters
from petvision.explain.results import Attribution, Explanation
from petvision.explain.run import explain
from petvision.figures.render import png
from petvision.images.door import decode_for_display, load
from petvision.images.inputs import source_of
from petvision.images.prepare import open_prepared, prepare_encoded
from petvision.images.types import Floats, Prepared
from petvision.models.engine import available, with_fast_engine
from petvision.models.files import read_model
from petvision.models.handle import ModelHandle
from petvision.models.handle import load as load_handle
from petvision.models.predict import look
from petvision.models.torchvision_door import torchvision
from petvision.models.zoo import find
from tests.benchmarks.measure import Row, interleaved, report, table
from tests.benchmarks.prediction import plain_network

LAYER = "layer3"
REFERENCE_STEPS = 400
CAPTUM_STEPS = 50
SAME_STEPS = 128
SAMPLES = 25
EXACT = {True: 0.40, False: 0.65}  # with and without bfloat16
PEERS = {
    "gradcam": "GradCAM",
    "gradcam_plusplus": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
}


OFF = "  its map off by, of the range"


@dataclass(frozen=True)
class Bench:
    """What every row needs."""

    handle: ModelHandle  # answered by the fastest engine
    handles: Mapping[str, ModelHandle]
    plain: nn.Module
    photos: Sequence[Prepared]
    paths: Sequence[Path]
    rounds: int
    model: str
    keep: Path | None = None

    def kept(self, name: str, number: int, make: Callable[[], Floats]) -> Floats:
        """The array of a photo that ``--keep`` holds; made where it is not there yet."""
        if self.keep is None:
            return make()
        digest = self.photos[number].facts.sha256[:16]
        file = self.keep / f"{self.handle.sha256[:16]}-{digest}-{name}.npy"
        if not file.exists():
            self.keep.mkdir(parents=True, exist_ok=True)
            np.save(file, make())
        return np.asarray(np.load(file))

    @property
    def picture(self) -> torch.Tensor:
        return torch.from_numpy(self.photos[0].pixels)

    def question(self, number: int = 0, engine: str = "") -> Context:
        handle = self.handles[engine] if engine else self.handle
        prediction, _ = look(handle, self.photos[number])
        return Context(handle, self.photos[number], prediction, prediction.best_class)


def run(context: Context, name: str, **values: object) -> Explanation:
    return result_of(METHODS[name].run(context, parameters(name, values)))


def heat(context: Context, name: str, **values: object) -> Floats:
    found = run(context, name, **values)
    assert isinstance(found, Attribution)
    return found.heat


def off(ours: Floats, theirs: Floats) -> float:
    """The largest difference, as a share of the peer's range."""
    return float(np.abs(ours - theirs).max() / max(float(np.ptp(theirs)), 1e-12))


def correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def pooled(heat: Floats) -> Floats:
    """Sums over 8×8 pixels."""
    side = heat.shape[0] // 8
    return heat[: 8 * side, : 8 * side].reshape(side, 8, side, 8).sum((1, 3))


# --- CAMs ---------------------------------------------------------------------------------------


def peers_cam(bench: Bench, name: str, layer: str, target: int) -> Callable[[], Floats]:
    """A map of grad-cam, raw: before it is scaled and with what is negative cut off."""
    torchvision()
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layers = [bench.plain.get_submodule(layer)]
    wanted = [ClassifierOutputTarget(target)]

    def compute() -> Floats:
        with getattr(pytorch_grad_cam, PEERS[name])(bench.plain, layers) as peer:
            peer(bench.picture, wanted)
            found = peer.activations_and_grads
            activations, gradients = found.activations[0].numpy(), found.gradients[0].numpy()
            raw = peer.get_cam_image(None, layers[0], wanted, activations, gradients, False)[0]
            return np.asarray(np.maximum(raw, 0))

    return compute


def cams(bench: Bench) -> list[Row]:
    context = bench.question()
    exact = bench.question(engine="torch-fp32")
    gradcam = METHODS["gradcam"]
    assert isinstance(gradcam, Cam)
    known = replace(context, trunk=context.last_maps())

    def predicted() -> Floats:
        prediction, trunk = look(bench.handle, bench.photos[0])
        asked = Context(bench.handle, bench.photos[0], prediction, prediction.best_class, trunk)
        return gradcam.class_maps(asked).all_raw()

    theirs = peers_cam(bench, "gradcam", "layer4", context.index)
    sides: dict[str, Callable[[], object]] = {
        "peer": theirs,
        "given": lambda: gradcam.class_maps(known).all_raw(),
        "predicted": predicted,
    }
    times = interleaved(sides, bench.rounds)
    raw = theirs()
    distance = float(np.abs(heat(exact, "gradcam") - raw).max()) / max(float(raw.max()), 1e-12)
    rows = [
        Row("Grad-CAM, all classes, forward given", times["peer"], times["given"], 0.02),
        Row("its raw map on torch-fp32, off by, of its largest value", None, distance, 1e-4),
        Row("prediction and all CAMs", times["peer"], times["predicted"], 0.45),
    ]
    for name in PEERS:
        peer = peers_cam(bench, name, LAYER, context.index)
        times = interleaved(
            {"peer": peer, "ours": lambda name=name: heat(exact, name, layer=LAYER)}, bench.rounds
        )
        found, right = heat(exact, name, layer=LAYER), peer()
        note = f"off by {off(found, right):.1e}, correlation {correlation(found, right):.4f}"
        rows.append(Row(f"{name} at {LAYER}", times["peer"], times["ours"], 0.6, note))
    return rows


# --- gradients ----------------------------------------------------------------------------------


def captums_path(
    bench: Bench, number: int, target: int, steps: int, rule: str = "gausslegendre"
) -> Floats:
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(bench.plain).attribute(
        torch.from_numpy(bench.photos[number].pixels), target=target, n_steps=steps,
        method=rule, internal_batch_size=8,
    )  # fmt: skip
    return np.asarray(found.detach().numpy()[0].sum(0), np.float32)


def in_float32(bench: Bench) -> list[str]:
    """The engines here that compute and differentiate in float32."""
    return [name for name, handle in bench.handles.items() if handle.gradients.name == name]


def integrated_gradients_equal(bench: Bench) -> list[Row]:
    """On every engine in float32; the target is the fastest one's."""
    kept: dict[str, Floats] = {}

    def theirs() -> None:
        target = bench.question().index
        kept["peer"] = captums_path(bench, 0, target, SAME_STEPS, "riemann_middle")

    def ours(engine: str) -> None:
        values = {"steps": SAME_STEPS, "placement": "equal"}
        kept[engine] = heat(bench.question(engine=engine), "integrated_gradients", **values)

    names = in_float32(bench)
    sides: dict[str, Callable[[], object]] = {"peer": theirs}
    sides |= {name: lambda name=name: ours(name) for name in names}
    times = interleaved(sides, few(bench.rounds))
    rows = []
    for name in names:
        apart = np.abs(kept[name] - kept["peer"]) / np.ptp(kept["peer"])
        most = f"99.9 % of pixels by {np.quantile(apart, 0.999):.1e}"
        what = f"Integrated Gradients, {SAME_STEPS} equal steps, {name}"
        target = 0.70 if name == min(names, key=lambda one: times[one]) else None
        rows.append(Row(what, times["peer"], times[name], target))
        rows.append(Row(OFF, None, float(apart.max()), 1e-3, most))
    return rows


def integrated_gradients_adaptive(bench: Bench) -> list[Row]:
    """Over all photos, each side once a photo, taking turns; captum with its own defaults."""
    theirs, ours, gaps, captum_gaps, taken = [], [], [], [], []
    for number in range(len(bench.photos)):
        context = bench.question(number)
        start = perf_counter()
        peer = captums_path(bench, number, context.index, CAPTUM_STEPS)
        theirs.append(1000 * (perf_counter() - start))
        start = perf_counter()
        found = run(context, "integrated_gradients")
        ours.append(1000 * (perf_counter() - start))
        assert isinstance(found, Attribution)
        facts = {fact.code: fact.value for fact in found.facts}
        change = facts["logit"] - facts["baseline_logit"]
        gaps.append(facts["completeness_gap"])
        taken.append(facts["steps"])
        captum_gaps.append(100 * abs(float(peer.sum(dtype=np.float64)) - change) / abs(change))
    gap, captum_gap = float(np.median(gaps)), float(np.median(captum_gaps))
    note = (
        f"{len(ours)} photos; gap {gap:.1f} % (captum {captum_gap:.1f} %, worst "
        f"{max(gaps):.1f} and {max(captum_gaps):.1f}); "
        f"gradients taken: median {np.median(taken):.0f}, most {max(taken):.0f}"
    )
    what = "Integrated Gradients, adaptive, beside captum's 50"
    middle = (float(np.median(times)) for times in (theirs, ours))
    return [
        Row(what, *middle, 0.45, note),
        Row("its gap beside captum's (per cent)", captum_gap, gap, 1 / 3),
    ]


def integrated_gradients_likeness(bench: Bench) -> list[Row]:
    """How near the adaptive map comes to one of many equal steps, over all photos."""
    exactly = in_float32(bench)[-1]
    likeness = []
    for number in range(len(bench.photos)):
        found = heat(bench.question(number), "integrated_gradients")
        exact = bench.kept(
            f"path-{REFERENCE_STEPS}",
            number,
            lambda number=number: heat(
                bench.question(number, exactly),
                "integrated_gradients",
                steps=REFERENCE_STEPS,
                placement="equal",
            ),
        )
        likeness.append(correlation(pooled(found), pooled(exact)))
    middle = float(np.median(likeness))
    note = (
        f"{len(likeness)} photos, 8×8-pooled, {REFERENCE_STEPS} steps: "
        f"median {middle:.4f}, least {min(likeness):.4f}"
    )
    return [Row("adaptive path: 1 − correlation, median", None, 1 - middle, 0.01, note)]


def smoothgrad(bench: Bench) -> list[Row]:
    from captum.attr import NoiseTunnel, Saliency

    names = in_float32(bench)
    index = bench.question().index
    deviation = 0.15 * float(np.ptp(bench.photos[0].pixels))
    kept: dict[str, Floats] = {}

    def theirs() -> None:
        torch.manual_seed(0)
        found = NoiseTunnel(Saliency(bench.plain)).attribute(
            bench.picture.clone().requires_grad_(), nt_samples=SAMPLES, nt_samples_batch_size=5,
            stdevs=deviation, target=index, abs=False,
        )  # fmt: skip
        kept["peer"] = np.asarray(found.detach().abs()[0].sum(0).numpy())

    def ours(engine: str) -> None:
        kept[engine] = heat(bench.question(engine=engine), "smoothgrad", samples=SAMPLES)

    sides: dict[str, Callable[[], object]] = {"peer": theirs}
    sides |= {name: lambda name=name: ours(name) for name in names}
    times = interleaved(sides, few(bench.rounds))
    rows = []
    for name in names:
        target = 0.70 if name == min(names, key=lambda one: times[one]) else None
        what = f"SmoothGrad, {SAMPLES} samples, {name}"
        rows.append(Row(what, times["peer"], times[name], target))
        rows.append(Row(OFF, None, off(kept[name], kept["peer"]), 1e-3, "the same seed"))
    return rows


def few(rounds: int) -> int:
    """How many rounds are worth their time where a side takes seconds: 3 of the default 15."""
    return -(-rounds // 5)


# --- occlusion ----------------------------------------------------------------------------------


def captums_occlusion(bench: Bench, target: int) -> Floats:
    from captum.attr import Occlusion

    found = Occlusion(bench.plain).attribute(
        bench.picture, sliding_window_shapes=(3, 32, 32), strides=(3, 16, 16), target=target,
        perturbations_per_eval=8,
    )  # fmt: skip
    return np.asarray(found.detach().numpy()[0, 0])


def first_picture(events: Events[Explanation]) -> None:
    """Drive a job to its first partial map behind the coarse grid."""
    for event in events:
        if isinstance(event, Partial):
            facts = {fact.code: fact.value for fact in event.value.facts}
            if facts["windows"] >= 49:
                return


def occlusion(bench: Bench) -> list[Row]:
    """Exact on every engine, then the first picture and the end of anytime, beside captum's."""
    target = bench.question().index
    kept: dict[str, Floats] = {}

    def theirs() -> None:
        kept["peer"] = captums_occlusion(bench, target)

    def exact(name: str) -> None:
        kept[name] = heat(bench.question(engine=name), "occlusion", mode="exact")

    sides: dict[str, Callable[[], object]] = {"peer": theirs}
    names = [name for name in bench.handles if name != "torch-bf16"]
    sides |= {name: lambda name=name: exact(name) for name in names}
    method, values = METHODS["occlusion"], parameters("occlusion", {})
    sides["first"] = lambda: first_picture(method.run(bench.question(), values))
    sides["anytime"] = lambda: run(bench.question(), "occlusion")
    times = interleaved(sides, few(bench.rounds))
    rows = []
    fastest_exact = min((n for n in names if n.endswith("fp32")), key=lambda name: times[name])
    for name in names:
        fast = name == fastest_exact or name.endswith("bf16")
        bound = 5e-2 if name.endswith("bf16") else 1e-3
        limit = EXACT[name.endswith("bf16")] if fast else None
        rows.append(Row(f"occlusion, exact, {name}", times["peer"], times[name], limit))
        rows.append(Row(OFF, None, off(kept[name], kept["peer"]), bound))
    engine = bench.handle.engine.name
    rows.append(Row(f"first coarse picture, {engine}", times["peer"], times["first"], 0.12))
    rows.append(Row(f"occlusion, anytime, {engine}", times["peer"], times["anytime"], 0.20))
    return rows


def anytime(bench: Bench) -> list[Row]:
    """How near anytime comes to exact, over all photos, on the fastest engine."""
    near, likeness, told, windows = [], [], [], []
    for number in range(len(bench.photos)):
        context = bench.question(number)
        whole = run(context, "occlusion", mode="exact")
        part = run(context, "occlusion")
        assert isinstance(whole, Attribution)
        assert isinstance(part, Attribution)
        assert whole.windows is not None
        assert part.windows is not None
        best, true = (
            np.array(np.unravel_index(np.nanargmin(w.logits), w.logits.shape))
            for w in (part.windows, whole.windows)
        )
        near.append(np.abs(best - true).max() <= 1)
        likeness.append(correlation(part.heat, whole.heat))
        facts = {fact.code: fact.value for fact in part.facts}
        told.append(facts["spot_error"])
        windows.append(facts["windows"])
    note = (
        f"{len(near)} photos, {np.median(windows):.0f} of 169 windows; strongest within one "
        f"stride: {np.mean(near):.0%}; correlation median {np.median(likeness):.3f}, least "
        f"{min(likeness):.3f}, ≥ 0.95 on {np.mean(np.array(likeness) >= 0.95):.0%}; error told: "
        f"median {np.median(told):.1f} % of the range"
    )
    return [
        Row("anytime: 1 − share within one stride", None, 1 - float(np.mean(near)), 0.05, note),
        Row("anytime: 1 − correlation, median", None, 1 - float(np.median(likeness)), 0.05),
    ]


# --- the whole drop -----------------------------------------------------------------------------


def drop(bench: Bench) -> list[Row]:
    """From the file to the last panel drawn, beside plain, grad-cam and captum in a row."""
    path = bench.paths[0]
    first: dict[str, float] = {}

    def theirs() -> None:
        target = bench.question().index
        with torch.no_grad():
            bench.plain(bench.picture)
        peers_cam(bench, "gradcam", "layer4", target)()
        captums_path(bench, 0, target, CAPTUM_STEPS)
        captums_occlusion(bench, target)

    def ours() -> None:
        first.clear()
        start = perf_counter()
        encoded = load(source_of(str(path)))
        prepared, photo = prepare_encoded(encoded, bench.handle.spec), decode_for_display(encoded)
        for event in explain(bench.handle, prepared):
            if isinstance(event, Partial | Result):
                for found in event.value.explanations:
                    if found.method not in first or isinstance(event, Result):
                        png(found, photo)
                        first.setdefault(found.method, 1000 * (perf_counter() - start))

    times = interleaved({"peer": theirs, "ours": ours}, few(bench.rounds))
    shown = ", ".join(f"{name} {ms / 1000:.1f} s" for name, ms in first.items())
    note = f"first pictures one after another, each drawn to a PNG: {shown}"
    return [
        Row("five panels, file to last PNG", times["peer"], times["ours"], 0.35, note),
        Row("five panels (ms)", None, times["ours"], 8000.0),
    ]


# --- memory -------------------------------------------------------------------------------------

EXPLAIN = """
import gc, sys
sys.path.insert(0, sys.argv[1])
from petvision.events import result_of
from petvision.explain.registry import METHODS
from petvision.images.inputs import source_of
from petvision.images.prepare import prepare_encoded
from petvision.images.door import decode_for_display, load
from petvision.figures.render import png
from petvision.models.handle import open_model
from petvision.explain.run import explain
def mib(name):
    # not getrusage: a child inherits the largest size of who started it
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) / 1024
handle = open_model(sys.argv[2], engine=sys.argv[3])
quick = {
    "integrated_gradients": {"steps": 2, "placement": "equal"},
    "occlusion": {"window": 112, "stride": 112},
}
few = len(sys.argv) > 6
for number, path in enumerate(sys.argv[5:]):
    encoded = load(source_of(path))
    prepared, photo = prepare_encoded(encoded, handle.spec), decode_for_display(encoded)
    found = result_of(explain(handle, prepared, parameters=quick if few else {}))
    if not few or number % 50 == 0:
        [png(one, photo) for one in found.explanations]
    if number in (int(sys.argv[4]), len(sys.argv) - 6):
        gc.collect()
        print(mib("VmRSS"), flush=True)
print(mib("VmHWM"))
"""


def process(bench: Bench, paths: Sequence[Path], settled: int = 0) -> list[float]:
    """Explain photos in a process of their own; MiB after ``settled`` and all, and the peak."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", EXPLAIN, str(root), bench.model, bench.handle.engine.name]
    told = subprocess.run(
        [*command, str(settled), *map(str, paths)], capture_output=True, text=True, check=True
    )
    return [float(line) for line in told.stdout.split()]


def memory(bench: Bench) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        small = Image.effect_noise((1200, 900), 64).convert("RGB")
        small.resize((12000, 9000)).save(large, quality=85)
        peaks = [process(bench, [path])[-1] for path in (bench.paths[0], large)]
    return [
        Row("peak memory, all panels (MiB)", None, peaks[0], 1400.0),
        Row("peak memory, 12,000×9,000 photo (MiB)", None, peaks[1], 1800.0),
    ]


def growth(bench: Bench, count: int) -> list[Row]:
    """How much a process grows from the tenth photo to the last, with few steps and windows each.

    What could be left over is left over once a photo, however many passes it took.
    """
    paths = [bench.paths[i % len(bench.paths)] for i in range(count)]
    before, after, _ = process(bench, paths, settled=min(10, count // 2))
    what = f"growth over {count} photos (MiB)"
    return [Row(what, None, after - before, 50.0, f"{before:.0f} → {after:.0f} MiB")]


ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "cams": cams,
    "ig": integrated_gradients_equal,
    "adaptive": integrated_gradients_adaptive,
    "path": integrated_gradients_likeness,
    "smoothgrad": smoothgrad,
    "occlusion": occlusion,
    "anytime": anytime,
    "drop": drop,
    "memory": memory,
}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    bench = _bench(options)
    rows: list[Row] = []
    chosen = options.rows.split(",") if options.rows else list(ROWS)
    for name in chosen:
        measured = ROWS[name](bench)
        rows.extend(measured)
        print(table(measured), file=sys.stderr, flush=True)
    if options.growth:
        rows.extend(growth(bench, options.growth))
    print(report(f"explanations with {bench.handle.card.name}", rows, options.json))


def _bench(options: argparse.Namespace) -> Bench:
    path = find(options.model)
    handle = load_handle(read_model(path), "cpu")
    photos = labelled_photos(parse_spec(options.data))
    chosen = random.Random(options.seed).sample(photos, min(options.photos, len(photos)))
    handles = {name: with_fast_engine(handle, name) for name in available(handle)}
    return Bench(
        handle=with_fast_engine(handle, "auto"),
        handles=handles,
        plain=plain_network(path),
        photos=[open_prepared(source_of(str(p.path)), handle.spec) for p in chosen],
        paths=[p.path for p in chosen],
        rounds=options.rounds,
        model=options.model,
        keep=options.keep,
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="labelled photos, such as pets:DIR")
    parser.add_argument("--model", default="catdog-resnet101", help="a name or a file")
    parser.add_argument("--photos", type=int, default=50, help="for the rows over many photos")
    parser.add_argument("--rows", help=f"some of {','.join(ROWS)} (all)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the choice of photos")
    parser.add_argument("--growth", type=int, default=0, help="memory over so many photos, too")
    parser.add_argument("--keep", type=Path, help="a folder for the maps compared with")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
