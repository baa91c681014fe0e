"""The regions that are compared apart, on classes of known geometry."""

import numpy as np

from virtual_staining.evaluate.regions import tissue_regions
from virtual_staining.imaging.tissue.classes import IMPLANT_RIM_PX, Tissue


def test_the_ring_has_the_width_that_was_asked_for():
    classes = np.full((60, 80), Tissue.SOFT, np.uint8)
    classes[:, :20] = Tissue.IMPLANT
    classes[30:, 20:] = Tissue.RIGID
    classes[:, 70:] = Tissue.BACKGROUND
    classes[:5] = Tissue.OUTSIDE
    regions = tissue_regions(classes, pixel_um=10, ring_um=150)
    first = 20 + IMPLANT_RIM_PX
    columns = np.flatnonzero(regions["ring"][40])
    assert (columns[0], columns[-1]) == (first, 20 + 15 - 1)
    assert regions["tissue"][5:, first:70].all()
    assert regions["tissue"].sum() == 55 * (70 - first)
    assert np.array_equal(regions["tissue"], regions["bone"] | regions["soft"])
    assert not (regions["bone"] & regions["soft"]).any()
    assert not regions["bone"][:30].any()


def test_without_an_implant_there_is_no_ring():
    classes = np.full((20, 20), Tissue.RIGID, np.uint8)
    assert not tissue_regions(classes, 10, 150)["ring"].any()
