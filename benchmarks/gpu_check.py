"""What can only be seen on a GPU: the processor's results, and how fast they come.

    make gpu-check
    python benchmarks/gpu_check.py --device cpu --small    # tries this file itself, proves nothing

In some ten minutes: a training step of every model, a tile-wise stained slide, a stained volume and
the patches of the sampler, each on the processor and on the GPU from the same weights; two equal
trainings on the GPU; a checkpoint of the GPU read on the processor; the sentence for a full GPU
memory; and with the configuration's sizes the seconds of a step, its share of the peak of matrix
products, tiles per second and memory. ``claims`` in the JSON says for each place of the program
that treats a GPU otherwise whether this run has proven it. The last line is JSON; the status is 1
where a claim failed. Without a GPU the status is 2.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode
from train_side import make_batch, settings_of
from train_step import peak_flops

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.cli import explain
from virtual_staining.imaging.ct_plane import PaperFilter
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.infer.slides import stain_pair
from virtual_staining.models.build import build_model
from virtual_staining.models.fast.layers import ReflectionPad
from virtual_staining.models.model import uses_bfloat16
from virtual_staining.runtime import choose_device, device_name, set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.infer import InferSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.ensemble import load_stainer
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.volume import Staining, write_stained_volume
from virtual_staining.train.schedule import build_samplers

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
MODELS = ("paired_cyclegan", "pix2pix", "cyclegan")
STEPS = 3  # compared; rounding grows from step to step
LOSS_TOLERANCE = 2e-3  # relative, of float32 with its sums in another order
BFLOAT16_TOLERANCE = 0.1  # relative, of losses where the chip's own number format is taken
PATCH_TOLERANCE = 1e-4  # of images between -1 and 1
LEVELS_TOLERANCE = 2  # 8-bit levels of a stained image, of which the mean is compared as well
MEAN_TOLERANCE = 0.05
# Each place of the program that treats a GPU otherwise, and what proves it here.
CLAIMS = {
    "runtime.py": "device",
    "imaging/sampling/resident.py": "patches",
    "models/fast/layers.py": "padding",
    "models/fast/winograd.py": "step_paired_cyclegan",
    "models/model.py": "bfloat16",
    "train/loop.py": "memory",
    "train/checkpoint.py": "checkpoint",
    "cli.py": "out_of_memory",
}


def config() -> dict:
    return yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def trained(model: str, device: torch.device, args, precision: str = "fp32"):
    """Return a model after some steps, and the losses of each step."""
    settings = settings_of(model, precision, args)
    torch.manual_seed(1)
    ours, batch = build_model(settings, device), make_batch(settings, device)
    losses = [ours.step(batch, seed).tolist() for seed in range(STEPS)]
    return ours, np.array(losses)


def compare_step(model: str, device: torch.device, args, precision: str = "fp32") -> float:
    """Return the largest relative difference of the losses between processor and device."""
    _, expected = trained(model, CPU, args)
    _, found = trained(model, device, args, precision)
    return float(np.max(np.abs(found - expected) / np.maximum(np.abs(expected), 1e-3)))


def is_repeatable(device: torch.device, args) -> bool:
    """Whether two equal trainings on the device end in equal weights, bit for bit."""
    first, second = (trained("paired_cyclegan", device, args)[0] for _ in range(2))
    pairs = zip(first.generators.parameters(), second.generators.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def pads_alike(device: torch.device) -> bool:
    """Whether the padding of the device repeats its gradient and gives the processor's values."""
    images = torch.rand(2, 8, 40, 40, generator=torch.Generator().manual_seed(0))
    results = []
    for place in (CPU, device, device):
        x = images.to(place, copy=True).requires_grad_()
        padded = ReflectionPad(3)(x)
        padded.square().sum().backward()
        results.append((padded.detach().cpu(), x.grad.cpu()))
    (values, gradient), *found = results
    same = all(torch.equal(values, v) and torch.allclose(gradient, g) for v, g in found)
    return same and torch.equal(found[0][1], found[1][1])


