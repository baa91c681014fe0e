"""One training step here against the plain step of the code that the paper builds on.

The peer is a restatement of Linder-Norén's ``cyclegan.py`` and ``pix2pix.py`` with the paper's
terms added: the same networks from the library's layers, every pass on its own, float32,
contiguous, Adam unfused; ``--original`` takes the networks from a copy of PyTorch-GAN instead. Both
sides take the same batch, already in memory, in turns. The last line is JSON: speed-ups are medians
of the pairs' ratios; memory is the peak a step adds to the process or the GPU, measured in
processes of their own.
"""

import argparse
import importlib.util
import itertools
import json
import multiprocessing
import resource
import statistics
import sys
import time
from pathlib import Path

import torch
import yaml
from torch import nn

from virtual_staining.settings import from_dict
from virtual_staining.train.layers import DoublingConv2d, InstanceNorm, ReflectionPad
from virtual_staining.train.models import build_model
from virtual_staining.train.precision import uses_bfloat16
from virtual_staining.train.sampler import Batch
from virtual_staining.train.settings import Settings

CONFIG = Path(__file__).resolve().parents[1] / "config.yaml"
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999), "foreach": False, "fused": False}
l1, mse = nn.L1Loss(), nn.MSELoss()


def settings_of(model, precision):
    block = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["train"]
    return from_dict(
        Settings,
        {
            **block,
            "model": model,
            "seed": 1,
            "precision": precision,
            "discriminator": "linder_noren_94",
        },
    )


def make_batch(patch_px, size, device):
    generator = torch.Generator().manual_seed(0)
    ct, slide = (torch.rand(size, 3, patch_px, patch_px, generator=generator) * 2 - 1 for _ in "ab")
    mask = (torch.rand(size, 1, patch_px, patch_px, generator=generator) < 0.7).float()
    return Batch(*(image.to(device) for image in (ct, slide, mask)))


def plain_layers(network):
    """Restate one of this project's networks with the library's layers, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, InstanceNorm):
                setattr(parent, name, PlainNorm())
            elif isinstance(child, ReflectionPad):
                setattr(parent, name, nn.ReflectionPad2d(child.width))
            elif isinstance(child, DoublingConv2d):
                size = child.kernel_size[0]
                pad = nn.ZeroPad2d((size - 2, 1, size - 2, 1))
                convolution = nn.Conv2d(child.in_channels, child.out_channels, size)
                plain = nn.Sequential(nn.Upsample(scale_factor=2), pad, convolution)
                setattr(parent, name, plain)
    return network.to(memory_format=torch.contiguous_format)


class PlainNorm(nn.Module):
    def forward(self, x):
        return nn.functional.instance_norm(x)


def original_networks(folder, model, patch_px):
    """Take generators and discriminators from ``implementations/`` of a copy of PyTorch-GAN."""
    name = "pix2pix" if model == "pix2pix" else "cyclegan"
    path = Path(folder) / "implementations" / name / "models.py"
    spec = importlib.util.spec_from_file_location(f"original_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if name == "pix2pix":
        return [module.GeneratorUNet()], [module.Discriminator()]
    shape = (3, patch_px, patch_px)
    generators = [module.GeneratorResNet(shape, 9) for _ in "ab"]
    return generators, [module.Discriminator(shape) for _ in "ab"]


class Plain:
    """The peer: networks and its step."""

    def __init__(self, model, device, patch_px, original):
        if original:
            self.g, self.d = original_networks(original, model, patch_px)
        else:
            ours = build_model(settings_of(model, "fp32"), torch.device("cpu"))
            self.g = [plain_layers(n) for n in ours.generators.values()]
            self.d = [plain_layers(n) for n in ours.discriminators.values()]
        self.g, self.d = ([n.to(device) for n in networks] for networks in (self.g, self.d))
        chained = itertools.chain(*(n.parameters() for n in self.g))
        self.adam_g = torch.optim.Adam(chained, **ADAM)
        self.adam_d = [torch.optim.Adam(n.parameters(), **ADAM) for n in self.d]
        self.step = self.pix2pix if model == "pix2pix" else self.cyclegan

    def cyclegan(self, batch):
        (to_y, to_x), (d_x, d_y), m = self.g, self.d, batch.mask
        x, y = batch.ct, batch.slide
        self.adam_g.zero_grad()
        identity = (l1(to_x(x) * m, x * m) + l1(to_y(y) * m, y * m)) / 2
        fake_y, fake_x = to_y(x), to_x(y)
        gan = (self.judge(d_y, fake_y, 1.0) + self.judge(d_x, fake_x, 1.0)) / 2
        cycle = (l1(to_x(fake_y) * m, x * m) + l1(to_y(fake_x) * m, y * m)) / 2
        pixel = (l1(fake_y * m, y * m) + l1(fake_x * m, x * m)) / 2
        red, green, blue = ((fake_x * m)[:, c] for c in range(3))
        grey = l1(red, green) + l1(red, blue) + l1(green, blue)
        total = gan + 6 * cycle + 3 * identity + 6 * pixel + grey
        total.backward()
        self.adam_g.step()
        for adam, d, real, fake in zip(
            self.adam_d, (d_x, d_y), (x, y), (fake_x, fake_y), strict=True
        ):
            adam.zero_grad()
            loss = (self.judge(d, real, 1.0) + self.judge(d, fake.detach(), 0.0)) / 2
            loss.backward()
            adam.step()
        return total.item()

    def pix2pix(self, batch):
        (g,), (d,), m = self.g, self.d, batch.mask
        x, y = batch.ct, batch.slide
        self.adam_g.zero_grad()
        fake = g(x)
        total = self.judge(d, fake, 1.0, x) + 20 * l1(fake * m, y * m)
        total.backward()
        self.adam_g.step()
        self.adam_d[0].zero_grad()
        loss = self.judge(d, y, 1.0, x) + self.judge(d, fake.detach(), 0.0, x)
        (loss / 2).backward()
        self.adam_d[0].step()
        return total.item()

    def judge(self, network, image, target, condition=None):
        if condition is None:
            score = network(image)
        elif isinstance(network, nn.Sequential):
            score = network(torch.cat([condition, image], 1))
        else:  # the original joins them itself
            score = network(image, condition)
        return mse(score, torch.full_like(score, target))


class Ours:
    """This project's model behind the same face."""

    def __init__(self, model, device, precision):
        self.model = build_model(settings_of(model, precision), device)

    def step(self, batch):
        return self.model.step(batch, 1).sum().item()


