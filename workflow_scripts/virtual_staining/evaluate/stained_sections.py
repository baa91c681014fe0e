"""Sections cut out of stained volumes against the real ones, beside the plane translated directly.

A slide of `infer` is the registered plane through the network. The same plane cut out of the
stained volume has passed through the network in other planes, and shows what a reader of the volume
sees there.
"""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS, Fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_place import read_pair_grid, read_volume_id
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.volume import level_for_pixels
from virtual_staining.errors import InputError
from virtual_staining.evaluate.layout import stain_name
from virtual_staining.evaluate.measure_fold import Comparison, measure_slide, regions_of
from virtual_staining.evaluate.shared import PatchResults
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.models.catalogue import model_name
from virtual_staining.runtime import cpu_count

log = logging.getLogger(__name__)

WAYS = {"volume": "cut out of the stained volume", "plane": "plane translated directly"}
COLUMNS = ("stain", "model", "volume", "sample", "subset", "way", "region", "patches")
OUTSIDE = 255  # the stained volume's background


def measure_stained_sections(
    results: Results,
    folds: dict[int, Fold],
    model: str,
    sections: Sequence[str],
    comparison: Comparison,
) -> pd.DataFrame:
    """Compare sections of stained volumes with the real ones, each in both ways.

    Parameters
    ----------
    results : Results
    folds : dict
        Number to fold, of those whose networks stained the volumes. The slides that they translated
        are averaged, as in the volume.
    model : str
    sections : sequence of str
        Samples of stained volumes; those that take part in no fold are left out.
    comparison : Comparison

    Returns
    -------
    DataFrame
        One row per section, way (out of :data:`WAYS`) and region, out of ``HEADLINE_REGIONS``:
        ``stain, model, volume, sample, subset, way, region, patches`` and for each metric the
        median of the patches. The subset is ``train`` if one of the folds trained on the section.
        No rows where no section can be compared.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a plane lies outside its volume.
    """
    rows = []
    for sample in sections:
        subset = subset_of(sample, list(folds.values()))
        if subset is None:
            log.info("%s: takes part in no fold; left out", sample)
            continue
        pair = read_training_pair(results, sample)
        classes = read_tissue(results, pair)
        stain = next(iter(folds.values())).stain
        volume = read_volume_id(results.registered(sample).transform)
        _, background = read_background_levels(results.normalized(sample).stats)
        translated = [
            read_stained_image(
                results.stained(stain, model, number).sample(sample).slide, pair.mask.shape
            )
            for number in folds
        ]
        images = {
            "volume": section_of_volume(results, stain, model, volume, sample),
            "plane": np.rint(np.mean(translated, axis=0)).astype(np.uint8),
        }
        about = {"stain": stain, "model": model, "volume": volume, "sample": sample}
        kept = PatchResults()
        regions = regions_of(results, pair, classes, comparison.settings)
        for way, image in images.items():
            patches = pd.DataFrame(
                measure_slide(results, pair, regions, image, background, comparison, kept)
            )
            if patches.empty:
                log.warning("%s: the mask covers no patch well enough; left out", sample)
                continue
            columns = [metric.column for metric in comparison.metrics]
            for region in HEADLINE_REGIONS:
                part = patches[patches["region"] == region]
                place = {"subset": subset, "way": way, "region": region, "patches": len(part)}
                rows.append({**about, **place, **part[columns].median().to_dict()})
    metrics = [metric.column for metric in comparison.metrics]
    return pd.DataFrame(rows, columns=[*COLUMNS, *metrics])


def subset_of(sample: str, folds: Sequence[Fold]) -> str | None:
    """Return the subset that a section is in for all folds together, None if it is in none."""
    return next((s for s in SUBSETS if any(sample in getattr(fold, s) for fold in folds)), None)


def section_of_volume(
    results: Results, stain: str, model: str, volume: str, sample: str
) -> np.ndarray:
    """Cut a section out of its stained volume, on the pixels of its pair, uint8 (y, x, 3)."""
    path = results.stained_volume(stain, model, volume).zarr
    grid = read_pair_grid(results.registered(sample).transform)
    level = level_for_pixels(open_rgba(path), grid.pixel_um)
    image, inside = cut_plane(level.array, level.voxel_size_um, grid, threads=cpu_count())
    if not inside.any():
        raise InputError(f"{path}: the section {sample} misses the volume; register it again")
    image[~inside] = OUTSIDE
    return np.ascontiguousarray(image[..., :3])


def markdown(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return the table of :func:`measure_stained_sections` in Markdown."""
    if table.empty:
        return "No section of the stained volumes takes part in a fold, or its mask is too small.\n"
    first = table.iloc[0]
    lines = [f"# {stain_name(first['stain'])}: sections of stained volumes", ""]
    lines += [f"Stained by {model_name(first['model'])}. {LEGEND}", ""]
    header = ["section", "subset", "way", *(metric.title for metric in metrics)]
    for region, part in table.groupby("region", sort=False):
        lines += [f"## {REGIONS[str(region)].capitalize()}", "", f"| {' | '.join(header)} |"]
        lines.append("|:---" * len(header) + "|")
        for _, row in part.iterrows():
            cells = [
                "—" if pd.isna(row[m.column]) else f"{row[m.column]:.{m.decimals}f}"
                for m in metrics
            ]
            about = [row["sample"], SUBSETS[row["subset"]], WAYS[row["way"]]]
            lines.append(f"| {' | '.join([*about, *cells])} |")
        lines.append("")
    return "\n".join(lines)


LEGEND = (
    "Each section is compared with the real slide twice: cut out of the stained volume at its own "
    "place, and as the registered plane that was translated directly. Medians of the patches. Both "
    "are alike where the volume shows at any place what a section there would."
)
