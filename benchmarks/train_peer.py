"""Linder-Norén's training step, restated: the peer of ``train_step.py``.

``cyclegan.py`` and ``pix2pix.py`` with the paper's terms added: the same networks from the
library's layers, every pass on its own, float32, contiguous, Adam unfused. With a folder given, the
networks are those of that copy of PyTorch-GAN.
"""

import importlib.util
import itertools
from pathlib import Path

import torch
from torch import nn

from virtual_staining.models.build import build_generators
from virtual_staining.models.initialization import initialize
from virtual_staining.models.networks import patchgan

ADAM = {"lr": 2e-4, "betas": (0.5, 0.999), "foreach": False, "fused": False}
l1, mse = nn.L1Loss(), nn.MSELoss()


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

    def __init__(self, settings, device, original):
        if original:
            networks = original_networks(original, settings.model, settings.patch_px)
        else:
            generators = build_generators(settings).values()
            conditional = settings.model == "pix2pix"
            shape = settings.discriminator, settings.features, conditional
            networks = generators, [patchgan(*shape) for _ in generators]
        self.g, self.d = ([initialize(n).to(device) for n in group] for group in networks)
        chained = itertools.chain(*(n.parameters() for n in self.g))
        self.adam_g = torch.optim.Adam(chained, **ADAM)
        self.adam_d = [torch.optim.Adam(n.parameters(), **ADAM) for n in self.d]
        self.step = self.pix2pix if settings.model == "pix2pix" else self.cyclegan

    def cyclegan(self, batch):
        (to_y, to_x), (d_x, d_y), m = self.g, self.d, batch.mask
        x, y = batch.ct, batch.slide
        self.adam_g.zero_grad()
        identity = (l1(to_x(x) * m, x * m) + l1(to_y(y) * m, y * m)) / 2
        fake_y, fake_x = to_y(x), to_x(y)
        gan = (self.score_loss(d_y, fake_y, 1.0) + self.score_loss(d_x, fake_x, 1.0)) / 2
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
            loss = (self.score_loss(d, real, 1.0) + self.score_loss(d, fake.detach(), 0.0)) / 2
            loss.backward()
            adam.step()
        return total.detach()

    def pix2pix(self, batch):
        (g,), (d,), m = self.g, self.d, batch.mask
        x, y = batch.ct, batch.slide
        self.adam_g.zero_grad()
        fake = g(x)
        total = self.score_loss(d, fake, 1.0, x) + 20 * l1(fake * m, y * m)
        total.backward()
        self.adam_g.step()
        self.adam_d[0].zero_grad()
        loss = self.score_loss(d, y, 1.0, x) + self.score_loss(d, fake.detach(), 0.0, x)
        (loss / 2).backward()
        self.adam_d[0].step()
        return total.detach()

    def score_loss(self, network, image, target, condition=None):
        if condition is None:
            score = network(image)
        elif isinstance(network, nn.Sequential):
            score = network(torch.cat([condition, image], 1))
        else:  # the original joins them itself
            score = network(image, condition)
        return mse(score, torch.full_like(score, target))