def build(side, model, device, patch_px, original):
    if side == "plain":
        return Plain(model, device, patch_px, original)
    return Ours(model, device, side)


def seconds(stepper, batch):
    if batch.ct.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    stepper.step(batch)  # ends with a number on the host
    return time.perf_counter() - start


def memory(queue, side, args, device):
    """Put the peak memory in bytes that two steps add, in a process of its own."""
    torch.set_num_threads(args.threads)
    batch = make_batch(args.patch_px, args.batch, device)
    resting = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    stepper = build(side, "paired_cyclegan", device, args.patch_px, args.original)
    for _ in range(2):
        stepper.step(batch)
    if device.type == "cuda":
        queue.put(torch.cuda.max_memory_allocated(device))
    else:
        queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - resting)


def peak(side, args, device):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=memory, args=(queue, side, args, device))
    process.start()
    value = queue.get()
    process.join()
    return value


def compare(model, sides, pairs, args, device):
    """Return each side's speed-up over the plain step, and print times and spread."""
    batch = make_batch(args.patch_px, args.batch, device)
    steppers = {s: build(s, model, device, args.patch_px, args.original) for s in sides}
    times = {side: [] for side in sides}
    for n in range(pairs + 1):
        for side, stepper in steppers.items():
            value = seconds(stepper, batch)
            if n:  # the first step sets things up
                times[side].append(value)
    gains = {}
    for side in sides:
        ratios = [a / b for a, b in zip(times["plain"], times[side], strict=True)]
        gains[side] = statistics.median(ratios)
        print(
            f"{device.type:5} {model:16} {side:6} {statistics.median(times[side]):8.3f} s/step"
            f"   x {gains[side]:.2f}  ({min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)",
            flush=True,
        )
    return gains


def bench(device, args):
    # The fast path is what `precision: auto` picks on this chip.
    fast = "bf16" if uses_bfloat16("auto", device) or args.bf16 else "fp32"
    sides = list(dict.fromkeys(["plain", "fp32", fast]))
    cyclegan = compare("paired_cyclegan", sides, args.pairs, args, device)
    pix2pix = compare("pix2pix", list(dict.fromkeys(["plain", fast])), args.pairs, args, device)
    used = {side: peak(side, args, device) for side in ("plain", fast)}
    print(", ".join(f"{s}: {v / 2**30:.2f} GiB at most" for s, v in used.items()), f"({fast} fast)")
    return {
        "speedup_fp32": round(cyclegan["fp32"], 3),
        "speedup_fast": round(cyclegan[fast], 3),
        "pix2pix": round(pix2pix[fast], 3),
        "memory": round(used[fast] / used["plain"], 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="interleaved pairs (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--patch-px", type=int, default=256, help="multiple of 256")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 as the fast path anyway")
    parser.add_argument("--original", help="folder of a copy of PyTorch-GAN to run against")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.original and not (Path(args.original) / "implementations").is_dir():
        sys.exit(f"{args.original}: no implementations/ there: not a copy of PyTorch-GAN")
    found = bench(torch.device("cpu"), args)
    result = {
        "cpu_speedup_fp32": found["speedup_fp32"],
        "cpu_speedup_fast": found["speedup_fast"],
        "pix2pix_speedup_fast": found["pix2pix"],
        "memory_ratio": found["memory"],
    }
    if torch.cuda.is_available():
        found = bench(torch.device("cuda"), args)
        result |= {f"gpu_{key}": value for key, value in found.items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
