"""Which samples the cohort holds: the sample sheet, known before any image is made.

Imports stay light (numpy, pandas) because the Snakefile calls this while it is being read.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from virtual_staining.settings.cohort import ROLES, CohortSettings

VOLUME_FILES = {
    "tiff_folder": "ct",
    "bigtiff": "ct.tif",
    "hdf5": "ct.h5::/entry/data/data",
}
SLIDE_FILES = {"ome_tiff": "slide.ome.tif", "png": "slide.png"}


@dataclass(frozen=True)
class SampleSpec:
    """What is decided about one sample before it is drawn."""

    sample: str
    stain: str
    material: str
    role: str
    group: str
    seed: tuple[int, int]
    ct_format: str
    ct_dtype: str
    slide_format: str
    partial: bool
    mirrored: bool
    annotated: bool


def sample_specs(settings: CohortSettings, seed: int) -> list[SampleSpec]:
    """List the cohort's samples; the same settings and seed give the same list.

    Sample ids are ``Mg-01`` …; those of a second or later stain carry its initials
    (``HE-Mg-01``). Every sample comes from its own animal.

    Parameters
    ----------
    settings : CohortSettings
        Counts, formats and fractions.
    seed : int
        Seed of the cohort; a sample's own seed follows from it and from the sample's id.
    """
    specs = []
    for index, (sample, stain, material, role) in enumerate(_identities(settings)):
        own_seed = (seed, zlib.crc32(sample.encode()))
        specs.append(
            SampleSpec(
                sample=sample,
                stain=stain,
                material=material,
                role=role,
                group=f"animal-{index + 1:02d}",
                seed=own_seed,
                ct_format=_turn(settings.ct_formats, index),
                ct_dtype=_turn(settings.ct_dtypes, index + index // 3),
                slide_format=_turn(settings.slide_formats, index),
                partial=_due(settings.partial_fraction, index, 0.2),
                mirrored=_due(settings.mirrored_fraction, index, 0.5),
                annotated=_due(settings.annotated_fraction, index, 0.8),
            )
        )
    return specs


def sample_table(settings: CohortSettings, seed: int) -> pd.DataFrame:
    """Return the cohort's sample sheet; paths are relative to the sheet's folder.

    Parameters
    ----------
    settings : CohortSettings
        Counts, formats, fractions and sizes.
    seed : int
        Seed of the cohort.

    Returns
    -------
    DataFrame
        One row a sample, all columns of the sample sheet, text except for the two sizes (µm).
    """
    rows = []
    for spec in sample_specs(settings, seed):
        folder = spec.sample
        rows.append(
            {
                "sample": spec.sample,
                "volume": f"{folder}/{VOLUME_FILES[spec.ct_format]}",
                "slide": f"{folder}/{SLIDE_FILES[spec.slide_format]}",
                "stain": spec.stain,
                "material": spec.material,
                "group": spec.group,
                "role": spec.role,
                "voxel_size_um": settings.voxel_size_um,
                "slide_pixel_um": settings.slide_pixel_um,
                "annotations": f"{folder}/annotations.geojson" if spec.annotated else "",
                "initial_pose": f"{folder}/initial_pose.json",
                "volume_id": spec.sample,
            }
        )
    return pd.DataFrame(rows)


def _identities(settings: CohortSettings) -> Iterator[tuple[str, str, str, str]]:
    """Yield sample id, stain, material and role; crossval samples are numbered first."""
    for position, (stain, roles) in enumerate(settings.stains.items()):
        initials = "".join(word[0] for word in stain.split("_")).upper()
        prefix = f"{initials}-" if position else ""
        numbers: dict[str, int] = {}
        for role in ROLES:
            for material, count in roles.get(role, {}).items():
                for _ in range(count):
                    numbers[material] = numbers.get(material, 0) + 1
                    yield f"{prefix}{material}-{numbers[material]:02d}", stain, material, role


def _turn(values: tuple[str, ...], index: int) -> str:
    return values[index % len(values)]


def _due(fraction: float, index: int, phase: float) -> bool:
    """Tell whether the evenly spread share ``fraction`` of all samples includes this one."""
    return int(np.floor((index + 1) * fraction + phase) > np.floor(index * fraction + phase)) == 1
