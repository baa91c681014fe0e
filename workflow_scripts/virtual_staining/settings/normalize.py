"""Settings of the normalize stage."""

from dataclasses import dataclass

from virtual_staining.errors import InputError

BONE = "Bone"


@dataclass(frozen=True)
class NormalizeSettings:
    """Keys of the ``normalize`` block (paper 2.5; values marked * are not given there).

    Parameters
    ----------
    reference_class : str
        Tissue whose grey level is fixed, and its class name in annotations. ``Bone`` is sought as
        the densest tissue besides the implant; any other name stands for all of the specimen.
    bone_mean, background_mean : float
        CT levels of reference tissue and background after scaling, uint16 units.
    low_percentile, high_percentile : float
        Percentiles of the reference tissue's and the background's slide intensities, %.
    low_margin, high_margin : float
        The paper's c and c′ *, 8-bit units.
    low_clamp, high_clamp : float
        ``f_min`` is at least, ``f_max`` at most this, 8-bit units.
    erode_um : float
        How far automatic regions stay away from every boundary *, µm (one pixel at least).
    smooth_um : float
        Gaussian sigma before thresholds *, µm (one pixel at least); means use unsmoothed values.
    implant_margin_um : float
        How far the bone region stays away from the implant, its degradation layer and the new
        bone on it *, µm.
    opaque_absorbance : float
        Absorbance (log10) in all of R, G and B above which the slide shows implant *.
    min_roi_px : int
        Fewest pixels a region may have *.
    """

    reference_class: str = BONE
    bone_mean: float = 30000.0
    background_mean: float = 10000.0
    low_percentile: float = 1.0
    high_percentile: float = 99.0
    low_margin: float = 5.0
    high_margin: float = 5.0
    low_clamp: float = 10.0
    high_clamp: float = 255.0
    erode_um: float = 15.0
    smooth_um: float = 7.5
    implant_margin_um: float = 250.0
    opaque_absorbance: float = 0.75
    min_roi_px: int = 100

    def __post_init__(self) -> None:
        """Refuse contradictory or out-of-range values, naming the key."""
        if not 0 <= self.background_mean < self.bone_mean <= 65535:
            raise InputError("normalize: need 0 <= background_mean < bone_mean <= 65535")
        if not 0 <= self.low_clamp < self.high_clamp <= 255:
            raise InputError("normalize: need 0 <= low_clamp < high_clamp <= 255")
        for key in ("low_percentile", "high_percentile"):
            if not 0 <= getattr(self, key) <= 100:
                raise InputError(f"normalize.{key}: must lie in 0 to 100 %")
        for key in ("erode_um", "smooth_um", "implant_margin_um", "opaque_absorbance"):
            if getattr(self, key) < 0:
                raise InputError(f"normalize.{key}: must not be negative")
        if self.min_roi_px < 1:
            raise InputError("normalize.min_roi_px: must be at least 1")
