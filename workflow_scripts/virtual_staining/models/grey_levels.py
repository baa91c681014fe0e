"""A generator's input with the grey of the image spread over channels, one for each grey level."""

import torch
from torch import nn


class GreyLevels(nn.Module):
    """The image, followed by channels in which the grey passes one level each with high contrast.

    Air, soft tissue and polymers lie within a tenth of a CT's grey scale, and most of the scale
    belongs to bone and metal. A convolution with initial weights barely tells the former apart.
    Channel k is 0 where the grey equals level k, -1 and 1 where the grey lies one distance of
    neighbouring levels or more below and above. Windows of a CT do the same for a human eye.

    Parameters
    ----------
    levels : int
        Number of levels: the middles of so many equal parts of the range from -1 to 1.
    """

    def __init__(self, levels: int):
        super().__init__()
        self.slope = levels / 2
        middles = (2 * torch.arange(levels) + 1) / levels - 1
        self.register_buffer("levels", middles.view(1, levels, 1, 1), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map an image (n, 3, h, w) in [-1, 1] to (n, 3 + levels, h, w) in [-1, 1].

        The grey of an image is the mean of its three channels.
        """
        grey = image.mean(1, keepdim=True)
        steps = ((grey - self.levels) * self.slope).clamp(-1, 1)
        return torch.cat([image, steps], 1)
