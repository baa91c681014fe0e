"""The ``infer`` block of config.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InferSettings:
    """The ``infer`` block of config.yaml.

    Parameters
    ----------
    patch_px, step_px : int
        Tile size and distance of neighbouring tiles, pixels.
    batch_patches : int
        Tiles at a time.
    training_patches : int
        Training patches stained singly, for the figure of direct model output.
    """

    patch_px: int
    step_px: int
    batch_patches: int
    training_patches: int
