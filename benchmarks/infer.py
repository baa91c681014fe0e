"""Tiled inference against MONAI's sliding window: time, equality, and the steps at tiles' borders.

    python benchmarks/infer.py [--features 32] [--plane-px 1024] [--results results/demo]

Both sides pass one plane through the same ResNet (instance norm, weights of a fixed seed) in the
same tiles with the same uniform window, on one core, in one run, in turns. ``speedup_vs_monai`` is
the product's code, fast layers included, against MONAI with the plain network;
``speedup_same_network`` and ``speedup_same_fast_network`` have the same layers on both sides, so
that only the tiling differs. ``network_share`` is the part of MONAI's time that the network alone
takes in the same tiles: its inverse bounds what any tiling can gain. ``speedup_product_way`` is
what the product gains by its own way, Hann at half a tile, against the uniform window at a quarter
(the paper's) by MONAI; its border steps are smaller. MONAI's own smooth window (Gaussian) at half a
tile gains as much, which ``speedup_hann_vs_monai_gaussian`` shows. With the results of a finished
study, ``product_speedup_vs_monai`` compares whole planes with MONAI's defaults (infer_study.py). A
border step is the mean step between rows or columns where tiles begin over the mean step elsewhere;
``…_without_tiles`` is that of the plane itself. Times are the least processor time of the rounds.
MONAI is installed from the package index into a temporary folder, for this comparison alone; where
that fails, the benchmark says so and ends with an error. The last line is JSON.
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import infer_study
import numpy as np
import torch
from scipy import ndimage

from virtual_staining.imaging.tile_starts import tile_starts
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.models.build import build_generators
from virtual_staining.models.fast.accelerate import accelerate
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.train import TrainSettings

MONAI = "monai==1.5.0"
PATCH_PX, BATCH = 256, 4


def import_monai(folder):
    """Install MONAI without its dependencies, which are here already, and import its window."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    done = subprocess.run([*command, MONAI], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{MONAI} cannot be installed, so there is no comparison:\n{done.stderr}")
    sys.path.insert(0, folder)
    from monai.inferers import sliding_window_inference

    return sliding_window_inference


def make_plane(side_px):
    """Specimens of several densities and textures on air, (3, side, side) in [-1, 1].

    Tiles differ in mean and contrast, so that instance norm treats their common pixels unequally.
    """
    rng = np.random.default_rng(0)
    blobs = ndimage.gaussian_filter(rng.normal(size=(side_px, side_px)), side_px / 12)
    level = np.digitize(blobs, np.quantile(blobs, [0.4, 0.6, 0.85])) / 2 - 1
    texture = ndimage.gaussian_filter(rng.normal(size=(side_px, side_px)), 1.5)
    grey = ndimage.gaussian_filter(level + (level + 1) * 0.3 * texture / texture.std(), 1)
    return torch.from_numpy(grey.clip(-1, 1).astype(np.float32)).expand(3, *grey.shape).clone()


def timed(work, rounds):
    """Least processor seconds of pieces of work, whose rounds take turns, and last results."""
    seconds, results = dict.fromkeys(work, float("inf")), {}
    for _ in range(rounds):
        for name, function in work.items():
            start = time.process_time()
            results[name] = function()
            seconds[name] = min(seconds[name], time.process_time() - start)
    return seconds, results


def border_step(image, step_px):
    """Mean step between rows, or columns, where tiles begin, over the mean step elsewhere."""
    grey = ((image.clamp(-1, 1) + 1) * 127.5).mean(0).double().numpy()
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        border = (np.arange(len(steps)) + 1) % step_px == 0
        ratios.append(steps[border].mean() / steps[~border].mean())
    return float(np.mean(ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, default=32, help="64 in the paper")
    parser.add_argument("--plane-px", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", type=Path, help="results of a finished study")
    args = parser.parse_args()
    set_up_processor(1)
    torch.manual_seed(0)
    settings = TrainSettings(model="paired_cyclegan", seed=1, features=args.features)
    network = dict(build_generators(settings))["slide"].eval()
    fast = accelerate(copy.deepcopy(network)).eval()
    plane = make_plane(args.plane_px)

    def ours(generator, step_px, window):
        return stain_plane(generator, plane, PATCH_PX, step_px, BATCH, "cpu", window)[0]

    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        sliding_window = import_monai(folder)

        def monai(generator, step_px, mode):
            size, overlap = (PATCH_PX, PATCH_PX), 1 - step_px / PATCH_PX
            return sliding_window(plane[None], size, BATCH, generator, overlap, mode=mode)[0]

        def network_alone():
            starts = tile_starts(args.plane_px, PATCH_PX, 64)
            for first in range(0, len(starts) ** 2, BATCH):
                network(tiles[: min(BATCH, len(starts) ** 2 - first)])

        tiles = plane[None, :, :PATCH_PX, :PATCH_PX].repeat(BATCH, 1, 1, 1)
        work = {
            "network": network_alone,
            "monai": lambda: monai(network, 64, "constant"),
            "monai_fast": lambda: monai(fast, 64, "constant"),
            "monai_gaussian": lambda: monai(fast, 128, "gaussian"),
            "plain": lambda: ours(network, 64, "uniform"),
            "uniform": lambda: ours(fast, 64, "uniform"),
            "hann": lambda: ours(fast, 128, "hann"),
        }
        with warnings.catch_warnings():  # MONAI indexes by lists, which torch is giving up
            warnings.simplefilter("ignore")
            seconds, images = timed(work, args.rounds)
            study = {}
            if args.results:
                study = infer_study.study_figures(args.results, sliding_window, args.rounds)
    for name, value in seconds.items():
        print(f"{name:14} {value:7.2f} s a plane of {args.plane_px} px")
    found = {
        "speedup_vs_monai": seconds["monai"] / seconds["uniform"],
        "speedup_same_network": seconds["monai"] / seconds["plain"],
        "speedup_same_fast_network": seconds["monai_fast"] / seconds["uniform"],
        "network_share": seconds["network"] / seconds["monai"],
        "speedup_product_way": seconds["monai"] / seconds["hann"],
        "speedup_hann_vs_monai_gaussian": seconds["monai_gaussian"] / seconds["hann"],
        "hann_speedup": seconds["uniform"] / seconds["hann"],
        "border_step_uniform": border_step(images["uniform"], 64),
        "border_step_hann": border_step(images["hann"], 128),
        "border_step_monai_gaussian": border_step(images["monai_gaussian"], 128),
        "border_step_without_tiles_uniform": border_step(plane, 64),
        "border_step_without_tiles_hann": border_step(plane, 128),
        **study,
    }
    found = {name: round(float(value), 3) for name, value in found.items()}
    # Of the same network in the same tiles: only the order of sums may differ.
    found["max_difference_to_monai"] = float((images["plain"] - images["monai"]).abs().max())
    found["max_difference_fast_layers"] = float((images["uniform"] - images["monai"]).abs().max())
    print(json.dumps(found | {"features": args.features, "plane_px": args.plane_px}))


if __name__ == "__main__":
    main()
