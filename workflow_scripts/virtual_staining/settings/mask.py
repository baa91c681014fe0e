"""Settings of the mask stage."""

from dataclasses import dataclass

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class MaskSettings:
    """Keys of the ``mask`` block (paper 2.8, which gives no numbers).

    The reference tissue and its grey levels are the ``normalize`` block's. ``Bone`` outlines bone
    and implant and leaves outer soft tissue out; any other name outlines all of the specimen.

    Parameters
    ----------
    rigid_level : float
        Least CT level of rigid matter, as a fraction of the way from background to reference
        tissue; soft tissue lies below, a PEEK implant above.
    opaque_absorbance : float
        Absorbance (log10) in all of R, G and B above which the normalized slide shows implant.
    smooth_um : float
        Gaussian sigma before thresholds, µm (one pixel at least).
    min_thickness_um : float
        Thinner structures (fibres, fringes, a thin holder wall) do not count, µm.
    min_component : float
        Pieces smaller than this fraction of the largest do not count.
    margin_um : float
        Background kept around the hull, µm.
    """

    rigid_level: float = 0.37
    opaque_absorbance: float = 0.75
    smooth_um: float = 10.0
    min_thickness_um: float = 60.0
    min_component: float = 0.02
    margin_um: float = 25.0

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        for key in ("rigid_level", "min_component"):
            if not 0 < getattr(self, key) < 1:
                raise InputError(f"mask.{key}: must lie between 0 and 1, got {getattr(self, key)}")
        for key in ("smooth_um", "min_thickness_um", "margin_um", "opaque_absorbance"):
            if getattr(self, key) < 0:
                raise InputError(f"mask.{key}: must not be negative")
