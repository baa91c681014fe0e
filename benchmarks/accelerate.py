"""What each fast piece of ``models/fast/`` gains in the runs that people do, on a processor.

Every run is made with all pieces, without each piece in turn, and with none. The variants take
turns, so that other work on the machine slows all of them. The gain of a piece is the median over
the rounds of the time without the piece divided by the time with all pieces. A piece that gains less
than 1.2 in all runs is not worth its code. The last line is JSON: run, then variant, to gain.
"""

import argparse
import contextlib
import json
import statistics
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
import yaml

from virtual_staining.artefacts.generator import Tiling
from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.models import model
from virtual_staining.models.build import build_generators, build_model
from virtual_staining.models.fast import accelerate
from virtual_staining.models.networks import initialize
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
PIECES = {
    "norm": ["InstanceNorm"],
    "winograd": ["WinogradConv2d"],
    "im2col": ["MatrixConv2d", "MatrixConvTranspose2d"],
    "upsampling": [],
    "adam": [],
}
MODELS = ("paired_cyclegan", "pix2pix")


def settings_of(model_name, size, batch):
    block = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]
    if size == "demo":
        block |= yaml.safe_load((ROOT / "profiles/demo/study.yaml").read_text())["train"]
    block |= {"model": model_name, "seed": 1, "precision": "fp32"}
    block |= {"batch": batch} if batch else {}
    return from_dict(TrainSettings, block)


@contextlib.contextmanager
def without(pieces):
    """Leave pieces out of the networks and optimizers that are built inside the block."""
    dropped = {name for piece in pieces for name in PIECES[piece]}
    layers = [layer for layer in accelerate.LAYERS if layer.__name__ not in dropped]
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(accelerate, "LAYERS", layers))
        if "upsampling" in pieces:
            stack.enter_context(patch.object(accelerate, "fold_upsampling", lambda layers: None))
        if "adam" in pieces:
            stack.enter_context(
                patch.object(model, "StoredOrderAdam", partial(torch.optim.Adam, fused=True))
            )
        yield


def training_step(settings):
    """Return a function that makes one training step."""
    built = build_model(settings, CPU)
    generator = torch.Generator().manual_seed(0)
    shape = (settings.batch, 3, settings.patch_px, settings.patch_px)
    ct, slide = (torch.rand(shape, generator=generator) * 2 - 1 for _ in "ab")
    batch = Batch(ct, slide, torch.ones_like(ct[:, :1]))
    return lambda: built.step(batch, 1)


def staining(settings):
    """Return a function that stains a plane of four tiles' width with overlapping tiles."""
    network = initialize(build_generators(settings)["slide"]).eval()
    network = accelerate.accelerate(network)
    tiling = Tiling(settings.patch_px, settings.patch_px // 2, 8)
    plane = torch.rand(3, 2 * settings.patch_px, 2 * settings.patch_px) * 2 - 1
    size = (tiling.patch_px, tiling.step_px, tiling.batch_patches)
    return lambda: stain_plane(network, plane.numpy(), *size, CPU)


def measure(make, settings, rounds):
    """Return the seconds of every variant, round by round."""
    variants = {"all": [], "none": list(PIECES)} | {f"no {p}": [p] for p in PIECES}
    runs = {}
    for name, pieces in variants.items():
        with without(pieces):
            runs[name] = make(settings)
    for run in runs.values():
        run()
    seconds, cpu = ({name: [] for name in runs} for _ in "ab")
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter(), time.process_time()
            run()
            seconds[name].append(time.perf_counter() - start[0])
            cpu[name].append(time.process_time() - start[1])
    return seconds, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["demo", "paper"])
    parser.add_argument("--runs", nargs="+", default=["train", "stain"])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, help="patches a step instead of the configured number")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    set_up_processor(args.threads)
    gains = {}
    for run in args.runs:
        for size in args.sizes:
            for name in args.models:
                settings = settings_of(name, size, args.batch)
                make = training_step if run == "train" else staining
                seconds, cpu = measure(make, settings, args.rounds)
                ratios = {
                    variant: statistics.median(
                        a / b for a, b in zip(times, seconds["all"], strict=True)
                    )
                    for variant, times in seconds.items()
                }
                gains[f"{run} {size} {name}"] = {k: round(v, 3) for k, v in ratios.items()}
                print(
                    f"{run} {size} {name} ({statistics.median(seconds['all']):.3g} s)", flush=True
                )
                for variant, ratio in ratios.items():
                    c = statistics.median(
                        a / b for a, b in zip(cpu[variant], cpu["all"], strict=True)
                    )
                    print(f"  {variant:14} {ratio:5.2f}  cpu {c:5.2f}", flush=True)
    print(json.dumps(gains))


if __name__ == "__main__":
    main()
