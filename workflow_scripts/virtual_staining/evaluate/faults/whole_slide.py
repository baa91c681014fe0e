"""The faults of one stained slide, as columns of a table with a row per slide."""

from collections.abc import Callable

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.faults.false_structures import (
    dark_tissue_fraction,
    false_hole_fraction,
)
from virtual_staining.evaluate.faults.seams import image_steps, seam_ratio
from virtual_staining.imaging.tissue.classes import Tissue, stained_tissue

KID = "kid_squeezenet_1000"
COLUMNS = tuple(
    MetricColumn(column, name, unit, higher_is_better=False, decimals=decimals, order=order)
    for column, name, unit, decimals, order in (
        ("seam_ratio", "Seams", "", 2, 10),
        ("false_hole_fraction", "Holes in bone", "", 4, 20),
        ("dark_tissue_fraction", "Dark tissue", "", 4, 30),
        (KID, "KID (SqueezeNet) × 1000", "", 1, 40),
        ("resolution_generated_um", "Resolution", "µm", 0, 50),
        ("resolution_real_um", "Real slide's", "µm", 0, 51),
        ("resolution_ct_um", "CT's", "µm", 0, 52),
        ("resolution_pair_um", "Common to both slides", "µm", 0, 53),
    )
)


def faults_of(
    real: np.ndarray,
    ct: np.ndarray,
    classes: np.ndarray,
    background: np.ndarray,
    tile_step_px: int,
) -> Callable[[np.ndarray], dict[str, float]]:
    """Return what measures the faults of stained slides of one sample.

    Parameters
    ----------
    real : ndarray, shape (y, x, 3), uint8
        The real slide.
    ct : ndarray, shape (y, x)
        CT of the pair.
    classes : ndarray of uint8, shape (y, x)
        Tissue classes of the pair.
    background : ndarray, shape (3,), uint8
        Colour of the real slide's background.
    tile_step_px : int
        Distance of neighbouring tiles of the inference, pixels.

    Returns
    -------
    callable
        From a generated slide, uint8 (y, x, 3), to each column's value; NaN where the slide has no
        such tissue.
    """
    tissue = stained_tissue(classes)
    bone = tissue & np.isin(classes, (Tissue.RIGID, Tissue.DEGRADATION))
    shown = [image_steps(image, tissue) for image in (real, ct)]

    def faults(generated: np.ndarray) -> dict[str, float]:
        own = image_steps(generated, tissue)
        return {
            "seam_ratio": seam_ratio(own, shown, tile_step_px),
            "false_hole_fraction": false_hole_fraction(real, generated, bone, background),
            "dark_tissue_fraction": dark_tissue_fraction(real, generated, tissue),
        }

    return faults
