"""The implant: an M2-like threaded screw with a slotted, countersunk head (paper 2.1)."""

import numpy as np

MAJOR_RADIUS_UM = 1000.0
MINOR_RADIUS_UM = 755.0
PITCH_UM = 400.0
TIP_UM = -2000.0
TOP_UM = 2000.0
HEAD_UM = 1450.0
"""Height where the head's cylinder begins; the cone below it begins 300 µm lower."""
HEAD_RADIUS_UM = 1400.0
SLOT_HALF_WIDTH_UM = 160.0
SLOT_FLOOR_UM = 1650.0


def screw_distance(points_um: np.ndarray) -> np.ndarray:
    """Return the approximate distance to the screw's original surface, negative inside, µm.

    Parameters
    ----------
    points_um : ndarray, shape (3, n)
        Points in the screw's frame: z along its axis, head at +2000, tip at −2000 µm.

    Returns
    -------
    ndarray, shape (n,), float32
    """
    x, y, z = points_um
    radius = np.hypot(x, y)
    turn = z / np.float32(PITCH_UM) - np.arctan2(y, x) / np.float32(2 * np.pi)
    crest = np.abs(2 * (turn - np.floor(turn)) - 1)
    crest = np.clip(1.25 * crest - 0.125, 0, 1)  # flat crests and roots
    outline = MINOR_RADIUS_UM + (MAJOR_RADIUS_UM - MINOR_RADIUS_UM) * crest
    tip = 600 + (MAJOR_RADIUS_UM - 600) * (z - TIP_UM) / 350
    cone = MAJOR_RADIUS_UM + (HEAD_RADIUS_UM - MAJOR_RADIUS_UM) * (z - HEAD_UM + 300) / 300
    neck = np.clip(cone, 0, HEAD_RADIUS_UM)
    outline = np.where(z > HEAD_UM - 300, neck, np.minimum(outline, tip))
    # the flanks are inclined, so the distance to them is about 0.8 of the radial distance
    distance = np.maximum(0.8 * (radius - outline), np.maximum(TIP_UM - z, z - TOP_UM))
    slot = np.maximum(np.abs(x) - SLOT_HALF_WIDTH_UM, SLOT_FLOOR_UM - z)
    return np.maximum(distance, -slot).astype(np.float32)
