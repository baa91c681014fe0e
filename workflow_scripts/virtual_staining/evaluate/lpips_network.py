"""LPIPS, the learned perceptual distance of two images (paper equation 14), with SqueezeNet.

The network is built here from plain layers; the package ``lpips`` gives the weights of its layers.
Importing that package, and torchvision with it, takes longer than measuring a slide.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

Features = tuple[torch.Tensor, ...]
LEAST_LENGTH = 1e-10  # lpips adds it, so that an empty pixel stays empty
# Mean and deviation of the natural images that the backbone learned, in [-1, 1] (lpips 0.1).
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# The backbone's layers whose output is compared.
COMPARED = (1, 4, 7, 9, 10, 11, 12)


class Fire(nn.Module):
    """A squeezing convolution and two expanding ones (Iandola et al. 2016, arXiv:1602.07360)."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return tensors of twice ``expanded`` channels."""
        squeezed = torch.relu(self.squeeze(images))
        return torch.relu(torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1))


class Lpips(nn.Module):
    """SqueezeNet 1.1 up to its classifier, and the weight of each compared channel.

    Parameters
    ----------
    weights : sequence of Tensor, shape (channels,)
        Of each compared layer.
    """

    def __init__(self, weights: Sequence[torch.Tensor]) -> None:
        super().__init__()

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, stride=2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(),
            Fire(64, 16, 64), Fire(128, 16, 64), pool(),
            Fire(128, 32, 128), Fire(256, 32, 128), pool(),
            Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        )  # fmt: skip
        self.weights = nn.ParameterList(nn.Parameter(w, requires_grad=False) for w in weights)
        for name, values in (("shift", SHIFT), ("scale", SCALE)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the compared layers of images (n, 3, y, x) in [-1, 1], not normalized."""
        values, found = (images - self.shift) / self.scale, []
        for number, layer in enumerate(self.features):
            values = layer(values)
            if number in COMPARED:
                found.append(values)
        return found


def lpips_network(features: dict[str, torch.Tensor]) -> Lpips:
    """Build LPIPS (version 0.1, SqueezeNet) on a given backbone.

    Parameters
    ----------
    features : dict
        The backbone's tensors, named ``features.…`` as in torchvision's ``squeezenet1_1``; tensors
        of other names (its classifier) are not needed.

    Returns
    -------
    Lpips
        In evaluation mode, on the CPU.

    Raises
    ------
    ValueError
        If a tensor is missing, superfluous or of another shape.
    """
    network = Lpips(_layer_weights())
    given = {name: tensor for name, tensor in features.items() if name.startswith("features.")}
    slots = {name for name in network.state_dict() if name.startswith("features.")}
    if set(given) != slots:
        odd = sorted(set(given) ^ slots)
        raise ValueError(f"{len(odd)} tensors are missing or unknown, first {odd[0]!r}")
    try:
        network.load_state_dict(given, strict=False)
    except RuntimeError as error:
        raise ValueError(f"a tensor has another shape: {error}") from error
    return network.requires_grad_(False).eval()


def _layer_weights() -> list[torch.Tensor]:
    """Return the channels' weights of each layer, as the package ``lpips`` holds them."""
    spec = find_spec("lpips")
    assert spec is not None and spec.origin is not None, "a dependency of this program"
    path = Path(spec.origin).parent / "weights/v0.1/squeeze.pth"
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return [stored[f"lin{layer}.model.1.weight"].flatten() for layer in range(len(COMPARED))]


@torch.inference_mode()
def lpips_features(network: Lpips, images: np.ndarray) -> list[Features]:
    """Normalized features of images, of which LPIPS is a distance.

    Parameters
    ----------
    network : Lpips
        From :func:`lpips_network`, on any device.
    images : ndarray, shape (n, y, x, 3), uint8

    Returns
    -------
    list of tuple of Tensor
        For each image a tensor (channels, y, x) per layer, on the network's device.
    """
    layers = network(to_tensor(network, images))
    return list(zip(*(_unit_length(layer) for layer in layers), strict=True))


def to_tensor(network: Lpips, images: np.ndarray) -> torch.Tensor:
    """Return images (n, y, x, 3), uint8, as a tensor (n, 3, y, x) in [-1, 1] on its device."""
    tensor = torch.from_numpy(images).to(next(network.parameters()).device)
    return tensor.movedim(-1, 1) / 127.5 - 1


@torch.inference_mode()
def lpips_distances(
    network: Lpips, real: Sequence[Features], generated: Sequence[Features]
) -> np.ndarray:
    """LPIPS of pairs of images (paper equation 14).

    Parameters
    ----------
    network : Lpips
        From :func:`lpips_network`.
    real, generated : sequence of tuple of Tensor
        From :func:`lpips_features`.

    Returns
    -------
    ndarray, shape (n,), float64
        0 for identical images, larger for more different ones.
    """
    found = []
    for pair in zip(real, generated, strict=True):
        layers = zip(*pair, network.weights, strict=True)
        # One pair at a time fits the processor's cache; batches take seven times as long.
        found.append(sum(float(_difference(one, other) @ w) for one, other, w in layers))
    return np.array(found)


def _difference(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the mean square difference of each channel, shape (channels,)."""
    return torch.sub(one, other).square_().mean((1, 2))


def _unit_length(features: torch.Tensor) -> torch.Tensor:
    """Scale the channels of each pixel to length 1, as LPIPS does."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + LEAST_LENGTH)
