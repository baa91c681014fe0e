"""Sentences that tell what is doubtful about a registration."""

from virtual_staining.register.find import Found
from virtual_staining.register.settings import Settings

MIN_TISSUE_FRACTION = 0.02


def is_unsure(found: Found, settings: Settings) -> bool:
    """Tell whether a result's confidence is below the bar."""
    return bool(found.confidence < settings.min_confidence)


def flag_result(found: Found, tissue_fraction: float, settings: Settings) -> list[str]:
    """Return one sentence for each doubt; an empty list means none.

    Parameters
    ----------
    found : Found
        What the search found.
    tissue_fraction : float
        Part of the pair's pixels where the section shows tissue and the volume holds data.
    settings : Settings
        Limits.
    """
    flags = []
    for name, value, limit in (
        ("scale_x", found.pose[9], settings.max_scale),
        ("scale_y", found.pose[10], settings.max_scale),
        ("shear", found.pose[11], settings.max_shear),
    ):
        if abs(value) > limit:
            flags.append(f"{name} {value:+.3f} is beyond ±{limit:g}")
    if is_unsure(found, settings):
        flags.append(
            f"confidence {found.confidence:.2f} is below {settings.min_confidence:g}: another "
            f"place fits nearly as well (margin {found.margin:.3f}), or too few searches ended "
            f"here ({found.agreeing} of {found.searches})"
        )
    if tissue_fraction < MIN_TISSUE_FRACTION:
        flags.append("no tissue of the section overlaps the volume")
    return flags
