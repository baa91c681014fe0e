"""What a study knows of a training, gathered for the generator's file."""

from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.generator_file import read_origin
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.artefacts.trained_on import TrainedOn
from virtual_staining.errors import InputError
from virtual_staining.imaging.grey_pairs import GreyPairs
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

VALIDATION = "validation_"  # how columns of the validation losses begin in history.csv


def facts_of_study(
    results: Results,
    fold: Fold,
    training: tuple[str, int],
    weights: str | Path,
    settings: tuple[NormalizeSettings, MaskSettings],
    section_thickness_um: float,
) -> TrainedOn:
    """Return what the networks of one training were trained on.

    Parameters
    ----------
    results : Results
        The study.
    fold : Fold
        Samples of the fold.
    training : (model, fold)
        Name of the model and number of the fold.
    weights : path
        The generator file, whose epoch chooses the validation losses.
    settings : (NormalizeSettings, MaskSettings)
        They made the images.
    section_thickness_um : float
        Thickness that the CT was averaged through, µm.

    Raises
    ------
    InputError
        If an image is missing, or the images have several pixel sizes.
    """
    known, sizes = GreyPairs(), set()
    for sample in fold.train:
        pair = read_training_pair(results, sample)
        size = pixel_size_um(results.normalized(sample).ct)
        known.add(pair.ct, pair.mask, size)
        sizes.add(round(size, 6))
    if len(sizes) > 1:
        raise InputError(
            f"{results}/03_normalize: the training images have several pixel sizes, "
            f"{sorted(sizes)} µm; a network learns one; set ingest.voxel_size_um for all"
        )
    normalize, mask = settings
    model, number = training
    history = results.trained(fold.stain, model, number).history
    return TrainedOn(
        stain=fold.stain,
        fold=number,
        voxel_size_um=sizes.pop(),
        section_thickness_um=section_thickness_um,
        normalize=normalize.model_dump(mode="json"),
        mask=mask.model_dump(mode="json"),
        training=fold.train,
        validation=fold.validation,
        validation_losses=_losses(history, read_origin(weights)[0]),
        known_greys=known.known,
        known_flat=known.known_flat,
    )


def _losses(history: Path, epoch: int) -> dict[str, float]:
    """Return the validation losses of an epoch from ``history.csv``."""
    try:
        table = pd.read_csv(history)
        row = table.loc[table["epoch"] == epoch].iloc[-1]
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{history}: has no row of epoch {epoch}; train again") from error
    losses = {name: row[name] for name in table.columns if name.startswith(VALIDATION)}
    return {name.removeprefix(VALIDATION): float(value) for name, value in losses.items()}
