"""Texture that a generator's input does not determine, as filtered noise of a learned strength.

Cells and staining granules below the resolution of a CT show in a section and not in the CT. A
pixelwise loss asks a generator for the mean of all textures that are possible, and the mean is
flat. Here the generator paints that mean alone, and the pixelwise and cycle losses see it alone.
The discriminator sees the mean and a texture on it, as it sees the texture of real sections, and
so teaches how strong and how coarse the texture is on which colour.
"""

import torch
from torch import nn
from torch.nn.functional import pad

CHANNELS = 3
FEATURES = 8
REACH_PX = 2  # of the 5 x 5 kernels
FIRST_STRENGTH = 0.03  # standard deviation in network range: 4 of 255 grey levels


class Texture(nn.Module):
    """Adds noise to a picture, filtered by one kernel and as strong as the colours around ask for.

    A pixel of the result depends on picture and noise at most ``REACH_PX`` away.
    """

    def __init__(self):
        super().__init__()
        self.grain = nn.Conv2d(CHANNELS, CHANNELS, 2 * REACH_PX + 1, bias=False)
        self.around = nn.Conv2d(CHANNELS, FEATURES, 2 * REACH_PX + 1)
        self.strength = nn.Conv2d(FEATURES, CHANNELS, 1)

    @torch.no_grad()
    def initialize(self) -> None:
        """Begin with white grey noise of ``FIRST_STRENGTH`` everywhere."""
        nn.init.normal_(self.grain.weight, 0.0, 0.02)
        self.grain.weight[:, 0, REACH_PX, REACH_PX] = 1
        nn.init.normal_(self.around.weight, 0.0, (CHANNELS * 25) ** -0.5)
        nn.init.uniform_(self.around.bias, -1, 1)
        for parameter in self.strength.parameters():
            nn.init.zeros_(parameter)

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return a picture with texture.

        Parameters
        ----------
        picture : Tensor, shape (n, 3, h, w)
            Network range.
        noise : Tensor, shape (n, 3, h, w)
            Normally distributed, of variance 1.
        """
        around = nn.functional.leaky_relu(self.around(_grown(picture)), 0.2)
        strength = FIRST_STRENGTH * self.strength(around).exp()
        return picture + strength * self.grain(_grown(noise))


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


def shown(generator: nn.Module, picture: torch.Tensor) -> torch.Tensor:
    """Return a generator's picture (n, 3, h, w) as a discriminator sees it.

    The noise is drawn from torch's global seed.
    """
    if not isinstance(generator, Textured):
        return picture
    return generator.texture(picture, torch.randn_like(picture))


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
    source = torch.Generator().manual_seed(seed)
    noise = torch.randn(picture.shape, generator=source).to(picture)
    height, width = picture.shape[1:]
    rows = max(band_px // width, REACH_PX + 1)
    result = torch.empty_like(picture)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        first, last = max(start - REACH_PX, 0), min(stop + REACH_PX, height)
        first = min(first, max(height - 2 * REACH_PX - 1, 0))  # reflection needs so many rows
        part = texture(picture[None, :, first:last], noise[None, :, first:last])[0]
        result[:, start:stop] = part[:, start - first : stop - first]
    return result
