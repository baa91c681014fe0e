"""Instance norm, reflection and upsampling in faster forms.

Each form equals the plain layer up to rounding. Unlike the library's instance norm, these forms
return ``channels_last`` tensors for ``channels_last`` tensors, so that the following convolution
need not reorder them.
"""

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

# Nearest doubling of a row and a k-tap kernel together equal a transposed convolution of stride 2.
# Row a of FOLD_k marks the taps of the kernel that tap a of the transposed convolution sums.
FOLD_3 = ((0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))
FOLD_4 = ((0, 0, 0, 1), (0, 0, 1, 1), (0, 1, 1, 0), (1, 1, 0, 0), (1, 0, 0, 0))


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm without parameters, computed as the library's batch norm of each image."""

    @staticmethod
    def replaces(layer: nn.Module) -> bool:
        """Whether the layer is an instance norm without parameters and running means."""
        return (
            type(layer) is nn.InstanceNorm2d and not layer.affine and not layer.track_running_stats
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, c, h, w) to the same shape and memory format."""
        return _PerImageNorm.apply(x, self.eps)


class _PerImageNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor, eps: float) -> torch.Tensor:
        out = torch.empty_like(x)
        # The library keeps the moments of half-precision images in float32 on GPUs only.
        kind = torch.float32 if x.is_cuda else x.dtype
        means, scales = x.new_empty((2, *x.shape[:2]), dtype=kind)
        for n in range(len(x)):
            torch.ops.aten.native_batch_norm.out(
                x[n : n + 1],
                *[None] * 4,
                True,
                0.0,
                eps,
                out=out[n : n + 1],
                save_mean=means[n],
                save_invstd=scales[n],
            )
        ctx.eps = eps
        ctx.save_for_backward(x, means, scales)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        x, means, scales = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=_format(x))
        out = torch.empty_like(x)
        for n in range(len(x)):
            values, _, _ = torch.ops.aten.native_batch_norm_backward(
                gradient[n : n + 1],
                x[n : n + 1],
                *[None] * 3,
                means[n],
                scales[n],
                True,
                ctx.eps,
                [True, False, False],
            )
            out[n : n + 1].copy_(values)
        return out, None


def _format(x: torch.Tensor) -> torch.memory_format:
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


class ReflectionPad(nn.ReflectionPad2d):
    """Reflection on all four sides whose gradient is the same in every run, on GPUs too."""

    @staticmethod
    def replaces(layer: nn.Module) -> bool:
        """Whether the layer adds as many pixels on each side."""
        return type(layer) is nn.ReflectionPad2d and len(set(layer.padding)) == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, c, h, w) to (n, c, h + 2 width, w + 2 width)."""
        if not x.is_cuda:
            return super().forward(x)
        # The library's gradient adds up in an order that changes from run to run.
        width = self.padding[0]
        return reflect(reflect(x, width, 3), width, 2)


def reflect(x: torch.Tensor, width: int, axis: int) -> torch.Tensor:
    """Pad both ends of an axis by mirror images, which do not repeat the edge."""
    size = x.shape[axis]
    before = x.narrow(axis, 1, width).flip(axis)
    after = x.narrow(axis, size - 1 - width, width).flip(axis)
    return torch.cat([before, x, after], axis)


class DoublingConv2d(nn.Conv2d):
    """Nearest doubling and a k × k convolution as one transposed convolution of stride 2.

    Padding is 1 on all sides for k = 3, and 2 before and 1 after for k = 4. The transposed
    convolution needs 16 of 36 multiplications for k = 3, and 25 of 64 for k = 4.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, 2 h, 2 w)."""
        height, width = x.shape[2:]
        fold = torch.tensor(FOLD_3 if self.kernel_size[0] == 3 else FOLD_4).to(self.weight)
        weight = fold_kernel(self.weight, fold)
        out = functional.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)
        return out[:, :, : 2 * height, : 2 * width]


def fold_upsampling(layers: nn.Sequential) -> None:
    """Replace each nearest doubling and the convolution after it, in place; the indices stay."""
    for start, layer in enumerate(layers):
        if not isinstance(layer, nn.Upsample) or (layer.scale_factor, layer.mode) != (2, "nearest"):
            continue
        pad = layers[start + 1] if isinstance(layers[start + 1], nn.ZeroPad2d) else None
        conv = layers[start + 1 if pad is None else start + 2]
        if _is_foldable(pad, conv):
            layers[start] = nn.Identity()
            if pad is not None:
                layers[start + 1] = nn.Identity()
            conv.__class__ = DoublingConv2d


def _is_foldable(pad: nn.ZeroPad2d | None, conv: nn.Module) -> bool:
    """Whether :class:`DoublingConv2d` computes this convolution after a doubling and a padding."""
    if type(conv) is not nn.Conv2d or (conv.stride, conv.padding) != ((1, 1), (1, 1)):
        return False
    return (pad and pad.padding, conv.kernel_size) in {(None, (3, 3)), ((1, 0, 1, 0), (4, 4))}


def fold_kernel(weight: torch.Tensor, fold: torch.Tensor) -> torch.Tensor:
    """Return M W Mᵀ with input channels first, the weight of the transposed convolution.

    Parameters
    ----------
    weight : Tensor, shape (out, in, k, k)
        Weight of the convolution that follows the doubling.
    fold : Tensor, shape (k + 1, k)
        M.
    """
    return torch.einsum("ak,oikl,bl->ioab", fold, weight, fold)
