"""A case of the regions benchmark through the workflow's own commands, without the registration."""

import argparse
import importlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from regions_cases import Case
from regions_sections import THICKNESS_UM, CasePair

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration import Registration, write_registration
from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.artefacts.volume import (
    VolumeLevel,
    open_volume_pyramid,
    volume_attributes,
)
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import ct_plane, measured_plane
from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.register.result.pair_grid import valid_mask
from virtual_staining.settings.ingest import IngestSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.glass import find_glass
from virtual_staining.stain.hidden import hidden_implant
from virtual_staining.stain.scaling import chosen_scaling
from virtual_staining.stain.specimen import find_specimen

MASK, NORMALIZE = MaskSettings(), NormalizeSettings()
SAME_PLANE = np.eye(2, 3)


@dataclass
class PairFound:
    """What the workflow made of a section; None where a stage refused the pair."""

    valid: np.ndarray
    stats: dict | None = None
    mask: np.ndarray | None = None
    tissue: np.ndarray | None = None


@dataclass
class Found:
    """What the workflow made of a case.

    ``grey`` is the ingest's (scale, offset); ``scaling`` and ``specimen`` are the staining's, None
    where it refused the volume; ``said`` are warnings and refusals, ``refused`` the refusals alone.
    """

    grey: tuple[float, float]
    pairs: list[PairFound] = field(default_factory=list)
    scaling: tuple[float, float] | None = None
    specimen: np.ndarray | None = None
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class _Warnings(logging.Handler):
    """Keeps the warnings of the commands."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def run_case(case: Case, folder: Path) -> Found:
    """Ingest the volume, normalize and mask its sections, outline the specimen for staining."""
    results, heard = Results(folder), _Warnings()
    raw = folder / "raw.tif"
    logging.getLogger("virtual_staining").addHandler(heard)
    try:
        tifffile.imwrite(raw, case.volume, photometric="minisblack")
        found = _run(case, raw, results)
    finally:
        logging.getLogger("virtual_staining").removeHandler(heard)
    found.said = heard.said + found.refused
    return found


def _run(case: Case, raw: Path, results: Results) -> Found:
    um = case.spec.voxel_um
    ingest = IngestSettings(voxel_size_um=um)
    ct = results.volume("V")
    command("ingest", "volume", f"--volume={raw}", f"--voxel-size-um={um}!", "--threads=1",
            f"--settings={ingest.model_dump_json()}", f"--out={ct}")  # fmt: skip
    grey = volume_attributes(ct)["intensity"]
    found = Found((grey["scale"], grey["offset"]))
    stats = []
    samples = [f"S{number}" for number in range(len(case.pairs))]
    for pair, sample in zip(case.pairs, samples, strict=True):
        found.pairs.append(_register(case, pair, results, sample))
    try:
        _measure_levels(results, samples)
        for made, sample in zip(found.pairs, samples, strict=True):
            stats.append(_normalize_and_mask(results, sample, made))
    except InputError as error:
        found.refused.append(str(error))
        return found  # the workflow stops there
    try:
        levels = open_volume_pyramid(ct)
        found.scaling = chosen_scaling(stats, None, levels, NORMALIZE.part("stain"), str(ct))
        found.specimen, said = _stained(levels, found.scaling, len(case.volume))
        if said and not stats:  # as the staining does
            logging.getLogger("virtual_staining").warning(said)
    except InputError as error:
        found.refused.append(str(error))
    return found


def _stained(
    levels: list[VolumeLevel], scaling: tuple[float, float], depth: int
) -> tuple[np.ndarray, str]:
    """Return what staining colours, the specimen's outline without open air, and what it asks."""
    mask, normalize = MASK.part("stain"), NORMALIZE.part("stain")
    copy = searched(levels, scaling, normalize)
    specimen = find_specimen(levels[0], copy, mask)
    outline = specimen.outline(copy.level.shape, copy.voxel_um)
    glass = find_glass(levels[0], scaling, copy, outline, mask, normalize)
    said = hidden_implant(copy, outline, mask)
    coloured = np.stack([specimen.plane("z", z) for z in range(depth)])
    return coloured & ~glass.layer(0, depth), said


def _register(case: Case, pair: CasePair, results: Results, sample: str) -> PairFound:
    """Write the pair as a registration that found the true plane would."""
    level, um, shape = (
        open_volume_pyramid(results.volume("V"))[0],
        case.spec.voxel_um,
        pair.slide.shape[:2],
    )
    place = (um, pair.to_volume, shape, um, THICKNESS_UM)
    grid_um = tuple(n * um for n in shape[::-1])
    volume_um = tuple(n * um for n in case.volume.shape[::-1])
    valid = valid_mask(PlaneGrid(shape, um, pair.to_volume), SAME_PLANE, grid_um, volume_um)
    if level.measured is not None:
        valid &= measured_plane(level.measured, *place)
    said = Registration(
        sample, "V", shape, um, pair.to_volume, pair.to_volume, SAME_PLANE,
        um * SAME_PLANE, 1.0, 1.0, 1, 1, 1.0, 0.0, 0.0, 0.0, 0.0, None, None, False, [],
    )  # fmt: skip
    folder = results.registered(sample).path
    folder.mkdir(parents=True)
    write_registration(folder, ct_plane(level.array, *place), pair.slide, valid, said)
    return PairFound(valid)


def _measure_levels(results: Results, samples: list[str]) -> None:
    """Find the levels that all sections of the volume share, if it has some."""
    folders = [str(results.registered(sample).path) for sample in samples]
    if samples:
        command("levels", f"--ct={results.volume('V')}", "--registered", *folders,
                f"--settings={NORMALIZE.model_dump_json()}",
                f"--out={results.scan('V').path}")  # fmt: skip


def _normalize_and_mask(results: Results, sample: str, made: PairFound) -> Path:
    """Normalize and mask a pair; return its ``stats.json``."""
    registered, normalized = results.registered(sample), results.normalized(sample)
    command("normalize", f"--ct={registered.ct}", f"--slide={registered.slide}",
            f"--valid={registered.valid}", f"--transform={registered.transform}",
            f"--levels={results.scan('V').levels}", f"--settings={NORMALIZE.model_dump_json()}",
            f"--out={normalized.path}")  # fmt: skip
    made.stats = read_json(normalized.stats)
    command("mask", f"--results={results}", f"--sample={sample}", f"--ct={results.volume('V')}",
            f"--settings={MASK.model_dump_json()}",
            f"--normalize={NORMALIZE.model_dump_json()}")  # fmt: skip
    made.mask = read_image(results.mask(sample).mask) > 0
    made.tissue = read_image(results.mask(sample).tissue)
    return normalized.stats


def command(stage: str, *arguments: str) -> None:
    """Run a stage in this process; its refusals are raised."""
    module = importlib.import_module(f"virtual_staining.{stage}.command")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    module.run(parser.parse_args(arguments))
