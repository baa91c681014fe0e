"""The images of one sample, prepared for the figures of whole slides."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from virtual_staining.artefacts.folders import StainedFolder
from virtual_staining.artefacts.folds import SUBSETS, Fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.figures.region_of_interest import choose_roi
from virtual_staining.imaging.image_pair import fill_outside
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.imaging.new_bone import new_bone
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.settings.figures import FiguresSettings
from virtual_staining.settings.normalize import NormalizeSettings


@dataclass(frozen=True)
class Example:
    """A sample's real pair and the images that models generated from it.

    Parameters
    ----------
    title : str
        Printed name of the subset.
    sample : str
        Id of the sample.
    ct, slide : ndarray, shape (y, x) and (y, x, 3), uint8
        The real pair.
    stained : dict of str to ndarray, shape (y, x, 3), uint8
        Generated slide by model id.
    reverse : dict of str to ndarray, shape (y, x), uint8
        Generated CT by model id; models that generate no CT are absent.
    mask, implant, new_bone : ndarray of bool, shape (y, x)
        The correspondence mask, the real slide's implant, and new bone by the CT's grey level (none
        where the levels were not given).
    pixel_um : float
        Pixel size, µm.
    roi : (y, x)
        Corner of the region of interest, pixels.
    roi_px : int
        Side of the region of interest, pixels.
    """

    title: str
    sample: str
    ct: np.ndarray
    slide: np.ndarray
    stained: dict[str, np.ndarray]
    reverse: dict[str, np.ndarray]
    mask: np.ndarray
    implant: np.ndarray
    new_bone: np.ndarray
    pixel_um: float
    roi: tuple[int, int]
    roi_px: int

    def crop(self, image: np.ndarray | None) -> np.ndarray | None:
        """Cut the region of interest out of one of the images."""
        if image is None:
            return None
        y, x = self.roi
        return image[y : y + self.roi_px, x : x + self.roi_px]


def choose_samples(fold: Fold, subsets: Iterable[str], settings: FiguresSettings) -> dict[str, str]:
    """Return the sample to show for each subset: the configured sample, or else the first.

    A subset without samples is absent.

    Parameters
    ----------
    fold : Fold
    subsets : iterable of str
        Out of ``train``, ``validation`` and ``test``.
    settings : FiguresSettings

    Raises
    ------
    InputError
        If a configured sample is not in the subset.
    """
    chosen = {}
    for subset in subsets:
        key, samples = f"{subset}_sample", getattr(fold, subset)
        named = getattr(settings, key)
        if named is not None and named not in samples:
            raise InputError(
                f"figures: {key}: {named!r} is not among {', '.join(samples) or 'no samples'}"
            )
        if samples:
            chosen[subset] = named or samples[0]
    return chosen


def read_example(
    subset: str,
    sample: str,
    results: Results,
    stained_folders: dict[str, StainedFolder],
    ct_white: float,
    settings: FiguresSettings,
    masked: bool = True,
    normalize: NormalizeSettings | None = None,
) -> Example:
    """Read a sample's real and generated images and prepare them for display.

    Parameters
    ----------
    subset, sample : str
    results : Results
        The study, for the real pair.
    stained_folders : dict of str to StainedFolder
        The stained slides of one fold by model id.
    ct_white : float
        Grey level of normalized CT that is shown white.
    settings : FiguresSettings
    masked : bool
        Whether the mean background stands outside the mask (paper 2.8), or all is shown (paper S1).
    normalize : NormalizeSettings, optional
        Levels of the normalized CT, to find new bone.

    Raises
    ------
    InputError
        If a file is missing or the sizes differ.
    """
    pair, normalized = read_training_pair(results, sample), results.normalized(sample)
    window = ct_window(ct_white)
    ct_background, slide_background = read_background_levels(normalized.stats)
    stained, reverse = {}, {}
    for model, folder in stained_folders.items():
        files = folder.sample(sample)
        slide, ct = (files.slide_masked, files.ct_masked) if masked else (files.slide, files.ct)
        stained[model] = read_stained_image(slide, pair.mask.shape)
        if ct.exists():  # some models generate no CT
            reverse[model] = ct_to_display(read_stained_image(ct, pair.mask.shape), window)
    shown = pair.mask if masked else np.ones_like(pair.mask)
    classes, pixel_um = read_tissue(results, pair), pixel_size_um(normalized.slide)
    bone = np.zeros_like(pair.mask)
    if normalize:
        images = pair.ct, pair.slide, classes == Tissue.RIGID
        bone = pair.mask & new_bone(*images, slide_background, pixel_um, normalize)
    roi_px = min(settings.roi_px, *pair.mask.shape)
    return Example(
        title=SUBSETS[subset],
        sample=sample,
        ct=ct_to_display(fill_outside(pair.ct, shown, ct_background), window),
        slide=fill_outside(pair.slide, shown, slide_background),
        stained=stained,
        reverse=reverse,
        mask=pair.mask,
        implant=classes == Tissue.IMPLANT,
        new_bone=bone,
        pixel_um=pixel_um,
        roi=choose_roi(pair.slide, pair.mask, roi_px),
        roi_px=roi_px,
    )
