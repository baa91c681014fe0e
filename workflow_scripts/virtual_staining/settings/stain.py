"""Settings of the stage: the ``stain`` block of config.yaml."""

from dataclasses import dataclass

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class StainSettings:
    """Which volumes are stained, by what, and how finely.

    Parameters
    ----------
    model : str
        Model whose generators stain.
    folds : tuple of int
        Folds whose generators are averaged.
    volumes : str or tuple of str
        ``test`` (volumes of test samples and those without a section), ``all``, or volume ids.
        ``model``, ``folds`` and ``volumes`` are resolved by the workflow, not by the command.
    sigma_voxel : float
        Standard deviation of the 3D Gaussian before staining, voxels (paper 2.11: 1).
    specimen_only : bool
        Leave everything outside the specimen's hull white and transparent.
    patch_px, step_px : int
        Side and distance of the overlapping tiles, pixels (paper 2.9: 256 and 64).
    batch_patches : int
        Tiles at a time; memory only.
    """

    model: str = "paired_cyclegan"
    folds: tuple[int, ...] = (1,)
    volumes: str | tuple[str, ...] = "test"
    sigma_voxel: float = 1.0
    specimen_only: bool = True
    patch_px: int = 256
    step_px: int = 64
    batch_patches: int = 8

    def __post_init__(self) -> None:
        """Refuse values that cannot be.

        Raises
        ------
        InputError
            Naming the key.
        """
        if self.sigma_voxel < 0:
            raise InputError("stain: sigma_voxel must not be negative")
        if not 0 < self.step_px <= self.patch_px:
            raise InputError("stain: step_px must lie between 1 and patch_px")
        if self.batch_patches < 1:
            raise InputError("stain: batch_patches must be at least 1")
