"""Generators and discriminators of the paper's models (2.6.3), after Linder-Norén (2019).

Layers and parameter counts are those of Linder-Norén's CycleGAN and Pix2Pix; widths and depths are
settings so that small images and small machines can train them too.
"""

import torch
from torch import nn

from virtual_staining.models.facts import GeneratorSpec


class ResidualBlock(nn.Module):
    """Two reflected 3 × 3 convolutions with instance norm, added to the input."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, h, w) to the same shape."""
        return x + self.body(x)


def resnet_generator(features: int, residual_blocks: int) -> nn.Sequential:
    """Return the CycleGAN generator: two halvings, residual blocks, two doublings, tanh.

    Maps (n, 3, h, w) to (n, 3, h, w) in [-1, 1]; h and w are multiples of 4. With 64 features and
    nine blocks it has 11,378,179 parameters.

    Parameters
    ----------
    features : int
        Channels after the first convolution; each halving of the image doubles them.
    residual_blocks : int
        Number of residual blocks at a quarter of the resolution.
    """
    # Padding by 3 px keeps the size under the 7 × 7 kernels.
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, features, 7), *_norm_relu(features)]
    for width in (features, 2 * features):
        layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), *_norm_relu(2 * width)]
    layers += [ResidualBlock(4 * features) for _ in range(residual_blocks)]
    for width in (4 * features, 2 * features):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width // 2, 3, padding=1)]
        layers += _norm_relu(width // 2)
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(features, 3, 7), nn.Tanh())


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class UNet(nn.Module):
    """The Pix2Pix generator: a U-Net with skip connections at every level.

    Maps (n, 3, h, w) to (n, 3, h, w) in [-1, 1]; h and w are multiples of ``2 ** depth``. With 64
    features and depth 8 it has 54,404,099 parameters. Dropout is the only noise of the model.
    Evaluation mode switches dropout off, so that inference is deterministic.

    Parameters
    ----------
    features : int
        Channels of the first level; each halving doubles them, up to eight times as many.
    depth : int
        Number of halvings; 8 brings 256 px to 1 px.
    """

    def __init__(self, features: int, depth: int):
        super().__init__()
        widths = [features * min(2**level, 8) for level in range(depth)]
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for level, width in enumerate(widths):
            above = 3 if level == 0 else widths[level - 1]
            layers = [nn.Conv2d(above, width, 4, stride=2, padding=1, bias=False)]
            layers += [nn.InstanceNorm2d(width)] if 0 < level < depth - 1 else []
            layers += [nn.LeakyReLU(0.2), *_dropout(level)]
            self.downs.append(nn.Sequential(*layers))
        for level in reversed(range(depth - 1)):
            width = widths[level]
            # Every up layer but the deepest also receives the skip connection of its level.
            inputs = widths[level + 1] * (1 if level == depth - 2 else 2)
            up = nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1, bias=False)
            self.ups.append(nn.Sequential(up, *_norm_relu(width), *_dropout(level)))
        self.final = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.ZeroPad2d((1, 0, 1, 0)),
            nn.Conv2d(2 * features, 3, 4, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, h, w) to the same shape."""
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.ups:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return self.final(x)


def _dropout(level: int) -> list[nn.Module]:
    return [nn.Dropout(0.5)] if level >= 3 else []


def build_generator(spec: GeneratorSpec) -> nn.Module:
    """Return the generator network of a specification."""
    if spec.network == "unet":
        return UNet(spec.features, spec.depth)
    return resnet_generator(spec.features, spec.depth)


def patchgan(kind: str, features: int, conditional: bool = False) -> nn.Sequential:
    """Return a PatchGAN discriminator, whose output has a score for each overlapping patch.

    Maps (n, 3, h, w), or (n, 6, h, w) if conditional, to (n, 1, h', w').

    Parameters
    ----------
    kind : {'patchgan_70', 'linder_noren_94'}
        Receptive field, px. The paper states 70 × 70, which is Zhu's design: the fourth convolution
        has stride 1. In the implementation that the paper builds on, this convolution has stride 2
        and the field is 94 × 94. Both have 2,764,737 parameters with 64 features.
    features : int
        Channels after the first convolution; each of the next three doubles them.
    conditional : bool
        Whether the discriminator also sees the generator's input (Pix2Pix).
    """
    strides = {"patchgan_70": (2, 2, 2, 1), "linder_noren_94": (2, 2, 2, 2)}[kind]
    layers: list[nn.Module] = []
    inputs = 6 if conditional else 3
    for level, stride in enumerate(strides):
        width = features * 2**level
        layers += [nn.Conv2d(inputs, width, 4, stride=stride, padding=1)]
        layers += [nn.InstanceNorm2d(width)] if level > 0 else []
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        inputs = width
    if kind == "linder_noren_94":
        layers.append(nn.ZeroPad2d((1, 0, 1, 0)))
    return nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, padding=1, bias=not conditional))


def initialize(network: nn.Module) -> nn.Module:
    """Draw all convolution weights from N(0, 0.02²) with zero biases, from torch's global seed."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
