"""The real bone volume as cases of the regions benchmark: whole, and with sections cut from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from regions_cases import Case
from regions_sections import THICKNESS_UM, CasePair
from regions_specs import Spec
from scipy import ndimage
from skimage.filters import threshold_otsu

from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.imaging.ct_plane import ct_plane
from virtual_staining.imaging.geometry import SectionMap

VOXEL_UM = 19.5


def bone_case(folder: Path, seed: int) -> list[Case]:
    """Return the volume without and with a section made from it.

    The labels are Otsu's: bone above, marrow below; the levels are the means of both away from
    their borders. The field lies inside the bone, so that marrow is all the background there is.
    """
    volume = np.stack([tifffile.imread(path) for path in sorted(folder.glob("*.tif"))])
    smooth = ndimage.gaussian_filter(volume.astype(np.float32), 1)
    bone = smooth > threshold_otsu(smooth)
    labels = np.where(bone, Label.TRABECULAR, Label.MARROW).astype(np.uint8)
    # cores alone, which no blurred edge reaches
    means = [
        float(volume[ndimage.binary_erosion(part, iterations=3)].mean()) for part in (~bone, bone)
    ]
    levels = {"background": means[0], "bone": means[1], "implant": None}
    spec = Spec("real-alone", "", sections=0, voxel_um=VOXEL_UM, dtype="uint8")
    alone = Case(spec, volume, labels, np.ones(volume.shape, bool), levels, [], means[0])
    pair = _section(volume, bone, seed)
    return [
        alone,
        replace(alone, spec=replace(spec, name="real-section", sections=1), pairs=[pair]),
    ]


def _section(volume: np.ndarray, bone: np.ndarray, seed: int) -> CasePair:
    """A stained section through the middle: bone coloured as the cohort's, marrow lost."""
    staining = draw_staining("toluidine_blue", "Ti", (seed, 0))
    middle = volume.shape[0] // 2
    plane = SectionMap(
        np.array([0.0, 0.0, middle * VOXEL_UM]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    )
    shape = volume.shape[1:]
    shown = ct_plane(bone.astype(np.uint16) * 1000, VOXEL_UM, plane, shape, VOXEL_UM, THICKNESS_UM)
    share = (shown / 1000)[..., None]
    rng = np.random.default_rng([seed, 0])
    rgb = np.power(10.0, -share * staining.table[Label.TRABECULAR]) * staining.background
    slide = np.clip(rgb + 1.2 * rng.standard_normal(rgb.shape), 0, 255).astype(np.uint8)
    labels = np.where(share[..., 0] > 0.5, Label.TRABECULAR, Label.AIR).astype(np.uint8)
    return CasePair(plane, slide, np.where(labels == Label.AIR, Label.MARROW, labels), labels)
