"""3 × 3 convolutions with a quarter of the multiplications, for CPUs (Lavin & Gray 2016).

A linear transformation turns each tile of 6 × 6 input pixels into 36 numbers; neighbouring tiles
start 4 pixels apart. For each of the 36 numbers, one matrix product over the channels replaces the
convolution. A second transformation turns the 36 products into 4 × 4 output pixels. This is the
algorithm F(4 × 4, 3 × 3), doi:10.1109/CVPR.2016.435. In float32 its result differs from that of the
plain convolution by about three parts in a million.
"""

import itertools
from math import ceil

import torch
from torch import nn
from torch.autograd.function import once_differentiable

# Transformations of a row of pixels, of a row of the kernel, and of a row of products to pixels.
PIXELS = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
BACK = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
TILE, OVERLAP = 4, 2
# Rows of a tile that belong to this tile alone, and rows that the next tile shares.
OWN, SHARED = slice(0, TILE), slice(TILE, TILE + OVERLAP)
FEWEST_CHANNELS = 256  # with fewer the transformations cost more than they save
BLOCK_TILES = 128  # tiles computed together, few enough for the CPU's cache


class WinogradConv2d(nn.Conv2d):
    """A 3 × 3 convolution without padding that chooses the faster of two algorithms.

    The library's algorithm is chosen on a GPU, in bfloat16, with few channels, and if a side of the
    output is no multiple of four.
    """

    @staticmethod
    def replaces(conv: nn.Module) -> bool:
        """Whether the layer is such a convolution."""
        return (
            type(conv) is nn.Conv2d
            and (conv.kernel_size, conv.stride, conv.padding) == ((3, 3), (1, 1), (0, 0))
            and conv.bias is not None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h - 2, w - 2)."""
        fits = all(side % TILE == OVERLAP for side in x.shape[2:])
        wide = min(self.in_channels, self.out_channels) >= FEWEST_CHANNELS
        if x.is_cuda or torch.is_autocast_enabled(x.device.type) or not (fits and wide):
            return super().forward(x)
        return _Winograd.apply(x, self.weight, self.bias)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)
        n, channels, height, width = x.shape
        shape = (n, len(weight), height - OVERLAP, width - OVERLAP)
        out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        kernels, pixels, back = _kernels(weight), _square(PIXELS, x), _square(BACK, x)
        for image, rows in _blocks(x):
            tiles = _patches(x, image, rows, TILE + OVERLAP).reshape(36, -1)
            spread = (pixels @ tiles).view(36, -1, channels)
            products = torch.bmm(spread, kernels)
            block = _patches(out, image, rows, TILE)
            torch.add((back @ products.view(36, -1)).view(block.shape), bias, out=block)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        kernels, pixels, back = _kernels(weight), _square(PIXELS, x), _square(BACK, x)
        turned = kernels.transpose(1, 2).contiguous()
        out = torch.zeros_like(x)
        summed = torch.zeros_like(kernels)
        for image, rows in _blocks(x):
            tiles = _patches(gradient, image, rows, TILE).reshape(16, -1)
            products = (back.T @ tiles).view(36, -1, len(weight))
            if ctx.needs_input_grad[1]:
                tiles = _patches(x, image, rows, TILE + OVERLAP).reshape(36, -1)
                spread = (pixels @ tiles).view(36, -1, x.shape[1])
                summed.baddbmm_(spread.transpose(1, 2), products)
            if ctx.needs_input_grad[0]:
                spread = pixels.T @ torch.bmm(products, turned).view(36, -1)
                block = _patches(out, image, rows, TILE + OVERLAP)
                spread = spread.view(block.shape)
                for part in itertools.product((OWN, SHARED), repeat=2):
                    block[part] += spread[part]
        kernel = _square(KERNEL, x).T @ summed.view(36, -1)
        kernel = kernel.view(3, 3, x.shape[1], len(weight)).permute(3, 2, 0, 1)
        return out, kernel, gradient.sum((0, 2, 3))


def _square(matrix: tuple, like: torch.Tensor) -> torch.Tensor:
    """Return the transformation of squares from that of rows, in the number format of ``like``."""
    rows = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(rows, rows).to(like)


def _kernels(weight: torch.Tensor) -> torch.Tensor:
    """Return the weights (out, in, 3, 3) transformed: (36, in, out)."""
    rows = weight.permute(2, 3, 1, 0).reshape(9, -1)
    return (_square(KERNEL, weight) @ rows).view(36, weight.shape[1], weight.shape[0])


def _blocks(x: torch.Tensor) -> list[tuple[int, range]]:
    """Return (image, rows of tiles) of about ``BLOCK_TILES`` tiles each."""
    height, width = ((side - OVERLAP) // TILE for side in x.shape[2:])
    step = ceil(BLOCK_TILES / width)
    starts = range(0, height, step)
    return [(n, range(a, min(a + step, height))) for n in range(len(x)) for a in starts]


def _patches(x: torch.Tensor, image: int, rows: range, size: int) -> torch.Tensor:
    """Return a view of patches, (size, size, rows, columns, channels), four pixels apart."""
    across, down = x.stride(3), x.stride(2)
    columns = (x.shape[3] - size) // TILE + 1
    return x.as_strided(
        (size, size, len(rows), columns, x.shape[1]),
        (down, across, TILE * down, TILE * across, 1),
        x.storage_offset() + image * x.stride(0) + TILE * rows.start * down,
    )
