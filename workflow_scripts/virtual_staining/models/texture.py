"""Texture that a generator's input does not determine, as filtered noise of a learned strength.

Cells and granules of stain below the resolution of a CT show in a section and not in the CT. A
pixelwise loss asks a generator for the mean of all textures that are possible, and the mean is
flat. Here the generator paints that mean, and nothing else enters the pixelwise and cycle losses.
A texture of noise lies on the picture that a discriminator sees. How strong the noise is on which
colour, and how coarse, is learned from the real sections: neighbouring pixels of picture and
texture shall differ by as much as those of the section (a variogram; Matheron 1963).
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu, pad, relu

CHANNELS = 3
FEATURES = 8
REACH_PX = 2  # of the 5 x 5 kernels
FIRST_STRENGTH = 0.05  # standard deviation in network range: 6 of 255 grey levels
LAGS_PX = (1, 2, 4)
WINDOW_PX = 9  # in which differences are averaged: large against the grain, small against tissues


class Texture(nn.Module):
    """Adds grey noise to a picture, filtered by one kernel, and as strong as the colours ask for.

    A pixel of the result depends on picture and noise at most ``REACH_PX`` away.
    """

    def __init__(self):
        super().__init__()
        side = 2 * REACH_PX + 1
        self.grain = nn.Parameter(torch.zeros(1, 1, side, side))
        self.around = nn.Conv2d(CHANNELS, FEATURES, side)
        self.strength = nn.Conv2d(FEATURES, CHANNELS, 1)

    @torch.no_grad()
    def initialize(self) -> None:
        """Begin with white noise of ``FIRST_STRENGTH`` on every colour."""
        nn.init.zeros_(self.grain)
        self.grain[0, 0, REACH_PX, REACH_PX] = 1
        nn.init.normal_(self.around.weight, 0.0, self.around.weight[0].numel() ** -0.5)
        nn.init.uniform_(self.around.bias, -1, 1)
        for parameter in self.strength.parameters():
            nn.init.zeros_(parameter)

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return a picture with texture.

        Parameters
        ----------
        picture : Tensor, shape (n, 3, h, w)
            Network range.
        noise : Tensor, shape (n, 1, h, w)
            Normally distributed, of variance 1.
        """
        around = leaky_relu(self.around(_grown(picture)), 0.2)
        strength = FIRST_STRENGTH * relu(1 + self.strength(around))
        kernel = self.grain / self.grain.square().sum().sqrt()
        return picture + strength * conv2d(_grown(noise), kernel)


def _grown(image: torch.Tensor) -> torch.Tensor:
    return pad(image, [REACH_PX] * 4, mode="reflect")


class Textured(nn.Module):
    """A generator with the texture of its pictures; called alone it paints without texture."""

    def __init__(self, picture: nn.Module):
        super().__init__()
        self.picture = picture
        self.texture = Texture()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, 3, h, w) to the picture without texture, of the same shape."""
        return self.picture(x)


def add_texture(
    generator: nn.Module, picture: torch.Tensor, real: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a generator's picture as a discriminator sees it, and the loss of its texture.

    The noise is drawn from torch's global seed. Gradients of what the discriminator sees reach the
    picture alone, those of the loss reach the texture alone.

    Parameters
    ----------
    generator : Module
        Without a texture of its own, the picture is returned as it is.
    picture, real : Tensor, shape (n, 3, h, w)
        Generated and real image, network range.
    mask : Tensor, shape (n, 1, h, w)
        Weight of each pixel in the loss.
    """
    if not isinstance(generator, Textured):
        return picture, picture.new_zeros(())
    plain = picture.detach()
    shown = generator.texture(plain, torch.randn_like(plain[:, :1]))
    apart = [
        avg_pool2d((a - b) * mask[..., : a.shape[2], : a.shape[3]], WINDOW_PX, 1).abs().mean()
        for a, b in zip(_differences(shown), _differences(real), strict=True)
    ]
    return picture + (shown - plain).detach(), torch.stack(apart).mean()


def _differences(image: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield how far pixels a lag apart differ, along either axis, at the first pixel."""
    for lag in LAGS_PX:
        for dim in (2, 3):
            size = image.shape[dim] - lag
            difference = image.narrow(dim, lag, size) - image.narrow(dim, 0, size)
            yield difference.abs()


@torch.inference_mode()
def with_texture(texture: Texture, picture: torch.Tensor, seed: int, band_px: int) -> torch.Tensor:
    """Return a whole plane with texture, in bands that bound the memory and leave no seam.

    Parameters
    ----------
    texture : Texture
        Learned texture.
    picture : Tensor, shape (3, h, w)
        Network range, at least 3 pixels high and wide.
    seed : int
        Seed of the noise.
    band_px : int
        Largest number of pixels in a band.

    Returns
    -------
    Tensor, shape (3, h, w)
    """
    height, width = picture.shape[1:]
    source = torch.Generator().manual_seed(seed)
    noise = torch.randn((1, height, width), generator=source).to(picture)
    rows = max(band_px // width, REACH_PX + 1)
    result = torch.empty_like(picture)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        last = min(stop + REACH_PX, height)
        # Reflection at a plane's border needs as many rows.
        first = max(min(start - REACH_PX, last - 2 * REACH_PX - 1), 0)
        part = texture(picture[None, :, first:last], noise[None, :, first:last])[0]
        result[:, start:stop] = part[:, start - first : stop - first]
    return result
