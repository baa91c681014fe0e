"""The plainest stain: one colour for all tissue, and one for the implant."""

import numpy as np

from virtual_staining.imaging.tissue.classes import Tissue, stained_tissue


class MeanColour:
    """Mean colours of tissue and implant, gathered pair by pair."""

    def __init__(self) -> None:
        self._sums = np.zeros((2, 3))
        self._counts = np.zeros(2)

    def add(self, slide: np.ndarray, classes: np.ndarray) -> None:
        """Take in one training pair.

        Parameters
        ----------
        slide : ndarray of uint8, shape (y, x, 3)
            Normalized section.
        classes : ndarray of uint8, shape (y, x)
            Tissue classes of the pair.
        """
        regions = stained_tissue(classes), classes == Tissue.IMPLANT
        for number, region in enumerate(regions):
            self._sums[number] += slide[region].sum(axis=0, dtype=np.float64)
            self._counts[number] += np.count_nonzero(region)

    def stain(self, implant: np.ndarray) -> np.ndarray:
        """Paint a plane.

        Parameters
        ----------
        implant : ndarray of bool, shape (y, x)
            Where the implant's colour goes.

        Returns
        -------
        ndarray of uint8, shape (y, x, 3)
            Without any implant in the training pairs all of the plane has the tissue's colour.

        Raises
        ------
        ValueError
            If no training pair shows tissue.
        """
        if not self._counts[0]:
            raise ValueError("no training pair shows stained tissue")
        tissue, metal = self._sums / np.maximum(self._counts, 1)[:, None]
        colours = np.array([tissue, metal if self._counts[1] else tissue])
        return colours.round().astype(np.uint8)[implant.astype(np.intp)]
