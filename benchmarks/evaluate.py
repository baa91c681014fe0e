"""Cost of each metric, and SSIM against scikit-image's, on patches of a stained section.

Rounds take turns on one core; the figures are the least processor time of the rounds, which other
programs on the machine can only lengthen. The section is scikit-image's immunohistochemistry image;
the generated slide is the same, noisy and blurred. LPIPS and KID are timed where LPIPS_BACKBONE
names the weights, the resolution on all patches as one slide. The last line is JSON.
"""

import argparse
import json
import time
from itertools import product

import cv2
import numpy as np
from scipy import ndimage
from skimage import data
from skimage.metrics import structural_similarity

from virtual_staining.evaluate.faults.kernel_distance import patch_distance, squeezenet_features
from virtual_staining.evaluate.metric import PatchPairs, find_needs, load_metrics
from virtual_staining.evaluate.metrics.lpips import load
from virtual_staining.evaluate.metrics.ssim import PEAK, REACH_PX, ssim, ssim_map
from virtual_staining.imaging.resolution import slide_resolution
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.evaluate import EvaluateSettings

BACKGROUND = np.full(3, 240, np.uint8)


def make_patches(side_px):
    """Neighbouring patches of a section and of its noisy, blurred copy."""
    real = data.immunohistochemistry()
    noise = np.random.default_rng(0).normal(0, 8, real.shape)
    generated = ndimage.gaussian_filter(np.clip(real + noise, 0, 255), (1, 1, 0)).astype(np.uint8)
    corners = product(range(0, 512 - side_px + 1, side_px), repeat=2)
    places = [np.s_[y : y + side_px, x : x + side_px] for y, x in corners]
    images = [np.array([image[place] for place in places]) for image in (real, generated)]
    region = np.ones(images[0].shape[:3], bool)
    return PatchPairs(*images, region, region, BACKGROUND)


def skimage_ssim(real, generated):
    """The SSIM of scikit-image with the paper's window, which leaves the border out itself."""
    return structural_similarity(real, generated, channel_axis=-1, data_range=PEAK)


def timed(work, rounds):
    """Least processor seconds of several pieces of work, whose rounds take turns."""
    seconds = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, function in work.items():
            function()  # brings caches and memory back to where a run of this work alone has them
            start = time.process_time()
            function()
            seconds[name] = min(seconds[name], time.process_time() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patch-px", type=int, default=256, help="side of the patches")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    set_up_processor(1)
    cv2.setNumThreads(1)
    patches = make_patches(args.patch_px)
    pairs = list(zip(patches.real, patches.generated, strict=True))
    inside = patches.region[0]
    differences = [abs(ssim(ssim_map(*pair), inside) - skimage_ssim(*pair)) for pair in pairs]
    records = find_needs(EvaluateSettings(more_metrics=True, lpips="if_given"))
    work = {
        metric.column: lambda compute=compute: compute(patches)
        for metric, compute in load_metrics(records).items()
        if compute
    }
    work["skimage_ssim"] = lambda: [skimage_ssim(*pair) for pair in pairs]
    ct = patches.real.mean(axis=-1)
    work["resolution"] = lambda: slide_resolution(patches.real, patches.generated, ct, 5.0)
    if records["lpips"]["measured"]:
        features = squeezenet_features(load(records["lpips"]))
        work["kid"] = lambda: patch_distance(patches.real, patches.generated, features)
    seconds = timed(work, args.rounds)
    costs = {name: round(1000 * value / len(pairs), 3) for name, value in seconds.items()}
    print(f"{len(pairs)} patches of {args.patch_px} px, windows {2 * REACH_PX + 1} px wide")
    for name, cost in costs.items():
        print(f"{name:20} {cost:8.2f} ms a patch")
    print(
        json.dumps(
            {
                "patch_px": args.patch_px,
                "ssim_speedup_vs_skimage": round(seconds["skimage_ssim"] / seconds["ssim"], 2),
                "ssim_max_difference": max(differences),
                "ms_a_patch": costs,
            }
        )
    )


if __name__ == "__main__":
    main()
