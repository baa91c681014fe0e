"""The two sides of ``train_step.py``, each in a process of its own."""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode
from train_peer import Plain

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models.build import build_model
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.train import TrainSettings

CONFIG = Path(__file__).resolve().parents[1] / "config.yaml"
SMALL = {"features": 8, "residual_blocks": 2, "unet_depth": 6, "patch_px": 64, "batch": 2}
# A GPU's single steps are too short to time one by one.
STEPS = {"cpu": 1, "cuda": 20}


def settings_of(model, precision, args):
    block = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["train"]
    block |= SMALL if args.small else {}
    block |= {key: getattr(args, key) for key in ("patch_px", "batch") if getattr(args, key)}
    block |= {"model": model, "seed": 1, "precision": precision}
    return from_dict(TrainSettings, {**block, "discriminator": "linder_noren_94"})


def make_batch(settings, device):
    generator = torch.Generator().manual_seed(0)
    size, side = settings.batch, settings.patch_px
    ct, slide = (torch.rand(size, 3, side, side, generator=generator) * 2 - 1 for _ in "ab")
    mask = (torch.rand(size, 1, side, side, generator=generator) < 0.7).float()
    return Batch(*(image.to(device) for image in (ct, slide, mask)))


class Side:
    """A model that takes steps, in a process set up as its own training program sets it up."""

    def __init__(self, side, model, args, device):
        context = multiprocessing.get_context("spawn")
        self.process = ProcessPoolExecutor(1, context, Worker, (side, model, args, device))

    def ask(self, what):
        """Call a method of the worker there."""
        return self.process.submit(_answer, what).result()


class Worker:
    """What is in a side's process, ready after a first, smaller step, which makes Adam's moments.

    ``side`` is the peer, ``plain``, or the precision of this project's model.
    """

    the = None

    def __init__(self, side, model, args, device):
        Worker.the, plain = self, side == "plain"
        settings = settings_of(model, "fp32" if plain else side, args)
        self.device, self.batch = device, make_batch(settings, device)
        (torch.set_num_threads if plain else set_up_processor)(args.threads)
        self.resting = self.used()
        if plain:
            self.step = Plain(settings, device, args.original).step
        else:
            ours = build_model(settings, device)
            self.step = lambda batch: ours.step(batch, 1).sum()
        # All costs grow with the pixels; the U-Net takes whole patches only.
        part_px = settings.patch_px if model == "pix2pix" else 64
        part = Batch(*(images[:1, :, :part_px, :part_px] for images in vars(self.batch).values()))
        with FlopCounterMode(display=False) as counter:
            self.step(part)
        pixels = self.batch.mask.numel() / part.mask.numel()
        self.flops_a_batch = counter.get_total_flops() * pixels

    def flops(self):
        """Operations per batch."""
        return self.flops_a_batch

    def seconds(self):
        """Seconds a step."""
        steps = STEPS[self.device.type]
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            last = self.step(self.batch)
        last.item()
        return (time.perf_counter() - start) / steps

    def memory(self):
        """Peak memory in bytes that networks and a step add."""
        self.step(self.batch).item()
        return self.used() - self.resting

    def used(self):
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _answer(what):
    return getattr(Worker.the, what)()
