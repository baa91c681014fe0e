"""The ``infer`` block: staining of whole slides."""

from typing import ClassVar

from virtual_staining.settings.base import key
from virtual_staining.settings.tiling import TilingSettings


class InferSettings(TilingSettings):
    """Staining of whole slides (paper 2.9).

    The paper averages overlapping tiles of the training's size, all weighing the same. Networks
    trained with norm: pixel need no tiles: set whole_planes. For tables, flips: true.
    """

    block_name: ClassVar[str] = "infer"

    texture: bool = key(
        False,
        "whether stained slides show the texture that generators with train.texture: true have"
        " learned. The texture is noise, as strong and as coarse as the grain of real sections; no"
        " grain lies where the section has one. Stained volumes never show it",
    )
    training_patches: int = key(
        6,
        "number of training patches that are stained singly, for the figure of direct model output",
        paper="Fig. 4a",
        ge=1,
        le=1000,
    )
