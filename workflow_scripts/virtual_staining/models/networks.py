"""Generators and discriminators of the paper's models (2.6.3), after Linder-Norén (2019).

Layers and parameter counts are those of Linder-Norén's CycleGAN and Pix2Pix; widths and depths are
settings so that small images and small machines can train them too. Beyond the paper are pixel norm
and the U-Net's full-size head, which suit short trainings and whole planes.
"""

import torch
from torch import nn

from virtual_staining.models.facts import GeneratorSpec
from virtual_staining.models.grey_levels import GreyLevels
from virtual_staining.models.texture import Textured

IMAGE_CHANNELS = 3

FINEST = 3  # levels of the U-Net that double the image by repetition if the head is full-sized


class PixelNorm(nn.Module):
    """The channels of each pixel divided by their root mean square (Karras et al. 2018).

    No pixel depends on another, so that a plane may be cut anywhere, or not at all.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, c, h, w) to the same shape."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-4)


def _norm(kind: str, channels: int) -> nn.Module:
    return PixelNorm() if kind == "pixel" else nn.InstanceNorm2d(channels)


def _norm_relu(kind: str, channels: int) -> list[nn.Module]:
    return [_norm(kind, channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """Two reflected 3 × 3 convolutions with normalization, added to the input."""

    def __init__(self, channels: int, norm: str):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *_norm_relu(norm, channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            _norm(norm, channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, h, w) to the same shape."""
        return x + self.body(x)


def resnet_generator(
    features: int, residual_blocks: int, norm: str = "instance", grey_levels: int = 0
) -> nn.Sequential:
    """Return the CycleGAN generator: two halvings, residual blocks, two doublings, tanh.

    Maps (n, 3, h, w) to (n, 3, h, w) in [-1, 1]; h and w are multiples of 4. With 64 features and
    nine blocks it has 11,378,179 parameters.

    Parameters
    ----------
    features : int
        Channels after the first convolution; each halving of the image doubles them.
    residual_blocks : int
        Number of residual blocks at a quarter of the resolution.
    norm : {'instance', 'pixel'}
        Normalization after the convolutions.
    grey_levels : int
        Levels of :class:`~virtual_staining.models.grey_levels.GreyLevels`; 0 for the image alone.
    """
    levels, inputs = _input_layers(grey_levels)
    # Padding by 3 px keeps the size under the 7 × 7 kernels.
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, features, 7), *_norm_relu(norm, features)]
    if grey_levels:
        layers.insert(0, levels)
    for width in (features, 2 * features):
        layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)]
        layers += _norm_relu(norm, 2 * width)
    layers += [ResidualBlock(4 * features, norm) for _ in range(residual_blocks)]
    for width in (4 * features, 2 * features):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width // 2, 3, padding=1)]
        layers += _norm_relu(norm, width // 2)
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(features, 3, 7), nn.Tanh())


