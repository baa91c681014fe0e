"""What a flawless section of a synthetic sample would show, in any plane: the truth of a volume."""

import numpy as np

from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.specimen.phantom import make_phantom
from virtual_staining.cohort.synthetic_slide import BAND_ROWS, Layers
from virtual_staining.imaging.geometry import SectionMap


class TrueSections:
    """Sections of one sample, stained like its slide, neither deformed nor damaged.

    Parameters
    ----------
    truth : dict
        Content of the sample's ``truth.json``.
    block_um : float
        Edge of the scanned cube, µm.
    """

    def __init__(self, truth: dict, block_um: float):
        seed = tuple(truth["seed"])
        self._phantom = make_phantom(truth["material"], block_um, seed)
        self._staining = draw_staining(truth["stain"], truth["material"], seed)
        self._thickness_um = float(truth["section_thickness_um"])

    def cut(
        self, plane: SectionMap, shape: tuple[int, int], pixel_um: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut a section.

        Parameters
        ----------
        plane : SectionMap
            Section to volume, µm.
        shape : (rows, columns)
        pixel_um : float
            Pixel size, µm.

        Returns
        -------
        rgb : ndarray of uint8, shape (y, x, 3)
            The section under an even lamp, before any normalization.
        labels : ndarray of uint8, shape (y, x)
            :class:`~virtual_staining.cohort.specimen.labels.Label` in the section's middle.
        """
        layers = Layers(self._phantom, plane, shape, pixel_um, self._thickness_um)
        absorbed, labels = np.empty((*shape, 3), np.float32), np.empty(shape, np.uint8)
        for start in range(0, shape[0], BAND_ROWS):
            rows = range(start, min(start + BAND_ROWS, shape[0]))
            rigid, _, soft, _, labels[rows.start : rows.stop] = layers.stained(rows, self._staining)
            absorbed[rows.start : rows.stop] = rigid + soft
        rgb = np.power(np.float32(10), -absorbed) * self._staining.background
        return np.rint(rgb).astype(np.uint8), labels
