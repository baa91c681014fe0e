"""Structure classes by colour: learned on real training slides, for real and virtual slides."""

import cv2
import numpy as np
from scipy import ndimage

from virtual_staining.evaluate.metrics.stain_density import optical_density
from virtual_staining.evaluate.structures.measures import Structure, tidied
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.imaging.tissue.grey_classes import (
    MATURE_BONE,
    NEW_BONE,
    SMOOTH_UM,
    classes_by_level,
)
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels of each class and slide that the classifier learns from.
PIXELS = 2000
# Noise, and lacunae, are taken out by the median over this distance to each side, and what is left
# by smoothing the classes. Neither mixes colours at an edge: a mean of dark layer and soft tissue
# has the colour of bone, so that smoothed colours show bone where none touches the implant.
MEDIAN_UM, SMOOTH_CLASSES_UM = 10.0, 7.0
# Pixels whose classes are found at once.
CHUNK = 1_000_000
# Optical density in every channel above which dense matter is the products of a corroding implant:
# every dye lets some colour through.
DARK = 0.3
# Fewer dark pixels on a training slide are mixed pixels of the implant's edge.
LEAST_DARK = 200
CLASSES = tuple(Structure)[1:]


def training_structures(
    classes: np.ndarray,
    ct: np.ndarray,
    density: np.ndarray,
    pixel_um: float,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Return the structures that CT and section show together, for the classifier to learn.

    Bone is told from new bone by the CT's grey level, as in the normalization. The degradation
    layer is dense in the CT, lies on the implant and is dark in every colour on the section.

    Parameters
    ----------
    classes : ndarray of uint8, shape (y, x)
        Tissue classes of the pair.
    ct : ndarray of uint16, shape (y, x)
        Normalized CT.
    density : ndarray, shape (y, x, 3)
        Optical density of the section.
    pixel_um : float
        Pixel size, µm.
    normalize : NormalizeSettings
        Levels of the normalized CT.

    Returns
    -------
    ndarray of uint8, shape (y, x)
        Values of :class:`Structure`.
    """
    levels = normalize.bone_mean, normalize.background_mean
    found = classes_by_level(ct, pixel_um, SMOOTH_UM, levels)
    rigid = np.isin(classes, (Tissue.RIGID, Tissue.DEGRADATION))
    structures = np.zeros(classes.shape, np.uint8)
    structures[classes == Tissue.IMPLANT] = Structure.IMPLANT
    structures[rigid & found[MATURE_BONE]] = Structure.BONE
    structures[rigid & found[NEW_BONE]] = Structure.NEW_BONE
    structures[classes == Tissue.SOFT] = Structure.SOFT
    structures[classes == Tissue.BACKGROUND] = Structure.VOID
    return with_layer(structures, rigid & (density.min(axis=-1) > DARK))


def with_layer(structures: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Mark the dark pixels on the implant as its degradation layer, if there are many of them."""
    marked = tidied(np.where(dark, np.uint8(Structure.DEGRADED), structures))
    if np.count_nonzero(marked == Structure.DEGRADED) < LEAST_DARK:
        return np.where(dark, np.uint8(Structure.OUTSIDE), structures)
    # Other dark pixels teach nothing.
    return np.where(dark & (marked != Structure.DEGRADED), np.uint8(Structure.OUTSIDE), marked)


class ColourClassifier:
    """Linear discriminant analysis of optical densities; all classes are as likely."""

    def __init__(self) -> None:
        self._densities: list[np.ndarray] = []
        self._structures: list[np.ndarray] = []

    def add(
        self, slide: np.ndarray, structures: np.ndarray, background: np.ndarray, pixel_um: float
    ) -> None:
        """Take in one real training slide.

        Parameters
        ----------
        slide : ndarray of uint8, shape (y, x, 3)
        structures : ndarray of uint8, shape (y, x)
            From :func:`training_structures`.
        background : ndarray of uint8, shape (3,)
            Colour of the slide's background.
        pixel_um : float
            Pixel size, µm.
        """
        density = optical_density(_without_noise(slide, pixel_um), background)
        for structure in CLASSES:
            places = np.flatnonzero(structures == structure)
            places = places[:: max(len(places) // PIXELS, 1)]
            self._densities.append(density.reshape(-1, 3)[places])
            self._structures.append(np.full(len(places), structure, np.uint8))

    def fit(self) -> None:
        """Learn the classes.

        Raises
        ------
        ValueError
            If the training slides show fewer than two classes.
        """
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        known = np.concatenate(self._structures)
        found = np.unique(known)
        if len(found) < 2:
            raise ValueError("the training slides show fewer than two structures")
        self._model = LinearDiscriminantAnalysis(priors=np.full(len(found), 1 / len(found)))
        self._model.fit(np.concatenate(self._densities), known)

    def classify(
        self, slide: np.ndarray, mask: np.ndarray, background: np.ndarray, pixel_um: float
    ) -> np.ndarray:
        """Return the structures of a real or virtual slide, uint8 (y, x).

        A volume (z, y, x, 3) with a mask (z, y, x) gives structures (z, y, x).
        """
        density = optical_density(_without_noise(slide, pixel_um), background)[mask]
        structures, best = np.zeros(mask.shape, np.uint8), np.zeros(mask.shape, np.float32)
        for structure, likely in zip(self._model.classes_, self._likely(density), strict=True):
            image = np.zeros(mask.shape, np.float32)
            image[mask] = likely
            image = ndimage.gaussian_filter(image, SMOOTH_CLASSES_UM / pixel_um)
            better = mask & (image > best)
            structures[better], best[better] = structure, image[better]
        return structures

    def _likely(self, density: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float32 (classes, pixels)."""
        likely = np.empty((len(self._model.classes_), len(density)), np.float32)
        for start in range(0, len(density), CHUNK):
            part = np.s_[start : start + CHUNK]
            likely[:, part] = self._model.predict_proba(density[part]).T
        return likely


def _without_noise(slide: np.ndarray, pixel_um: float) -> np.ndarray:
    """Median of each channel in a square; of a volume, within each plane.

    Pixels of 20 µm and more, which are means already, stay as they are.
    """
    side = 2 * round(MEDIAN_UM / pixel_um) + 1
    if slide.ndim == 3:
        return cv2.medianBlur(np.ascontiguousarray(slide), side)
    return np.stack([_without_noise(plane, pixel_um) for plane in slide])
