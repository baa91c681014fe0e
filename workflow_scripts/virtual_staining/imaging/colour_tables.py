"""Tables from the CT's grey level to the slide's colour: the classical way to combine the two.

The paper names joint histograms of CT and histology as the classical method that networks should be
compared with (Khimchenko et al. 2016, NeuroImage 139, 26–36; Rodgers et al. 2022, Appl. Sci. 12,
6286).
"""

import numpy as np
from scipy import ndimage

GREY_BINS = 256
JOINT_BINS = 48
# Standard deviation of the Gaussian neighbourhood of the second table's local mean, µm.
LOCAL_MEAN_UM = 80.0
# A bin of the joint table counts as much as so many pixels of the colour that grey alone gives.
PRIOR_PIXELS = 5


class GreyTable:
    """Mean colour by grey level; a grey level never seen takes the nearest one's colour.

    Parameters
    ----------
    ct_white : float
        Grey level where the table ends; brighter pixels share its last bin.
    """

    def __init__(self, ct_white: float) -> None:
        self._ct_white = ct_white
        self._sums = _ColourSums(GREY_BINS)

    def add(self, ct: np.ndarray, slide: np.ndarray, mask: np.ndarray) -> None:
        """Take in one training pair; see :meth:`JointTable.add`."""
        self._sums.add(_bins(ct[mask], GREY_BINS, self._ct_white), slide[mask])

    def colours(self) -> np.ndarray:
        """Return the colour of each bin, float64 (256, 3).

        Raises
        ------
        ValueError
            If no pixel was taken in.
        """
        empty = self._sums.counts == 0
        if empty.all():
            raise ValueError("no training pair has a pixel inside its mask")
        nearest = ndimage.distance_transform_edt(
            empty, return_distances=False, return_indices=True
        )[0]
        return (self._sums.colours / np.maximum(self._sums.counts, 1)[:, None])[nearest]

    def stain(self, ct: np.ndarray) -> np.ndarray:
        """Return a plane (y, x) in colour, uint8 (y, x, 3)."""
        return _rounded(self.colours())[_bins(ct, GREY_BINS, self._ct_white)]


class JointTable:
    """Mean colour by grey level and local mean of the grey level.

    Rare bins are drawn towards the colour that their grey level has alone.

    Parameters
    ----------
    ct_white : float
        As of :class:`GreyTable`.
    """

    def __init__(self, ct_white: float) -> None:
        self._ct_white = ct_white
        self._grey = GreyTable(ct_white)
        self._sums = _ColourSums(JOINT_BINS**2)

    def add(self, ct: np.ndarray, slide: np.ndarray, mask: np.ndarray, pixel_um: float) -> None:
        """Take in one training pair.

        Parameters
        ----------
        ct : ndarray, shape (y, x)
            Normalized CT.
        slide : ndarray of uint8, shape (y, x, 3)
            Normalized section.
        mask : ndarray of bool, shape (y, x)
            The pixels to learn from.
        pixel_um : float
            Pixel size, µm.
        """
        self._grey.add(ct, slide, mask)
        self._sums.add(self._joint_bins(ct, pixel_um)[mask], slide[mask])

    def stain(self, ct: np.ndarray, pixel_um: float) -> np.ndarray:
        """Return a plane (y, x) in colour, uint8 (y, x, 3)."""
        centres = ((np.arange(JOINT_BINS) + 0.5) * GREY_BINS / JOINT_BINS).astype(int)
        prior = np.repeat(self._grey.colours()[centres], JOINT_BINS, axis=0)
        counts = self._sums.counts[:, None] + PRIOR_PIXELS
        colours = (self._sums.colours + PRIOR_PIXELS * prior) / counts
        return _rounded(colours)[self._joint_bins(ct, pixel_um)]

    def _joint_bins(self, ct: np.ndarray, pixel_um: float) -> np.ndarray:
        mean = ndimage.gaussian_filter(ct.astype(np.float32), LOCAL_MEAN_UM / pixel_um)
        grey, local = (_bins(image, JOINT_BINS, self._ct_white) for image in (ct, mean))
        return grey * JOINT_BINS + local


class _ColourSums:
    """Number of pixels and sums of their colours by bin."""

    def __init__(self, bins: int) -> None:
        self.counts = np.zeros(bins)
        self.colours = np.zeros((bins, 3))

    def add(self, bins: np.ndarray, colours: np.ndarray) -> None:
        size = len(self.counts)
        self.counts += np.bincount(bins, minlength=size)
        for channel in range(3):
            self.colours[:, channel] += np.bincount(bins, colours[:, channel], size)


def _bins(grey: np.ndarray, count: int, ct_white: float) -> np.ndarray:
    return np.clip(grey * np.float32(count / ct_white), 0, count - 1).astype(np.intp)


def _rounded(colours: np.ndarray) -> np.ndarray:
    return colours.round().astype(np.uint8)
