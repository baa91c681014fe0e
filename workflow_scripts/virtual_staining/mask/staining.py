"""What of a section's implant a stained volume leaves out: the CT alone outlines its specimen."""

import numpy as np

from virtual_staining.imaging.tissue.hull import UNSEEN

LOST_LIMIT = 0.05  # fraction of the section's implant left out above which a warning is due


def left_by_staining(implant: np.ndarray, pieces: list[np.ndarray], shown: np.ndarray) -> str:
    """Return a sentence if the specimen in the volume lacks a part of the section's implant.

    Parameters
    ----------
    implant : ndarray of bool, shape (y, x)
        The implant that the section shows, within the mask's outline of the CT.
    pieces : list of ndarray of bool, shape (y, x)
        What the specimen in the volume covers of the plane.
    shown : ndarray of bool, shape (y, x)
        Where the CT shows anything but background.

    Returns
    -------
    str
        Empty where the specimen holds the implant.
    """
    if not implant.any():
        return ""
    if shown[implant].mean() < UNSEEN:
        return (
            "the CT shows nothing of the section's implant, which is as bright as what surrounds "
            "it; the mask holds it, but staining leaves out what lies beside the bone"
        )
    outside = implant & ~np.logical_or.reduce([np.zeros_like(implant), *pieces])
    share = outside.sum() / implant.sum()
    if share <= LOST_LIMIT:
        return ""
    return (
        f"{share:.0%} of the implant that the section shows lies outside the specimen found in the "
        "volume, because the CT shows it too faintly; the mask holds it, but staining leaves it out"
    )
