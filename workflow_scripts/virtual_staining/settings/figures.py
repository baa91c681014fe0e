"""The ``figures`` block of config.yaml."""

from dataclasses import dataclass

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class FiguresSettings:
    """What the figures show, and how finely.

    Parameters
    ----------
    train_sample, validation_sample, test_sample : str or None
        The sample shown for each subset; None: the first one.
    roi_px : int
        Side of the magnified region of interest, pixels (at least 16).
    scale_bar_um : float
        Length of the scale bar, µm; a round shorter one where it would fill the image.
    patches : int
        Training patches shown (at least 1).
    dpi : int
        Resolution of the PNG files, dots per inch (50 to 1200).
    """

    train_sample: str | None = None
    validation_sample: str | None = None
    test_sample: str | None = None
    roi_px: int = 256
    scale_bar_um: float = 500
    patches: int = 4
    dpi: int = 200

    def __post_init__(self) -> None:
        """Refuse values out of range by name."""
        checks = {
            "roi_px": (self.roi_px >= 16, "at least 16"),
            "scale_bar_um": (self.scale_bar_um > 0, "positive"),
            "patches": (self.patches >= 1, "at least 1"),
            "dpi": (50 <= self.dpi <= 1200, "between 50 and 1200"),
        }
        for key, (good, wanted) in checks.items():
            if not good:
                raise InputError(f"figures: {key}: {getattr(self, key)!r} must be {wanted}")
