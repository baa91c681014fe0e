"""The ``infer`` block: staining of whole slides."""

from collections.abc import Iterator
from typing import ClassVar

from virtual_staining.settings.base import Settings, key


class InferSettings(Settings):
    """Staining of whole slides from overlapping tiles (paper 2.9).

    Keep patch_px at train.patch_px, so that the networks see the spatial frequencies that they were
    trained on. A smaller step_px averages more tiles and costs time with its square.
    """

    block_name: ClassVar[str] = "infer"

    patch_px: int = key(256, "side of a tile", unit="pixels", paper="2.9", ge=16, le=4096)
    step_px: int = key(
        64,
        "distance of neighbouring tiles; their overlaps are averaged",
        unit="pixels",
        paper="2.9",
        ge=1,
        le=4096,
    )
    batch_patches: int = key(
        8, "tiles at a time; lower it where memory runs out", effect="memory", ge=1, le=4096
    )
    training_patches: int = key(
        6,
        "number of training patches that are stained singly, for the figure of direct model output",
        paper="Fig. 4a",
        ge=1,
        le=1000,
    )

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield tiles with gaps between them."""
        if self.step_px > self.patch_px:
            yield "step_px", f"at most patch_px ({self.patch_px}), or gaps stay unstained"
