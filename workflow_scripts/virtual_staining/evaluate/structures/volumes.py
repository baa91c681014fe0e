"""Structures of stained volumes, measured in three dimensions."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.evaluate.layout import stain_name
from virtual_staining.evaluate.structures.classifier import SMOOTH_CLASSES_UM, ColourClassifier
from virtual_staining.evaluate.structures.measures import (
    Measure,
    Structure,
    measure_structures,
    tidied,
)
from virtual_staining.evaluate.structures.study import fit_classifier
from virtual_staining.models.catalogue import model_name
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.normalize import NormalizeSettings

# Volumes with more voxels are measured at the first level of their pyramid that has fewer.
MOST_VOXELS = 100_000_000
# A layer that takes more of implant and layer is an implant that was not painted opaque.
MOST_LAYER = 0.4
SLAB_VOXELS = 8_000_000
log = logging.getLogger(__name__)


def measure_volumes(
    results: Results,
    folds: Sequence[Fold],
    model: str,
    volumes: Sequence[str],
    settings: EvaluateSettings,
    normalize: NormalizeSettings,
) -> pd.DataFrame:
    """Measure the structures of stained volumes.

    Parameters
    ----------
    results : Results
    folds : sequence of Fold
        Those whose networks stained the volumes: their training slides teach the classifier.
    model : str
    volumes : sequence of str
        Ids of stained volumes.
    settings, normalize
        As in :func:`~virtual_staining.evaluate.structures.study.fold_structures`.

    Returns
    -------
    DataFrame
        One row a volume: ``stain, model, volume, voxel_um`` and a column for each measure.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the slides show fewer than two structures.
    """
    samples = sorted({sample for fold in folds for sample in fold.train})
    classifier = fit_classifier(results, samples, normalize)
    colours = [read_background_levels(results.normalized(sample).stats)[1] for sample in samples]
    background, stain, rows = np.median(colours, axis=0), folds[0].stain, []
    for volume in volumes:
        level = level_to_measure(open_rgba(results.stained_volume(stain, model, volume).zarr))
        structures = classify_volume(level, classifier, background)
        voxel_um = level.voxel_size_um
        reach_um, gap_um = settings.rings_um[-1], settings.contact_gap_px * voxel_um
        near = tidied(around_implant(structures, reach_um / voxel_um))
        values = measure_structures(near, voxel_um, settings.rings_um, gap_um)
        about = {"stain": stain, "model": model, "volume": volume, "voxel_um": voxel_um}
        rows.append(about | values)
        log.info("%s: structures measured in voxels of %g µm", volume, voxel_um)
    return pd.DataFrame(rows)


def level_to_measure(levels: Sequence[VolumeLevel]) -> VolumeLevel:
    """Return the finest level that fits the memory."""
    small = (level for level in levels if np.prod(level.array.shape[1:]) <= MOST_VOXELS)
    return next(small, levels[-1])


def classify_volume(
    level: VolumeLevel, classifier: ColourClassifier, background: np.ndarray
) -> np.ndarray:
    """Return the structures of a stained volume, uint8 (z, y, x); transparent voxels are outside.

    Parameters
    ----------
    level : VolumeLevel
        Of (4, z, y, x).
    classifier : ColourClassifier
    background : ndarray, shape (3,)
        Colour of the training slides' background.
    """
    _, depth, height, width = level.array.shape
    halo = int(np.ceil(4 * SMOOTH_CLASSES_UM / level.voxel_size_um))
    step = max(SLAB_VOXELS // (height * width), 1)
    structures = np.empty((depth, height, width), np.uint8)
    for start in range(0, depth, step):
        low, stop = max(start - halo, 0), min(start + step, depth)
        slab = np.asarray(level.array[:, low : min(stop + halo, depth)])
        found = classifier.classify(
            np.moveaxis(slab[:3], 0, -1), slab[3] > 0, background, level.voxel_size_um
        )
        structures[start:stop] = found[start - low : stop - low]
    return structures


def around_implant(structures: np.ndarray, reach_px: float) -> np.ndarray:
    """Cut a volume to the largest implant and what lies within a reach of it."""
    pieces, number = ndimage.label(structures == Structure.IMPLANT)
    if not number:
        return structures
    sizes = np.bincount(pieces.ravel())[1:]
    place = ndimage.find_objects(pieces)[int(sizes.argmax())]
    margin = int(np.ceil(reach_px)) + 2
    # The degradation layer, around which the rings lie, may be as thick as a ring.
    return structures[
        tuple(slice(max(s.start - 2 * margin, 0), s.stop + 2 * margin) for s in place)
    ]


def markdown(table: pd.DataFrame, columns: Sequence[Measure]) -> str:
    """Return the table of :func:`measure_volumes` in Markdown, with the formula of each measure."""
    first = table.iloc[0]
    voxels = ", ".join(f"{value:g}" for value in sorted(set(table["voxel_um"])))
    lines = [f"# {stain_name(first['stain'])}: structures of stained volumes", ""]
    lines += [f"Stained by {model_name(first['model'])}; measured in voxels of {voxels} µm.", ""]
    lines += doubtful(table)
    lines += [f"| measure | {' | '.join(table['volume'])} |", "|:---" * (len(table) + 1) + "|"]
    for measure in columns:
        cells = ["—" if pd.isna(value) else f"{value:.2f}" for value in table[measure.column]]
        lines.append(f"| {measure.name} ({measure.unit}) | {' | '.join(cells)} |")
    lines += ["", *(f"- {measure.name}: {measure.formula}." for measure in columns)]
    return "\n".join([*lines, "", LEGEND, ""])


def doubtful(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each volume whose layer is too large to be one."""
    layer, metal = table["degraded_mm3"], table["implant_mm3"]
    return [
        f"**{volume}: the dark layer takes {part:.0%} of implant and layer. The network has hardly "
        "painted the implant opaque; do not use this column.**\n"
        for volume, part in zip(table["volume"], layer / (layer + metal), strict=True)
        if part > MOST_LAYER
    ]


LEGEND = (
    "The classifier of colours that also measures the slides (`agreement.md`, which says how far "
    "its numbers on stained slides can stand in for those on real ones) gives the structures. "
    "Transparent voxels are outside the specimen and take no part, as do voxels further from the "
    "implant than the last ring."
)