def is_portable(folder: Path, device: torch.device, args) -> bool:
    """Whether a checkpoint of the device goes on on the processor with the same weights."""
    there, _ = trained("paired_cyclegan", device, args)
    torch.save(there.state_dict(), folder / "state.pt")
    here = build_model(there.settings, CPU)
    here.load_state_dict(torch.load(folder / "state.pt", map_location="cpu", weights_only=True))
    pairs = zip(there.generators.parameters(), here.generators.parameters(), strict=True)
    here.step(make_batch(here.settings, CPU), 9)
    return all(a.shape == b.shape for a, b in pairs)


def make_pair(edge: int) -> TrainingPair:
    """Blobs and noise, all of it tissue."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:edge, :edge]
    blobs = 20000 + 9000 * (np.sin(y / 9) + np.sin(x / 7)) + rng.normal(0, 900, (edge, edge))
    slide = np.stack([blobs / 250, blobs / 300, blobs / 220], -1).clip(0, 255)
    mask = np.ones((edge, edge), bool)
    return TrainingPair("s", blobs.clip(1, 65535).astype(np.uint16), slide.astype(np.uint8), mask)


def compare_patches(device: torch.device, args) -> float:
    """Return the largest difference of a batch drawn on the processor and on the device."""
    settings = settings_of("pix2pix", "fp32", args)
    batches = []
    for place in (CPU, device):
        sampler, _ = build_samplers(settings, [make_pair(4 * settings.patch_px)], [], place)
        batches.append(sampler.batch(sampler.plan(1, 1), slice(0, settings.batch)))
    return max(
        float((a.cpu() - b.cpu()).abs().max())
        for a, b in zip(*(vars(batch).values() for batch in batches), strict=True)
        if a is not None
    )


def generator_file(folder: Path, args) -> Path:
    settings = settings_of("paired_cyclegan", "fp32", args)
    torch.manual_seed(1)
    model = build_model(settings, CPU)
    write_generator(folder / "generator.pt", settings, model.generators.state_dict(), 1, "last")
    return folder / "generator.pt"


def levels_apart(expected: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Return the largest and the mean difference of two images, 8-bit levels."""
    apart = np.abs(expected.astype(float) - found.astype(float))
    return float(apart.max()), float(apart.mean())


