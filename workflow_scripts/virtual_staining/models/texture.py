"""Texture that a generator's input does not determine: noise as strong as real sections ask for.

Cells and granules of stain below the resolution of a CT show in a section and not in the CT. A
pixelwise loss asks a generator for the mean of all textures that are possible, and the mean is
flat. Here the generator paints that mean, and nothing else enters the pixelwise and cycle losses.
A discriminator sees the picture with noise on it. The real sections teach how much neighbouring
pixels of each colour differ, and how coarse the grain is (the variogram of a section; Matheron
1963). The noise adds as much as the differences within the picture fall short of that. So the
texture fits a picture however smooth, the mean over mirror images for instance.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, leaky_relu, pad, relu

CHANNELS = 3
FEATURES = 8
FIRST_DIFFERENCE = 0.05  # of neighbouring pixels, in network range: 6 of 255 grey levels
LAGS_PX = (1, 2, 4)
WINDOW_PX = 9  # in which differences are averaged: large against the grain, small against tissues
GRAIN_PX = 5  # side of the kernel that filters the noise
REACH_PX = WINDOW_PX // 2 + 1  # no pixel of the picture changes the texture farther away
MEAN_ABSOLUTE, MEDIAN_ABSOLUTE = 0.7979, 0.6745  # of a normally distributed number of variance 1


class Texture(nn.Module):
    """Adds grey noise to a picture until its neighbouring pixels differ as those of sections do."""

    def __init__(self):
        super().__init__()
        self.grain = nn.Parameter(torch.zeros(1, 1, GRAIN_PX, GRAIN_PX))
        self.colours = nn.Conv2d(CHANNELS, FEATURES, 1)
        self.difference = nn.Conv2d(FEATURES, CHANNELS, 1)

    @torch.no_grad()
    def initialize(self) -> None:
        """Begin with white noise, and with ``FIRST_DIFFERENCE`` on every colour."""
        nn.init.zeros_(self.grain)
        self.grain[0, 0, GRAIN_PX // 2, GRAIN_PX // 2] = 1
        nn.init.normal_(self.colours.weight)
        nn.init.uniform_(self.colours.bias, -1, 1)
        for parameter in self.difference.parameters():
            nn.init.zeros_(parameter)

    def expected_difference(self, picture: torch.Tensor) -> torch.Tensor:
        """Return the mean difference of neighbouring pixels of each colour, (n, 3, h, w)."""
        colours = leaky_relu(self.colours(picture), 0.2)
        return FIRST_DIFFERENCE * relu(1 + self.difference(colours))

    def grains(self, noise: torch.Tensor) -> torch.Tensor:
        """Return noise (n, 1, h, w) as coarse as the sections' grain.

        Noise of variance 1 becomes noise whose neighbours differ by 1 in the mean.
        """
        kernel = pad(self.grain, [1] * 4)
        apart = [(kernel - kernel.roll(1, dim)).square().sum() for dim in (2, 3)]
        deviation = (torch.stack(apart).mean() + 1e-12).sqrt()
        grown = pad(noise, [GRAIN_PX // 2] * 4, mode="reflect")
        return conv2d(grown, self.grain / (MEAN_ABSOLUTE * deviation))

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return a picture with texture.

        Parameters
        ----------
        picture : Tensor, shape (n, 3, h, w)
            Network range.
        noise : Tensor, shape (n, 1, h, w)
            Normally distributed, of variance 1.
        """
        missing = self.expected_difference(picture).square() - _local_difference(picture).square()
        return picture + relu(missing).sqrt().detach() * self.grains(noise)


def _local_difference(picture: torch.Tensor) -> torch.Tensor:
    """Return the mean difference of neighbouring pixels in a window around each pixel."""
    grown = pad(picture, [WINDOW_PX // 2, WINDOW_PX // 2 + 1] * 2, mode="reflect")
    inner = grown[..., :-1, :-1]
    apart = (grown[..., 1:, :-1] - inner).abs() + (grown[..., :-1, 1:] - inner).abs()
    # One axis after the other takes 2 x 9 steps a pixel instead of 9 x 9.
    return avg_pool2d(avg_pool2d(apart / 2, (WINDOW_PX, 1), 1), (1, WINDOW_PX), 1)


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
    texture, plain = generator.texture, picture.detach()
    shown = texture(plain, torch.randn_like(plain[:, :1]))
    expected = texture.expected_difference(plain) * (MEDIAN_ABSOLUTE / MEAN_ABSOLUTE)
    terms = []
    for lag in LAGS_PX:
        for dim in (2, 3):
            a, b = (_difference(image, lag, dim) for image in (shown, real))
            weight = mask.narrow(2, 0, a.shape[2]).narrow(3, 0, a.shape[3])
            terms.append(avg_pool2d((a - b) * weight, WINDOW_PX).abs().mean())
            if lag == 1:  # absolute deviations are least at the median, which edges hardly move
                at = expected.narrow(2, 0, a.shape[2]).narrow(3, 0, a.shape[3])
                terms.append(((at - b) * weight).abs().mean())
    return picture + (shown - plain).detach(), torch.stack(terms).mean()


def _difference(image: torch.Tensor, lag: int, dim: int) -> torch.Tensor:
    """Return how far pixels a lag apart differ, at the first of both pixels."""
    size = image.shape[dim] - lag
    return (image.narrow(dim, lag, size) - image.narrow(dim, 0, size)).abs()


@torch.inference_mode()
def with_texture(texture: Texture, picture: torch.Tensor, seed: int, band_px: int) -> torch.Tensor:
    """Return a whole plane with texture, in bands that bound the memory and leave no seam.

    Parameters
    ----------
    texture : Texture
        Learned texture.
    picture : Tensor, shape (3, h, w)
        Network range, more than ``REACH_PX`` pixels high and wide.
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
        first = max(min(start - REACH_PX, last - REACH_PX - 1), 0)
        part = texture(picture[None, :, first:last], noise[None, :, first:last])[0]
        result[:, start:stop] = part[:, start - first : stop - first]
    return result
