"""The stained slides of a study with the truth of its synthetic cohort."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registered_pair import read_registered_pair
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cohort.specimen.labels import BONE, Label, is_in
from virtual_staining.evaluate.faults.false_structures import (
    dark_tissue_fraction,
    false_hole_fraction,
    lost_implant_fraction,
)
from virtual_staining.evaluate.lead import COMPARED
from virtual_staining.evaluate.reference_slides import fit_references
from virtual_staining.imaging.tissue.classes import IMPLANT_RIM_PX
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.train import TrainSettings


@dataclass(frozen=True)
class ComparedSlide:
    """One sample of one fold: the real slide and what models and references make of its CT.

    Parameters
    ----------
    fold : int
        Number of the fold.
    subset, sample : str
    real : ndarray, shape (y, x, 3), uint8
    stained : dict of str to ndarray, shape (y, x, 3), uint8
        By model, then by reference.
    mask : ndarray of bool, shape (y, x)
        Correspondence mask.
    labels : ndarray of uint8, shape (y, x)
        True :class:`~virtual_staining.cohort.specimen.labels.Label` of the slide.
    background : ndarray of uint8, shape (3,)
        Colour of the real slide's background.
    """

    fold: int
    subset: str
    sample: str
    real: np.ndarray
    stained: dict[str, np.ndarray]
    mask: np.ndarray
    labels: np.ndarray
    background: np.ndarray


def compared_slides(
    results: Results, stain: str, models: Sequence[str], folds: Sequence[int]
) -> Iterator[ComparedSlide]:
    """Yield the validation and test samples of folds.

    Parameters
    ----------
    results : Results
    stain : str
    models : sequence of str
    folds : sequence of int
        Numbers of the folds that were trained.
    """
    levels = (
        read_settings(MaskSettings, results.job_settings / "mask.json"),
        read_settings(NormalizeSettings, results.job_settings / "normalize.json"),
    )
    ct_white = read_settings(TrainSettings, results.train_settings(models[0])).ct_white
    for number in folds:
        fold = read_fold(results.split(stain).folds, number)
        references = fit_references(results, fold, ct_white, *levels)
        for subset in COMPARED:
            for sample in getattr(fold, subset):
                pair = read_training_pair(results, sample)
                shape = pair.mask.shape
                files = {m: results.stained(stain, m, number).sample(sample) for m in models}
                stained = {m: read_stained_image(f.slide, shape) for m, f in files.items()}
                yield ComparedSlide(
                    *(number, subset, sample, pair.slide),
                    stained=stained | references(pair, read_tissue(results, pair)),
                    mask=pair.mask,
                    labels=labels_on_pair(results, sample),
                    background=read_background_levels(results.normalized(sample).stats)[1],
                )


def labels_on_pair(results: Results, sample: str) -> np.ndarray:
    """Return the true labels of a synthetic slide on the grid of its pair, uint8 (y, x)."""
    files = results.registered(sample)
    pair = read_registered_pair(files.ct, files.slide, files.valid, files.transform)
    labels = read_image(results.raw_sample(sample) / "labels_slide.tif")
    return at_pair_pixels(labels, pair.slide_px_to_pair_px, pair.ct.shape)


def at_pair_pixels(
    labels: np.ndarray, slide_px_to_pair_px: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Look labels up at the centres of the pair's pixels; beyond the slide there is air.

    Parameters
    ----------
    labels : ndarray of uint8, shape (rows, columns)
        At the pixels of the original slide.
    slide_px_to_pair_px : ndarray, shape (2, 3)
        From :func:`virtual_staining.imaging.polygons.slide_px_to_pair_px`.
    shape : (rows, columns)
        Size of the pair.

    Returns
    -------
    ndarray of uint8, shape (y, x)
    """
    y, x = np.indices(shape) + 0.5
    to_slide = np.linalg.inv(slide_px_to_pair_px[:, :2])
    at = np.floor((np.stack([x, y], -1) - slide_px_to_pair_px[:, 2]) @ to_slide.T).astype(int)
    inside = ((at >= 0) & (at < labels.shape[::-1])).all(-1)
    found = np.full(shape, Label.AIR, np.uint8)
    found[inside] = labels[at[inside, 1], at[inside, 0]]
    return found


def true_faults(slide: ComparedSlide) -> dict[str, dict[str, float]]:
    """Return the invented holes and implant of every stained slide, by the truth of the cohort.

    Returns
    -------
    dict
        Model or reference to ``false_hole_fraction``, of the true bone, ``dark_tissue_fraction``,
        of the true tissue, and ``lost_implant_fraction``, of the true implant. The rim of the true
        implant is left out on both sides.
    """
    implant = slide.labels == Label.IMPLANT
    rim = ndimage.binary_dilation(implant, iterations=IMPLANT_RIM_PX)
    core = slide.mask & ndimage.binary_erosion(implant, iterations=IMPLANT_RIM_PX)
    tissue = slide.mask & ~rim & ~is_in(slide.labels, (Label.AIR, Label.TUBE))
    bone = tissue & is_in(slide.labels, BONE)
    return {
        name: {
            "false_hole_fraction": false_hole_fraction(slide.real, image, bone, slide.background),
            "dark_tissue_fraction": dark_tissue_fraction(slide.real, image, tissue),
            "lost_implant_fraction": lost_implant_fraction(slide.real, image, core),
        }
        for name, image in slide.stained.items()
    }
