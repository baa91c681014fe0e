"""Training patches per second of one core, against loaders as training code usually has them.

Peers, both with PIL: ``PNG`` opens the files for every patch, as Linder-Norén's ``ImageDataset``
does; ``PIL from RAM`` keeps the opened images. Each crops at a random place and scale, flips,
changes contrast and brightness, and turns CT, slide and mask into float arrays in [-1, 1]. PIL
holds the 16-bit CT as float, since its 16-bit images cannot be resized. Rounds take turns; the
figures are medians over rounds of patches per second of processor time. The last line is JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps

from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.sampling.sampler import Sampler

WHITE = 50000.0


def make_pairs(count, size_px):
    """Smooth random images, so that PNG compresses them about as it does sections."""
    rng = np.random.default_rng(0)
    pairs = []
    for n in range(count):
        coarse = rng.random((size_px // 12, size_px // 12, 4), np.float32)
        smooth = cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        noisy = smooth + rng.normal(0, 0.01, smooth.shape)
        ct = (noisy[..., 0].clip(0, 1) * 45000).astype(np.uint16)
        slide = (noisy[..., 1:].clip(0, 1) * 255).astype(np.uint8)
        pairs.append(TrainingPair(f"s{n}", ct, slide, smooth[..., 0] > 0.3))
    return pairs


def open_files(folder, pair):
    ct = Image.open(folder / f"{pair.sample}-ct.png")
    slide = Image.open(folder / f"{pair.sample}-slide.png").convert("RGB")
    mask = Image.open(folder / f"{pair.sample}-mask.png").convert("L")
    return Image.fromarray(np.asarray(ct, np.float32)), slide, mask


def keep(images):
    """Hand out the same decoded images every time."""
    for image in images:
        image.load()
    return lambda: images


def peer_patch(images, patch_px, rng):
    """One augmented patch as the usual transforms make it."""
    ct, slide, mask = images
    extent = round(patch_px / rng.uniform(0.9, 1.1))
    x, y = (int(rng.integers(0, size - extent + 1)) for size in ct.size)
    box = (x, y, x + extent, y + extent)
    size = (patch_px, patch_px)
    ct, slide = (i.crop(box).resize(size, Image.Resampling.BILINEAR) for i in (ct, slide))
    mask = mask.crop(box).resize(size, Image.Resampling.NEAREST)
    for turn in (ImageOps.mirror, ImageOps.flip):
        if rng.random() < 0.5:
            ct, slide, mask = turn(ct), turn(slide), turn(mask)
    slide = ImageEnhance.Contrast(slide).enhance(rng.uniform(0.9, 1.1))
    slide = ImageEnhance.Brightness(slide).enhance(rng.uniform(0.9, 1.1))
    levels = np.asarray(ct)
    mean = levels.mean()
    levels = ((levels - mean) * rng.uniform(0.9, 1.1) + mean) * rng.uniform(0.9, 1.1)
    grey = np.clip(levels * np.float32(2 / WHITE) - 1, -1, 1).astype(np.float32)
    colours = np.moveaxis(np.asarray(slide), 2, 0).astype(np.float32) / 127.5 - 1
    return grey, colours, (np.asarray(mask) > 0).astype(np.float32)


def peer_batch(sources, patch_px, batch, rng):
    patches = [peer_patch(s(), patch_px, rng) for s in rng.choice(sources, batch)]
    return [torch.from_numpy(np.stack(images)) for images in zip(*patches, strict=True)]


def rate(make, batches, batch):
    """Patches per second of processor time."""
    start = time.process_time()
    for n in range(batches):
        make(n)
    return batches * batch / (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-px", type=int, default=1500, help="side of the pairs")
    parser.add_argument("--patch-px", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pairs = make_pairs(args.pairs, args.size_px)
    window = (0.0, WHITE)
    sampler = Sampler(pairs, args.patch_px, 200, 0.1, 0.1, True, 0.0, window, "cpu")
    plan = sampler.plan(1, 1)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for pair in pairs:
            images = {"ct": pair.ct, "slide": pair.slide, "mask": pair.mask.astype(np.uint8) * 255}
            for kind, image in images.items():
                Image.fromarray(image).save(folder / f"{pair.sample}-{kind}.png")
        files = [lambda pair=pair: open_files(folder, pair) for pair in pairs]
        opened = [keep(open_files(folder, pair)) for pair in pairs]

        def ours(n):
            return sampler.batch(plan, slice(n * args.batch, (n + 1) * args.batch))

        def from_ram(_):
            return peer_batch(opened, args.patch_px, args.batch, rng)

        def from_files(_):
            return peer_batch(files, args.patch_px, args.batch, rng)

        sides = {
            "this sampler": (ours, 50),
            "PIL from RAM": (from_ram, 15),
            "PNG": (from_files, 2),
        }
        rates = {side: [] for side in sides}
        for n in range(args.rounds + 1):
            for side, (make, batches) in sides.items():
                value = rate(make, batches, args.batch)
                if n:  # the first round compiles
                    rates[side].append(value)
    for side, values in rates.items():
        middle = statistics.median(values)
        print(f"{side:13} {middle:8.1f} patches/core-s  ({min(values):.0f} to {max(values):.0f})")
    mine = rates["this sampler"]
    ratios = {
        side: statistics.median([a / b for a, b in zip(mine, rates[side], strict=True)])
        for side in ("PIL from RAM", "PNG")
    }
    result = {
        "patches_per_core_s": round(statistics.median(mine), 1),
        "speedup_vs_pil_ram": round(ratios["PIL from RAM"], 2),
        "speedup_vs_png_loader": round(ratios["PNG"], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
