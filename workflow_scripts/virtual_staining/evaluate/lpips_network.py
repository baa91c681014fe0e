"""LPIPS, the learned perceptual distance of two images (paper equation 14), with SqueezeNet."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from torch import nn

Features = tuple[torch.Tensor, ...]
LEAST_LENGTH = 1e-10  # lpips adds it, so that an empty pixel stays empty


def import_torchvision() -> ModuleType:
    """Import torchvision, also where its compiled operators do not fit the installed torch.

    torchvision's import then stops at the missing ``nms`` operators. LPIPS takes only plain
    layers from it, so the operators are declared, without code behind them, and it is imported
    again.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    for operator in ("nms", "qnms"):
        schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        _OPERATORS.append(torch.library.Library("torchvision", "FRAGMENT"))
        _OPERATORS[-1].define(schema)
    return importlib.import_module("torchvision")


_OPERATORS: list[torch.library.Library] = []  # an operator lives as long as its Library object


def lpips_network(features: dict[str, torch.Tensor]) -> nn.Module:
    """Build LPIPS (version 0.1, SqueezeNet) on a given backbone.

    Parameters
    ----------
    features : dict
        The backbone's tensors, named ``features.…`` as in torchvision's ``squeezenet1_1``; tensors
        of other names (its classifier) are not needed.

    Returns
    -------
    nn.Module
        In evaluation mode, on the CPU; takes two (n, 3, h, w) tensors in [-1, 1].

    Raises
    ------
    ValueError
        If a tensor is missing, superfluous or of another shape.
    """
    import_torchvision()
    import lpips

    with warnings.catch_warnings():  # lpips calls torchvision by an older spelling
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False)
    # lpips keeps the layers of `features` under their own numbers, cut into slices.
    slots = {f"features.{slot.split('.', 1)[1]}": slot for slot in network.net.state_dict()}
    given = {name: tensor for name, tensor in features.items() if name.startswith("features.")}
    if set(given) != set(slots):
        odd = sorted(set(given) ^ set(slots))
        raise ValueError(f"{len(odd)} tensors are missing or unknown, first {odd[0]!r}")
    try:
        network.net.load_state_dict({slots[name]: tensor for name, tensor in given.items()})
    except RuntimeError as error:
        raise ValueError(f"a tensor has another shape: {error}") from error
    return network.eval()


@torch.inference_mode()
def lpips_features(network: nn.Module, images: np.ndarray) -> list[Features]:
    """Normalized features of images, of which LPIPS is a distance.

    Parameters
    ----------
    network : nn.Module
        From :func:`lpips_network`, on any device.
    images : ndarray, shape (n, y, x, 3), uint8

    Returns
    -------
    list of tuple of Tensor
        For each image a tensor (channels, y, x) per layer, on the network's device.
    """
    device = next(network.parameters()).device
    scaled = torch.from_numpy(images).to(device).movedim(-1, 1) / 127.5 - 1
    layers = network.net(network.scaling_layer(scaled))
    return list(zip(*(_unit_length(layer) for layer in layers), strict=True))


@torch.inference_mode()
def lpips_distances(
    network: nn.Module, real: Sequence[Features], generated: Sequence[Features]
) -> np.ndarray:
    """LPIPS of pairs of images (paper equation 14).

    Parameters
    ----------
    network : nn.Module
        From :func:`lpips_network`.
    real, generated : sequence of tuple of Tensor
        From :func:`lpips_features`.

    Returns
    -------
    ndarray, shape (n,), float64
        0 for identical images, larger for more different ones.
    """
    total = torch.zeros(len(real))
    for layer, weights in enumerate(network.lins):
        pair = (torch.stack([image[layer] for image in images]) for images in (real, generated))
        total = total + weights(torch.sub(*pair).square_()).mean((1, 2, 3)).cpu()
    return total.double().numpy()


def _unit_length(features: torch.Tensor) -> torch.Tensor:
    """Scale the channels of each pixel to length 1, as LPIPS does."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + LEAST_LENGTH)
