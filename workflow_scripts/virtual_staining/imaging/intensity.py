"""Between file intensities and the network's range [-1, 1]: the only place that converts.

Every function takes and returns NumPy arrays or torch tensors alike, of any shape; a tensor stays
on its device. In the network a CT image has three equal channels (paper equation 6 asks for the
generated CT's channels to agree); stacking them is left to the caller, as is the inversion of the
CT for ``cyclegan_inverted``, which is ``-x`` in network range.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

    Image = TypeVar("Image", np.ndarray, torch.Tensor)


def ct_window(ct_white: float) -> tuple[float, float]:
    """Return the grey levels of normalized CT that become -1 and 1: ``(0, ct_white)``.

    Raises
    ------
    ValueError
        If ``ct_white`` is not positive.
    """
    if not ct_white > 0:
        raise ValueError(f"ct_white must be a positive grey level, not {ct_white}")
    return 0.0, float(ct_white)


def ct_to_network(ct: Image, window: tuple[float, float]) -> Image:
    """Scale normalized CT (bone 30000, background 10000) to float32 in [-1, 1].

    Parameters
    ----------
    ct : ndarray or Tensor
        Normalized grey levels, uint16 or float.
    window : (low, high)
        Grey levels of -1 and 1; what lies outside (metal) is clipped.
    """
    low, high = window
    return ((_float(ct) - low) * (2 / (high - low)) - 1).clip(-1, 1)


def network_to_ct(x: Image, window: tuple[float, float]) -> Image:
    """Invert :func:`ct_to_network`: network range to normalized grey levels, uint16, rounded."""
    low, high = window
    return _integer(((_float(x) + 1) * ((high - low) / 2) + low).clip(0, 65535), 16)


def slide_to_network(rgb: Image) -> Image:
    """Scale slide colours 0–255 (uint8 or float) to float32 in [-1, 1], ``x / 127.5 - 1``."""
    return (_float(rgb) * (1 / 127.5) - 1).clip(-1, 1)


def network_to_slide(x: Image) -> Image:
    """Invert :func:`slide_to_network`: network range to uint8 colours, rounded and clipped."""
    return _integer(((_float(x) + 1) * 127.5).clip(0, 255), 8)


def ct_to_display(ct: Image, window: tuple[float, float]) -> Image:
    """Show normalized CT as 8-bit grey, through the same window as the network sees it."""
    return network_to_slide(ct_to_network(ct, window))


def _float(x: Any) -> Any:
    return x.float() if _is_tensor(x) else np.asarray(x, np.float32)


def _integer(x: Any, bits: int) -> Any:
    if _is_tensor(x):
        import torch

        return x.round().to(torch.uint8 if bits == 8 else torch.uint16)
    return x.round().astype(np.uint8 if bits == 8 else np.uint16)


def _is_tensor(x: object) -> bool:
    """Tell tensors from arrays; without torch in the process there is no tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.is_tensor(x)
