"""Levels of a scan from the polygons that were drawn on its sections."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.artefacts.registered_pair import RegisteredPair, drawn_regions
from virtual_staining.readers.annotations import BACKGROUND, EXCLUDE


@dataclass(frozen=True)
class DrawnPair:
    """A registered pair and the grey levels of the CT under what was drawn on it.

    Parameters
    ----------
    pair : RegisteredPair
        Valid nowhere that was drawn as Exclude.
    reference, background : ndarray, shape (n,)
        Grey levels of the drawn pixels; those drawn on the CT, where there are some.
    """

    pair: RegisteredPair
    reference: np.ndarray
    background: np.ndarray

    @staticmethod
    def read(pair: RegisteredPair, annotations: str, on_ct: str, name: str) -> "DrawnPair":
        """Read what was drawn on a pair.

        Parameters
        ----------
        pair : RegisteredPair
        annotations, on_ct : str
            GeoJSON files drawn on the section and on the CT; empty for none.
        name : str
            Class name of the reference tissue.
        """
        empty = np.zeros_like(pair.valid)
        sides = [
            drawn_regions(file, pair, name, on_ct=on)
            for on, file in ((True, on_ct), (False, annotations))
        ]
        usable = pair.valid.copy()
        for side in sides:
            usable &= ~side.get(EXCLUDE, empty)
        greys = []
        for wanted, other in ((name, BACKGROUND), (BACKGROUND, name)):
            regions = [side.get(wanted, empty) & ~side.get(other, empty) & usable for side in sides]
            region = regions[0] if regions[0].any() else regions[1]
            greys.append(pair.ct[region])
        left = RegisteredPair(pair.ct, pair.slide, usable, pair.pixel_um, pair.slide_px_to_pair_px)
        return DrawnPair(left, *greys)
