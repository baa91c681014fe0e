"""Settings of the stage: the ``ingest`` block of config.yaml."""

from dataclasses import dataclass

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class IngestSettings:
    """Working sizes.

    Parameters
    ----------
    voxel_size_um : float
        Edge of the isotropic working voxels, µm (paper 2.2: 5).
    slide_pixel_um : float
        Working pixel size of slides, µm; finer than the voxels so that registration loses nothing
        when it resamples. A coarser slide keeps its own.
    float_percentiles : (float, float)
        Percentiles of a volume of floats (or wide integers) that become 0 and 65535.
    """

    voxel_size_um: float = 5.0
    slide_pixel_um: float = 2.5
    float_percentiles: tuple[float, float] = (0.01, 99.99)

    def __post_init__(self) -> None:
        """Refuse sizes and percentiles that cannot be.

        Raises
        ------
        InputError
            Naming the key.
        """
        for key in ("voxel_size_um", "slide_pixel_um"):
            if not getattr(self, key) > 0:
                raise InputError(f"ingest: {key} must be a positive size in µm")
        low, high = self.float_percentiles
        if not 0 <= low < high <= 100:
            raise InputError("ingest: float_percentiles must rise and lie between 0 and 100")
