"""All references of one fold, fitted together."""

import numpy as np

from virtual_staining.evaluate.references.mean_colour import MeanColour
from virtual_staining.imaging.colour_tables import GreyTable, JointTable
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.imaging.tissue.implant_body import implant_in_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings


class References:
    """The references of :mod:`virtual_staining.models.references` except the raw CT.

    Only sums are kept, so memory does not grow with the number of pairs.

    Parameters
    ----------
    ct_white : float
        Grey level where the colour tables end.
    mask, normalize : MaskSettings, NormalizeSettings
        How rigid matter is found in the CT.
    """

    def __init__(self, ct_white: float, mask: MaskSettings, normalize: NormalizeSettings) -> None:
        self._levels = mask, normalize
        self._mean = MeanColour()
        self._grey = GreyTable(ct_white)
        self._joint = JointTable(ct_white)

    def add(self, pair: TrainingPair, classes: np.ndarray, pixel_um: float) -> None:
        """Take in one training pair.

        Parameters
        ----------
        pair : TrainingPair
        classes : ndarray of uint8, shape (y, x)
            Its tissue classes.
        pixel_um : float
            Pixel size, µm.
        """
        self._mean.add(pair.slide, classes)
        self._grey.add(pair.ct, pair.slide, pair.mask)
        self._joint.add(pair.ct, pair.slide, pair.mask, pixel_um)

    def stain(self, ct: np.ndarray, classes: np.ndarray, pixel_um: float) -> dict[str, np.ndarray]:
        """Stain a CT plane with every reference.

        Parameters
        ----------
        ct : ndarray of uint16, shape (y, x)
            Normalized CT.
        classes : ndarray of uint8, shape (y, x)
            Tissue classes, which come from the real slide too: only the oracle sees them.
        pixel_um : float
            Pixel size, µm.

        Returns
        -------
        dict
            The reference's name to its slide, uint8 (y, x, 3).

        Raises
        ------
        ValueError
            If the training pairs show nothing to learn from.
        """
        joint, truth = self._joint.stain(ct, pixel_um), classes == Tissue.IMPLANT
        flat = self._mean.stain(truth)
        return {
            "mean_colour": self._mean.stain(implant_in_ct(ct, pixel_um, *self._levels)),
            "grey_table": self._grey.stain(ct),
            "joint_table": joint,
            "mean_colour_oracle": flat,
            "joint_table_oracle": np.where(truth[..., None], flat, joint),
        }
