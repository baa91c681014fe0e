"""Converts a plain network to its fast form."""

from torch import nn

from virtual_staining.models.fast.layers import InstanceNorm, ReflectionPad, fold_upsampling
from virtual_staining.models.fast.winograd import WinogradConv2d

LAYERS = [InstanceNorm, ReflectionPad, WinogradConv2d]


def accelerate(network: nn.Module) -> nn.Module:
    """Give the layers of a network their fast forms, in place, and return the network.

    The class of a fast layer is a subclass of the plain layer's class, and the layer keeps its
    weights. The state dict of either network therefore loads into the other. Outputs differ by
    rounding only.
    """
    for module in list(network.modules()):
        for fast in LAYERS:
            if fast.replaces(module):
                module.__class__ = fast
        if isinstance(module, nn.Sequential):
            fold_upsampling(module)
    return network
