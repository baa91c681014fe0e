"""Keys that blocks `infer` and `stain` share: how a plane passes through the networks."""

from collections.abc import Iterator
from typing import Literal

from virtual_staining.settings.base import Settings, key


class TilingSettings(Settings):
    """How a plane passes through the networks (paper 2.9)."""

    patch_px: int = key(
        256,
        "side of a tile; the value of train.patch_px keeps the spatial frequencies that the"
        " networks were trained on",
        unit="pixels",
        paper="2.9",
        ge=16,
        le=4096,
    )
    step_px: int = key(
        64,
        "distance of neighbouring tiles; their overlaps are averaged. Time falls with its square;"
        " half of patch_px suits window: hann",
        unit="pixels",
        paper="2.9",
        ge=1,
        le=4096,
    )
    window: Literal["uniform", "hann"] = key(
        "uniform",
        "weight of a tile's pixels in the average: all the same, or falling to the tile's border"
        " (hann), which shows fewer seams in less time",
        paper="2.9",
    )
    whole_planes: bool = key(
        False,
        "whether a plane passes through the network at once, without tiles and seams; needs"
        " train.norm: pixel. The keys of the tiles then have no effect",
    )
    flips: bool = key(
        False,
        "whether four results are averaged: of the plane and of its mirror images. The mean is more"
        " accurate and less sharp, and takes four times as long",
    )
    precision: Literal["fp32", "bf16", "auto"] = key(
        "fp32",
        "precision of the convolutions in staining: fp32, bf16, or auto (bf16 where the chip has"
        " matrix units for it, as graphics cards from 2020 on). bf16 changes colours by about one"
        " 8-bit level",
    )
    batch_patches: int = key(
        8, "tiles at a time; lower it where memory runs out", effect="memory", ge=1, le=4096
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield tiles with gaps between them."""
        if self.step_px > self.patch_px:
            yield "step_px", f"at most patch_px ({self.patch_px}), or gaps stay unstained"
