"""The ``evaluate`` block of config.yaml."""

from dataclasses import dataclass

from virtual_staining.errors import InputError

SMALLEST_PATCH_PX = 32  # SqueezeNet's poolings leave nothing of a much smaller image


@dataclass(frozen=True)
class EvaluateSettings:
    """How stained slides are compared with real ones.

    Parameters
    ----------
    patch_px : int
        Side of the square patches that are compared, pixels (at least 32).
    step_px : int
        Distance of neighbouring patches, pixels; where it does not divide the image, the patches
        are moved together evenly so that they cover all of it.
    min_overlap : float
        Least part of a patch that the sample correspondence mask must cover, 0 to 1.
    lpips : True, False or "if_given"
        Whether LPIPS is measured; "if_given": only where a backbone file is given.
    lpips_backbone : str or None
        File with the SqueezeNet 1.1 ImageNet weights; None: the environment variable
        ``LPIPS_BACKBONE``, then torchvision's own download.
    bootstrap_resamples : int
        Resamples behind the intervals of the medians (at least 1).
    bootstrap_interval : float
        Coverage of these intervals, between 0 and 1.
    bootstrap_seed : int
        Seed of the resampling.
    """

    patch_px: int = 256
    step_px: int = 256
    min_overlap: float = 0.5
    lpips: bool | str = True
    lpips_backbone: str | None = None
    bootstrap_resamples: int = 1000
    bootstrap_interval: float = 0.95
    bootstrap_seed: int = 1

    def __post_init__(self) -> None:
        """Refuse values out of range by name."""
        checks = {
            "patch_px": (self.patch_px >= SMALLEST_PATCH_PX, f"at least {SMALLEST_PATCH_PX}"),
            "step_px": (self.step_px >= 1, "at least 1"),
            "min_overlap": (0 <= self.min_overlap <= 1, "between 0 and 1"),
            "lpips": (self.lpips in (True, False, "if_given"), "true, false or if_given"),
            "bootstrap_resamples": (self.bootstrap_resamples >= 1, "at least 1"),
            "bootstrap_interval": (0 < self.bootstrap_interval < 1, "between 0 and 1"),
        }
        for key, (good, wanted) in checks.items():
            if not good:
                raise InputError(f"evaluate: {key}: {getattr(self, key)!r} must be {wanted}")
