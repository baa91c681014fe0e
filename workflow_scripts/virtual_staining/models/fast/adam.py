"""Adam on the weights in the order in which memory holds them."""

from collections.abc import Iterable

import torch
from torch import nn


class StoredOrderAdam(torch.optim.Adam):
    """The library's fused Adam, spared the copies that it makes of ``channels_last`` gradients.

    On processors they take three times as long as the step itself, and nothing reads them
    (torch 2.13). Here the optimizer sees views whose shape is the order in memory, and keeps its
    moments in that shape. Kingma & Ba 2015, arXiv:1412.6980.

    Parameters
    ----------
    parameters : iterable of Parameter
        The weights. Their gradients are taken at each step.
    **options
        The library's.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], **options):
        self.weights = list(parameters)
        views = [nn.Parameter(_stored(weight.detach())) for weight in self.weights]
        super().__init__(views, fused=True, **options)

    def step(self) -> None:
        """Change the weights by their gradients."""
        (group,) = self.param_groups
        for view, weight in zip(group["params"], self.weights, strict=True):
            view.grad = None if weight.grad is None else _stored(weight.grad)
        super().step()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        super().zero_grad()
        for weight in self.weights:
            weight.grad = None


def _stored(x: torch.Tensor) -> torch.Tensor:
    """Return a kernel (out, in, h, w) that lies channels last as (out, h, w, in)."""
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return x.permute(0, 2, 3, 1) if last else x