def compare_slide(file: Path, device: torch.device, args) -> tuple[float, float]:
    side = 64 if args.small else 256
    block = {**config()["infer"], "patch_px": side, "step_px": side // 2}
    settings = from_dict(InferSettings, block)
    pair = make_pair(2 * side + 30)
    slides = [stain_pair(load_generators(file, place), pair, settings).slide for place in
              (CPU, device)]  # fmt: skip
    return levels_apart(*slides)


def compare_volume(folder: Path, file: Path, device: torch.device, args) -> tuple[float, float]:
    side = 64 if args.small else 256
    values = np.random.default_rng(0).integers(0, 60000, (3, side + 40, side + 40))
    omezarr.write_volume_pyramid(folder / "ct.ome.zarr", values.astype(np.uint16), 5.0)
    ct = omezarr.open_volume_pyramid(folder / "ct.ome.zarr")[0]
    block = {**config()["stain"], "patch_px": side, "step_px": side, "specimen_only": False}
    settings = from_dict(StainSettings, block)
    volumes = []
    for place in (CPU, device):
        out = StainedVolumeFolder(folder / place.type / str(len(volumes)))
        stain = load_stainer([file], settings, place)
        staining = Staining(ct, (1.0, 0.0), stain, PaperFilter(settings.sigma_voxel))
        kept = KeptSlabs(out.kept_slabs("check"), ct.array.shape)
        staining.stain(kept, staining.slabs)
        write_stained_volume(staining, kept, out)
        volumes.append(np.asarray(open_rgba(out.zarr)[0].array[:]))
    return levels_apart(*volumes)


def full_memory_sentence(device: torch.device) -> str:
    """Return what the program says where the device's memory does not suffice."""
    try:
        torch.empty(1 << 50, dtype=torch.uint8, device=device)
    except (RuntimeError, MemoryError) as error:
        return explain(error, argparse.Namespace(out="results", stage="train")) or ""
    return ""


def speeds(file: Path, device: torch.device, args) -> dict:
    """Return seconds a step, share of the matrix peak, tiles per second and memory."""
    found: dict = {}
    for model in ("paired_cyclegan", "pix2pix"):
        settings = settings_of(model, "auto", args)
        ours, batch = build_model(settings, device), make_batch(settings, device)
        with FlopCounterMode(display=False) as counter:
            ours.step(batch, 1)
        step_s = timed(lambda: ours.step(batch, 1), device, args.seconds)  # noqa: B023
        fast = torch.bfloat16 if uses_bfloat16("auto", device) else torch.float32
        peak = peak_flops(fast, device)
        found[model] = {
            "step_s": round(step_s, 5),
            "patches_per_s": round(settings.batch / step_s, 3),
            "share_of_peak": round(counter.get_total_flops() / step_s / peak, 3),
        }
    side = 64 if args.small else 256
    block = {**config()["stain"], "patch_px": side, "step_px": side, "specimen_only": False}
    stain = load_stainer([file], from_dict(StainSettings, block), device)
    plane = np.full((4 * side, 4 * side), 20000, np.float32)
    found["tiles_per_s"] = round(16 / timed(lambda: stain(plane, None), device, args.seconds), 2)
    if device.type == "cuda":
        found["memory_gib"] = round(torch.cuda.max_memory_allocated(device) / 2**30, 2)
    return found


def timed(work, device: torch.device, seconds: float) -> float:
    """Return the seconds of one call, from as many as fit into some seconds, after two others."""
    for _ in range(2):
        work()
    calls, start = 0, time.perf_counter()
    while True:
        work()
        calls += 1
        if device.type == "cuda":
            torch.cuda.synchronize()
        passed = time.perf_counter() - start
        if passed > seconds:
            return passed / calls


def check(device: torch.device, args) -> dict:
    """Return all figures, and for each claim whether it holds."""
    found: dict = {"device": device_name(device), "torch": torch.__version__}
    passed = {"device": device.type == args.device}
    torch.backends.cudnn.allow_tf32 = False  # while results are compared
    for model in MODELS:
        found[f"step_{model}"] = compare_step(model, device, args)
        passed[f"step_{model}"] = found[f"step_{model}"] <= LOSS_TOLERANCE
        say(f"step of {model}: losses apart by {found[f'step_{model}']:.2g} of their value")
    found["patches"] = compare_patches(device, args)
    passed["patches"] = found["patches"] <= PATCH_TOLERANCE
    say(f"patches of the sampler: apart by {found['patches']:.2g}")
    found["bfloat16"] = compare_step("paired_cyclegan", device, args, "auto")
    passed["bfloat16"] = found["bfloat16"] <= BFLOAT16_TOLERANCE
    passed["padding"] = pads_alike(device)
    found["repeatable"] = is_repeatable(device, args)  # not promised of a GPU
    say(f"two equal trainings end in equal weights: {found['repeatable']}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        passed["checkpoint"] = is_portable(folder, device, args)
        file = generator_file(folder, args)
        for what, apart in (
            ("slide", compare_slide(file, device, args)),
            ("volume", compare_volume(folder, file, device, args)),
        ):
            found[what] = dict(zip(("most_levels", "mean_levels"), apart, strict=True))
            passed[what] = apart[0] <= LEVELS_TOLERANCE and apart[1] <= MEAN_TOLERANCE
            say(f"{what}: apart by {apart[0]:.0f} levels at most, {apart[1]:.2g} on average")
        torch.backends.cudnn.allow_tf32 = True
        found["speed"] = speeds(file, device, args)
    passed["memory"] = device.type == "cpu" or found["speed"]["memory_gib"] > 0
    passed["out_of_memory"] = "memory is full" in full_memory_sentence(device)
    proven = {place: passed[name] and device.type == "cuda" for place, name in CLAIMS.items()}
    return {**found, "passed": passed, "claims": proven}


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks and patches: a trial")
    parser.add_argument("--seconds", type=float, default=20, help="of each timing (default: 20)")
    args = parser.parse_args()
    args.patch_px = args.batch = None
    if args.device == "cuda" and not torch.cuda.is_available():
        print("This machine has no GPU that PyTorch finds, so nothing was checked; see "
              "`nvidia-smi`.", file=sys.stderr)  # fmt: skip
        sys.exit(2)
    set_up_processor(torch.get_num_threads())
    device = choose_device() if args.device == "cuda" else CPU
    found = check(device, args)
    print(json.dumps(found))
    sys.exit(not all(found["passed"].values()))


if __name__ == "__main__":
    main()
