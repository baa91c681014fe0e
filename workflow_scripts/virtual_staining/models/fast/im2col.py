"""The U-Net's 4 × 4 convolutions of stride 2 as matrix products, for processors.

Where an image is a few pixels wide and hundreds of channels deep, the weights outweigh the pixels
many times, and the library spends most of its time on bringing them into its own order, once for
each pass. Stored channels last, they are a matrix already: the patches under the kernel become its
columns (im2col; Chellapilla et al. 2006).
"""

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

SIZE, STRIDE, PADDING = 4, 2, 1


def _is_unet_layer(layer: nn.Module, kind: type) -> bool:
    shape = (layer.kernel_size, layer.stride, layer.padding) if type(layer) is kind else None
    return shape == ((SIZE,) * 2, (STRIDE,) * 2, (PADDING,) * 2) and layer.bias is None


class MatrixConv2d(nn.Conv2d):
    """A 4 × 4 convolution of stride 2 without bias that chooses the faster of two algorithms.

    The library's algorithm is chosen on a GPU, in bfloat16, if the pixels outnumber the weights,
    and if the weights are not stored channels last.
    """

    @staticmethod
    def replaces(layer: nn.Module) -> bool:
        """Whether the layer is such a convolution."""
        return _is_unet_layer(layer, nn.Conv2d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, 2 h, 2 w) to (n, out_channels, h, w)."""
        even = all(side % STRIDE == 0 for side in x.shape[2:])
        if even and _pays(x, x[:, 0].numel() // STRIDE**2, self.weight):
            return _Halve.apply(x, self.weight)
        return super().forward(x)


class MatrixConvTranspose2d(nn.ConvTranspose2d):
    """A transposed 4 × 4 convolution of stride 2 without bias, as :class:`MatrixConv2d`."""

    @staticmethod
    def replaces(layer: nn.Module) -> bool:
        """Whether the layer is such a convolution."""
        return _is_unet_layer(layer, nn.ConvTranspose2d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, 2 h, 2 w)."""
        if _pays(x, x[:, 0].numel(), self.weight):
            return _Double.apply(x, self.weight)
        return super().forward(x)


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        n, _, height, width = x.shape
        pixels = _columns(x) @ _matrix(weight).T
        return pixels.view(n, height // STRIDE, width // STRIDE, -1).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, weight = ctx.saved_tensors
        pixels = _pixels(gradient)
        summed = (pixels.T @ _columns(x)).view(len(weight), SIZE, SIZE, -1)
        return _spread(pixels @ _matrix(weight), gradient), summed.permute(0, 3, 1, 2)


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        return _spread(_pixels(x) @ _matrix(weight), x)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, weight = ctx.saved_tensors
        columns = _columns(gradient)
        summed = (_pixels(x).T @ columns).view(len(weight), SIZE, SIZE, -1)
        small = (columns @ _matrix(weight).T).view(len(x), *x.shape[2:], -1)
        return small.permute(0, 3, 1, 2), summed.permute(0, 3, 1, 2)


def _pays(x: torch.Tensor, pixels: int, weight: torch.Tensor) -> bool:
    """Whether the weights are a matrix, and the columns of so many small pixels fewer than they."""
    if x.is_cuda or torch.is_autocast_enabled(x.device.type):
        return False
    stored = weight.is_contiguous(memory_format=torch.channels_last)
    return stored and pixels <= len(weight)


def _pixels(x: torch.Tensor) -> torch.Tensor:
    """Return (n, c, h, w) as (n h w, c)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _matrix(weight: torch.Tensor) -> torch.Tensor:
    """Return (small side's channels, large side's, 4, 4) as (small, 4 × 4 × large)."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def _columns(x: torch.Tensor) -> torch.Tensor:
    """Return the patches under the kernel: (n, c, 2 h, 2 w) as (n h w, 4 × 4 × c)."""
    padded = functional.pad(x, [PADDING] * 4).permute(0, 2, 3, 1)
    patches = padded.unfold(1, SIZE, STRIDE).unfold(2, SIZE, STRIDE)  # (n, h, w, c, 4, 4)
    return patches.permute(0, 1, 2, 4, 5, 3).reshape(-1, SIZE * SIZE * x.shape[1])


def _spread(columns: torch.Tensor, small: torch.Tensor) -> torch.Tensor:
    """Add up columns where their patches lie: the transpose of :func:`_columns`.

    Returns (n, c, 2 h, 2 w) for a ``small`` side of (n, any, h, w).
    """
    n, _, height, width = small.shape
    patches = columns.view(n, height, width, SIZE, SIZE, -1)
    high, wide = STRIDE * height, STRIDE * width
    out = columns.new_zeros(n, high + 2 * PADDING, wide + 2 * PADDING, patches.shape[-1])
    for row in range(SIZE):
        for column in range(SIZE):
            to = out[:, row : row + high : STRIDE, column : column + wide : STRIDE]
            to += patches[:, :, :, row, column]
    inner = out[:, PADDING : PADDING + high, PADDING : PADDING + wide].permute(0, 3, 1, 2)
    return inner.contiguous(memory_format=torch.channels_last)
