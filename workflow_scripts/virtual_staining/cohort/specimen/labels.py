"""Tissue labels of the phantom and how strongly each attenuates X-rays."""

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

IMPLANT_ATTENUATION = {"Mg": 0.97, "Ti": 3.4, "PEEK": 0.45}


def attenuation_table(material: str) -> np.ndarray:
    """Attenuation of each label relative to cortical bone (1) and air (0), float32 (11,).

    Specimens are scanned dry, so soft tissue is faint; woven bone holds less mineral
    (paper, Fig. 1); Mg is near bone, Ti far above, PEEK below.
    """
    table = np.zeros(len(Label), np.float32)
    table[Label.TUBE] = 0.30
    table[Label.SOFT] = 0.28
    table[Label.MARROW] = 0.22
    table[Label.CORTICAL] = 1.0
    table[Label.TRABECULAR] = 0.95
    table[Label.WOVEN] = 0.74
    table[Label.LACUNA] = 1.0  # the bone around it; the hole itself is the cell fraction
    table[Label.VESSEL] = 0.16
    table[Label.IMPLANT] = IMPLANT_ATTENUATION[material]
    table[Label.DEGRADATION] = 0.82
    return table


def is_in(labels: np.ndarray, members: tuple[Label, ...]) -> np.ndarray:
    """Return which labels are among ``members``, bool, of the labels' shape."""
    table = np.zeros(256, bool)
    table[list(members)] = True
    return table[labels]
