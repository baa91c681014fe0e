"""What each piece of ``models/fast/`` gains in the runs that people do, on a processor.

    python benchmarks/accelerate.py [--runs train stain] [--sizes demo paper] [--rounds 5]

A run is a training step, or the staining of a plane, with the demo's or the paper's sizes. Networks
with and without a piece take turns, so that other work on the machine slows both alike. The gain of
a piece is the time without it divided by the time with it, as the median over the rounds: of the
time on the clock, and of the processor's time, which other work disturbs less. A piece that gains
less than 1.2 in every run is not worth its code. The last line is JSON: run, then piece, to gains.
"""

import argparse
import contextlib
import json
import statistics
import time
from pathlib import Path
from unittest.mock import patch

import torch
import yaml

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.models.build import build_generators, build_model
from virtual_staining.models.fast import accelerate
from virtual_staining.models.initialization import initialize
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
PIECES = {
    "norm": {"InstanceNorm"},
    "winograd": {"WinogradConv2d"},
    "upsampling": {"fold_upsampling"},
}
PIECES["all pieces"] = set().union(*PIECES.values())


def settings_of(model, size, batch):
    block = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["train"]
    if size == "demo":
        study = (ROOT / "profiles/demo/study.yaml").read_text(encoding="utf-8")
        block |= yaml.safe_load(study)["train"]
    block |= {"model": model, "seed": 1, "precision": "fp32"}
    block |= {"batch": batch} if batch else {}
    return from_dict(TrainSettings, block)


@contextlib.contextmanager
def without(piece):
    """Leave a piece out of the networks that are built inside the block."""
    kept = [layer for layer in accelerate.LAYERS if layer.__name__ not in PIECES[piece]]
    with patch.object(accelerate, "LAYERS", kept), contextlib.ExitStack() as stack:
        if "fold_upsampling" in PIECES[piece]:
            stack.enter_context(patch.object(accelerate, "fold_upsampling", lambda layers: None))
        yield


def training_step(settings):
    """Return a function that makes one training step."""
    model = build_model(settings, CPU)
    generator = torch.Generator().manual_seed(0)
    shape = (settings.batch, 3, settings.patch_px, settings.patch_px)
    ct, slide = (torch.rand(shape, generator=generator) * 2 - 1 for _ in "ab")
    batch = Batch(ct, slide, torch.ones_like(ct[:, :1]))
    return lambda: model.step(batch, 1)


def staining(settings):
    """Return a function that stains a plane with nine overlapping tiles."""
    network = accelerate.accelerate(initialize(build_generators(settings)["slide"])).eval()
    side = settings.patch_px
    plane = torch.rand(3, 2 * side, 2 * side).numpy() * 2 - 1
    return lambda: stain_plane(network, plane, side, side // 2, 8, CPU)


RUNS = {"train": training_step, "stain": staining}


def seconds(function):
    """Return the time of a call on the clock, and the processor's time."""
    start = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def gains(make, settings, piece, rounds):
    """Return the gain of a piece on the clock and in processor time."""
    fast = make(settings)
    with without(piece):
        plain = make(settings)
    fast(), plain()
    times = [(seconds(fast), seconds(plain)) for _ in range(rounds)]
    return [statistics.median(b[k] / a[k] for a, b in times) for k in (0, 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--sizes", nargs="+", choices=["demo", "paper"], default=["demo", "paper"])
    parser.add_argument("--models", nargs="+", default=["paired_cyclegan", "pix2pix"])
    parser.add_argument("--pieces", nargs="+", choices=PIECES, default=list(PIECES))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    parser.add_argument("--batch", type=int, help="patches a step instead of the configured number")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    args = parser.parse_args()
    set_up_processor(args.threads)
    result = {}
    cases = [(r, s, m) for r in args.runs for s in args.sizes for m in args.models]
    for run, size, model in cases:
        name = f"{run} {size} {model}"
        result[name] = {}
        for piece in args.pieces:
            clock, cpu = gains(RUNS[run], settings_of(model, size, args.batch), piece, args.rounds)
            result[name][piece] = {"clock": round(clock, 3), "cpu": round(cpu, 3)}
            print(f"{name:30} {piece:12} {clock:5.2f}  processor time {cpu:5.2f}", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