class UNet(nn.Module):
    """The Pix2Pix generator: a U-Net with skip connections at every level.

    Maps (n, 3, h, w) to (n, 3, h, w) in [-1, 1]; h and w are multiples of ``2 ** depth``. With 64
    features and depth 8 it has 54,404,099 parameters. Dropout is the only noise of the model.
    Evaluation mode switches dropout off, so that inference is deterministic.

    Parameters
    ----------
    spec : GeneratorSpec
        ``features``: channels of the first level; each halving doubles them, up to eight times as
        many. ``depth``: number of halvings; 8 brings 256 px to 1 px.
    """

    def __init__(self, spec: GeneratorSpec):
        super().__init__()
        features, depth, norm, full = spec.features, spec.depth, spec.norm, spec.head == "full"
        self.levels, channels = _input_layers(spec.grey_levels)
        bias = norm == "pixel"  # instance norm would cancel a bias
        widths = [features * min(2**level, 8) for level in range(depth)]
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for level, width in enumerate(widths):
            above = channels if level == 0 else widths[level - 1]
            layers: list[nn.Module] = [nn.Conv2d(above, width, 4, stride=2, padding=1, bias=bias)]
            layers += [_norm(norm, width)] if 0 < level < depth - 1 else []
            layers += [nn.LeakyReLU(0.2), *_dropout(spec, level)]
            self.downs.append(nn.Sequential(*layers))
        for level in reversed(range(depth - 1)):
            width = widths[level]
            # Every up layer but the deepest also receives the skip connection of its level.
            inputs = widths[level + 1] * (1 if level == depth - 2 else 2)
            if full and level < FINEST:
                layers = _doubling(inputs, width)
            else:
                layers = [nn.ConvTranspose2d(inputs, width, 4, stride=2, padding=1, bias=bias)]
            layers += [*_norm_relu(norm, width), *_dropout(spec, level)]
            self.ups.append(nn.Sequential(*layers))
        self.head = _FullHead(channels, 2 * features, max(8, features // 2)) if full else None
        self.final = None if full else _half_head(2 * features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, h, w) to the same shape."""
        x = image = self.levels(x)
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.ups:
            x = torch.cat([up(x), skips.pop()], dim=1)
        return self.final(x) if self.head is None else self.head(x, image)


def _half_head(channels: int) -> nn.Sequential:
    """Return the layers that make the picture from features of half its size alone."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.ZeroPad2d((1, 0, 1, 0)),
        nn.Conv2d(channels, 3, 4, padding=1),
        nn.Tanh(),
    )


class _FullHead(nn.Module):
    """The layers that make the picture from features of half its size and from the input image."""

    def __init__(self, inputs: int, channels: int, width: int):
        super().__init__()
        self.coarse = nn.Sequential(*_doubling(channels, width), nn.LeakyReLU(0.2))
        self.fine = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.picture = nn.Sequential(nn.Conv2d(2 * width, 3, 3, padding=1), nn.Tanh())

    def forward(self, x: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Map features (n, c, h / 2, w / 2) and the input (n, i, h, w) to (n, 3, h, w)."""
        return self.picture(torch.cat([self.coarse(x), self.fine(image)], dim=1))


def _input_layers(grey_levels: int) -> tuple[nn.Module, int]:
    """Return the layer that a generator's input passes first, and its number of channels."""
    if not grey_levels:
        return nn.Identity(), IMAGE_CHANNELS
    return GreyLevels(grey_levels), IMAGE_CHANNELS + grey_levels


def _doubling(channels: int, width: int) -> list[nn.Module]:
    """Return layers that double an image by repetition; they print no grid (Odena et al. 2016)."""
    return [nn.Upsample(scale_factor=2), nn.Conv2d(channels, width, 3, padding=1)]


def _dropout(spec: GeneratorSpec, level: int) -> list[nn.Module]:
    return [nn.Dropout(spec.dropout)] if level >= 3 and spec.dropout else []


def build_generator(spec: GeneratorSpec) -> nn.Module:
    """Return the generator network of a specification."""
    if spec.network == "unet":
        network: nn.Module = UNet(spec)
    else:
        network = resnet_generator(spec.features, spec.depth, spec.norm, spec.grey_levels)
    return Textured(network) if spec.texture else network


def patchgan(
    kind: str, features: int, conditional: bool = False, norm: str = "instance"
) -> nn.Sequential:
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
    norm : {'instance', 'pixel'}
        Normalization after the convolutions.
    """
    strides = {"patchgan_70": (2, 2, 2, 1), "linder_noren_94": (2, 2, 2, 2)}[kind]
    layers: list[nn.Module] = []
    inputs = 6 if conditional else 3
    for level, stride in enumerate(strides):
        width = features * 2**level
        layers += [nn.Conv2d(inputs, width, 4, stride=stride, padding=1)]
        layers += [_norm(norm, width)] if level > 0 else []
        layers += [nn.LeakyReLU(0.2, inplace=True)]
        inputs = width
    if kind == "linder_noren_94":
        layers.append(nn.ZeroPad2d((1, 0, 1, 0)))
    return nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, padding=1, bias=not conditional))
