"""Full-size networks against the ones they are modelled on, with copied weights.

The peers are a plain restatement, by hand, of Linder-Norén's ``implementations/cyclegan/models.py``
and ``implementations/pix2pix/models.py``; with ``PYTORCH_GAN`` set to a copy of that repository the
files themselves take their place.
"""

import importlib.util
import itertools
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from virtual_staining.models.facts import GeneratorSpec
from virtual_staining.models.networks import UNet, patchgan, resnet_generator

torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.block = nn.Sequential(*half, nn.ReLU(), *other)

    def forward(self, x):
        return x + self.block(x)


def plain_resnet():
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 64, 7), nn.InstanceNorm2d(64), nn.ReLU()]
    for a, b in ((64, 128), (128, 256)):
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), nn.InstanceNorm2d(b), nn.ReLU()]
    layers += [Block(256) for _ in range(9)]
    for a, b in ((256, 128), (128, 64)):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1)]
        layers += [nn.InstanceNorm2d(b), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())


def plain_discriminator(channels=3):
    layers, widths = [], (channels, 64, 128, 256, 512)
    for level, (a, b) in enumerate(itertools.pairwise(widths)):
        layers += [nn.Conv2d(a, b, 4, stride=2, padding=1)]
        layers += [nn.InstanceNorm2d(b)] if level else []
        layers += [nn.LeakyReLU(0.2)]
    last = nn.Conv2d(512, 1, 4, padding=1, bias=channels == 3)
    return nn.Sequential(*layers, nn.ZeroPad2d((1, 0, 1, 0)), last)


class PlainUNet(nn.Module):
    DOWN = (3, 64, 128, 256, 512, 512, 512, 512, 512)
    UP = ((512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64))

    def __init__(self):
        super().__init__()
        down, up = [], []
        for level in range(8):
            layers = [nn.Conv2d(*self.DOWN[level : level + 2], 4, 2, 1, bias=False)]
            layers += [nn.InstanceNorm2d(1)] if level not in (0, 7) else []
            layers += [nn.LeakyReLU(0.2)] + [nn.Dropout(0.5)] * (level >= 3)
            down.append(nn.Sequential(*layers))
        for level, (a, b) in enumerate(self.UP):
            layers = [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.InstanceNorm2d(1)]
            layers += [nn.ReLU()] + [nn.Dropout(0.5)] * (level < 4)
            up.append(nn.Sequential(*layers))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        last = [nn.Upsample(scale_factor=2), nn.ZeroPad2d((1, 0, 1, 0))]
        self.final = nn.Sequential(*last, nn.Conv2d(128, 3, 4, padding=1), nn.Tanh())

    def forward(self, x):
        seen = []
        for down in self.down:
            x = down(x)
            seen.append(x)
        for level, up in enumerate(self.up):
            x = torch.cat([up(x), seen[6 - level]], 1)
        return self.final(x)


class Joined(nn.Module):
    """The original conditional discriminator, which takes two images, behind ours' face."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pair):
        return self.network(*pair.chunk(2, 1))


def original(name):
    """Load a file of models from the copy of the repository."""
    folder = os.environ.get("PYTORCH_GAN")
    if not folder:
        pytest.skip("PYTORCH_GAN does not name a copy of Linder-Norén's repository")
    path = Path(folder) / "implementations" / name / "models.py"
    spec = importlib.util.spec_from_file_location(f"original_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PEERS = {
    "restated": {
        "resnet": plain_resnet,
        "discriminator": plain_discriminator,
        "conditional": lambda: plain_discriminator(6),
        "unet": PlainUNet,
    },
    "original": {
        "resnet": lambda: original("cyclegan").GeneratorResNet((3, 64, 64), 9),
        "discriminator": lambda: original("cyclegan").Discriminator((3, 64, 64)),
        "conditional": lambda: Joined(original("pix2pix").Discriminator()),
        "unet": lambda: original("pix2pix").GeneratorUNet(),
    },
}
# Ours, the parameters, and an image's channels and side.
CASES = {
    "resnet": (lambda: resnet_generator(64, 9), 11_378_179, 3, 64),
    "discriminator": (lambda: patchgan("linder_noren_94", 64), 2_764_737, 3, 64),
    "conditional": (lambda: patchgan("linder_noren_94", 64, conditional=True), 2_767_808, 6, 64),
    "unet": (lambda: UNet(GeneratorSpec("unet", 64, 8)), 54_404_099, 3, 256),
}


@pytest.mark.filterwarnings("ignore:input.s size at dim=1")
@pytest.mark.parametrize("network", CASES)
@pytest.mark.parametrize("peer", PEERS)
def test_copied_weights_give_the_same_output(peer, network):
    """In training, too: dropout draws in the same order."""
    make, parameters, channels, side = CASES[network]
    theirs, ours = PEERS[peer][network]().double(), make().double()
    assert [p.shape for p in theirs.parameters()] == [p.shape for p in ours.parameters()]
    assert sum(p.numel() for p in theirs.parameters()) == parameters
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, channels, side, side, generator=generator, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
            b.copy_(a)
        results = []
        for module in (theirs, ours):
            torch.manual_seed(1)
            results.append(module(image))
    assert results[0].std() > 0.01
    torch.testing.assert_close(*results, atol=1e-12, rtol=0)
