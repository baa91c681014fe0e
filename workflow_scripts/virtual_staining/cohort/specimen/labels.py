"""Tissue labels of the phantom."""

from enum import IntEnum

import numpy as np


class Label(IntEnum):
    """Value of a pixel in the label images."""

    AIR = 0
    TUBE = 1
    SOFT = 2
    MARROW = 3
    CORTICAL = 4
    TRABECULAR = 5
    WOVEN = 6
    LACUNA = 7
    VESSEL = 8
    IMPLANT = 9
    DEGRADATION = 10


BONE = (Label.CORTICAL, Label.TRABECULAR, Label.WOVEN, Label.LACUNA)
"""Bone with its cells; the channels of the vessels do not count as bone."""

RIGID = (*BONE, Label.VESSEL, Label.IMPLANT, Label.DEGRADATION)
"""Labels that do not move against each other when the section is cut."""


def is_in(labels: np.ndarray, members: tuple[Label, ...]) -> np.ndarray:
    """Return which labels are among ``members``, bool, of the labels' shape."""
    table = np.zeros(256, bool)
    table[list(members)] = True
    return table[labels]
