"""The references of one fold, fitted on its training pairs."""

import numpy as np

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.evaluate.measure_fold import Slides
from virtual_staining.evaluate.references.fit import References
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.models.references import RAW_CT
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings


def fit_references(
    results: Results,
    fold: Fold,
    ct_white: float,
    mask: MaskSettings,
    normalize: NormalizeSettings,
) -> Slides:
    """Fit all references on the training pairs of a fold, one pair in memory at a time.

    Parameters
    ----------
    results : Results
    fold : Fold
    ct_white : float
        Grey level that is shown as white, and where the colour tables end.
    mask, normalize : MaskSettings, NormalizeSettings
        How rigid matter is found in the CT.

    Returns
    -------
    callable
        Stains a pair with every reference, the raw CT among them.

    Raises
    ------
    InputError
        If an image is missing or damaged. The returned callable raises it if the training pairs
        show nothing to learn from.
    """
    references = References(ct_white, mask, normalize)
    for sample in fold.train:
        pair = read_training_pair(results, sample)
        references.add(pair, read_tissue(results, pair), _pixel_um(results, sample))

    def slides(pair: TrainingPair, classes: np.ndarray) -> dict[str, np.ndarray]:
        try:
            stained = references.stain(pair.ct, classes, _pixel_um(results, pair.sample))
        except ValueError as error:
            raise InputError(f"{results}: {fold.stain}: {error}; look at the masks") from error
        grey = ct_to_display(pair.ct, ct_window(ct_white))
        return stained | {RAW_CT: np.repeat(grey[..., None], 3, axis=-1)}

    return slides


def _pixel_um(results: Results, sample: str) -> float:
    return pixel_size_um(results.normalized(sample).ct)
