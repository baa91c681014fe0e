"""Cohort volumes with physical greys and known labels, for the benchmark of levels and regions."""

from dataclasses import dataclass, replace

import numpy as np
from regions_scene import EXTRA, MATURE, attenuation_of, blurred, enlarged, scene
from regions_sections import CasePair, draw_pair
from regions_specs import BLOCK_UM, Spec

from virtual_staining.cohort.beam_hardening import hardening_error
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.specimen import attenuation as physics
from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.phantom import make_phantom
from virtual_staining.cohort.tomogram import BLUR_VOXELS, FRINGE_VOXELS, to_grey

COARSE_STEPS = 50
CIRCLE = 0.47  # radius of the reconstruction circle, of the block's edge
GROUPS = {"Mg": "Mg", "Mg-5Gd": "Mg", "Mg-10Gd": "Mg", "PEEK": "PEEK"}  # others: as Ti


@dataclass(frozen=True)
class Case:
    """A volume, its labels (z, y, x), the true mean greys and its sections.

    ``levels`` holds ``background``, ``bone`` and ``implant``; None for what the field lacks.
    ``air`` is the grey of nothing.
    """

    spec: Spec
    volume: np.ndarray
    labels: np.ndarray
    measured: np.ndarray
    levels: dict[str, float | None]
    pairs: list[CasePair]
    air: float


def make_case(spec: Spec, seed: tuple[int, ...]) -> Case:
    """Draw a case at random: specimen, scan and sections.

    Parameters
    ----------
    spec : Spec
    seed : tuple of int
        Other seeds give other specimens of the same kind.
    """
    physics.MATERIALS.update(EXTRA)
    phantom = make_phantom(GROUPS.get(spec.implant, "Ti"), BLOCK_UM, seed)
    phantom = replace(phantom, implant=spec.implant or "Ti")
    if spec.wall == "touching":
        phantom = replace(phantom, tube_radius_um=phantom.tube_radius_um - 260)
    scan = draw_scan(phantom, spec.dtype, BLOCK_UM, (25.0, 45.0), seed)
    table = attenuation_of(spec, scan.energy_kev)
    edge = round(BLOCK_UM / spec.voxel_um)
    z, y, x = (slice(*(round(part * edge) for part in parts)) for parts in spec.crop)
    bone_per_mm = physics.attenuation_per_mm("cortical bone", scan.energy_kev)
    coarse_um = BLOCK_UM / COARSE_STEPS
    coarse = scene(spec, phantom, table, coarse_um, (slice(0, COARSE_STEPS),) * 3)[0]
    error = hardening_error(coarse, coarse_um, bone_per_mm, scan.hardening)
    clean, labels = scene(spec, phantom, table, spec.voxel_um, (z, y, x))
    clean += enlarged(error, edge, (z, y, x))
    scanned = blurred(clean, BLUR_VOXELS)
    if scan.fringe:
        scanned += scan.fringe * (scanned - blurred(scanned, FRINGE_VOXELS))
    rng = np.random.default_rng([*seed, 11])
    grain = 1.5 * blurred(rng.standard_normal(clean.shape, np.float32), 0.6)
    scanned += scan.noise * grain * np.sqrt(1 + 0.4 * np.maximum(scanned, 0))
    volume, measured = to_grey(scan, scanned), np.ones(clean.shape, bool)
    if spec.circle is not None:
        centre = (np.arange(edge) + 0.5) / edge - 0.5
        measured &= (np.hypot(centre[:, None], centre[None]) < CIRCLE)[None, y, x]
        volume[~measured] = spec.circle
    levels = {
        name: _mean_grey(scan, clean, measured & is_in(labels, members))
        for name, members in (
            ("background", (Label.AIR,)), ("bone", MATURE), ("implant", (Label.IMPLANT,))
        )
    }  # fmt: skip
    corner = np.array([x.start, y.start, z.start]) * spec.voxel_um
    pairs = [draw_pair(spec, phantom, k, seed, corner, volume.shape) for k in range(spec.sections)]
    return Case(spec, volume, labels, measured, levels, pairs, scan.background)


def _mean_grey(scan, clean: np.ndarray, where: np.ndarray) -> float | None:
    """Mean grey of a matter without noise and blur; None where there is too little of it."""
    if where.sum() < 500:
        return None
    return float(scan.background + (scan.bone - scan.background) * clean[where].mean())
