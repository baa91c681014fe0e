"""The weights with which networks begin."""

import torch
from torch import nn

from virtual_staining.models.grey_levels import GreyLevels
from virtual_staining.models.networks import PixelNorm, UNet
from virtual_staining.models.texture import Texture, Textured


def initialize(network: nn.Module) -> nn.Module:
    """Draw all convolution weights, from torch's global seed; biases are zero.

    The distribution is N(0, 0.02²) (Zhu et al. 2017), except in a network with pixel norm. There
    the variance keeps the scale of the signal through each layer (He et al. 2015), because pixel
    norm, unlike instance norm, does not restore the contrast between pixels. The layers that see
    the image have biases there (:func:`_spread_over_levels`).

    Parameters
    ----------
    network : Module
        A network, or a ModuleDict of networks.
    """
    keeps_scale = any(isinstance(module, PixelNorm) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, _he_deviation(module) if keeps_scale else 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if keeps_scale:
        for one in network.values() if isinstance(network, nn.ModuleDict) else [network]:
            for layer in _image_layers(one):
                _spread_over_levels(layer)
    for module in network.modules():
        if isinstance(module, Texture):
            module.initialize()
    return network


def _image_layers(network: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions of a network whose input is the image itself and nothing else."""
    if isinstance(network, Textured):
        network = network.picture
    if any(isinstance(module, GreyLevels) for module in network.modules()):
        return []
    heads = [network.downs, network.head.fine] if isinstance(network, UNet) and network.head else []
    parts = heads or [network]
    return [next(m for m in part.modules() if isinstance(m, nn.Conv2d)) for part in parts]


@torch.no_grad()
def _spread_over_levels(layer: nn.Conv2d) -> None:
    """Draw biases with which each channel is 0 at a grey of its own between black and white.

    Without biases the channels of an even region are in proportion to its level, and pixel norm
    takes that factor away: background, polymer and soft tissue would all look alike.
    """
    if layer.bias is not None:
        level = torch.empty(layer.out_channels).uniform_(-1, 1)
        layer.bias.copy_(-level * layer.weight.sum((1, 2, 3)))


def _he_deviation(layer: nn.Conv2d | nn.ConvTranspose2d) -> float:
    """Return the standard deviation √(2 / n) for the n weights that an output pixel sums."""
    weights = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
    if isinstance(layer, nn.ConvTranspose2d):
        weights /= layer.stride[0] * layer.stride[1]
    return (2 / weights) ** 0.5
