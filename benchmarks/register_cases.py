"""Synthetic sections with known truth, as the cohort makes them, for the registration benchmark."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.sample_list import SampleSpec
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.section_plane import cut_section, rough_pose
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.specimen.phantom import make_phantom
from virtual_staining.cohort.synthetic_slide import render_slide
from virtual_staining.cohort.tomogram import ct_slices
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.scales import (
    SectionScales,
    section_scales,
    volume_scales,
)
from virtual_staining.settings.cohort import CohortSettings
from virtual_staining.settings.register import RegisterSettings

MATERIALS = ("Mg", "Ti", "PEEK")
# plane, partial field, stain, number of cases
KINDS = {
    "screw_full": ("screw", False, "toluidine_blue", 15),
    "screw_partial": ("screw", True, "toluidine_blue", 15),
    "any_full": ("any", False, "toluidine_blue", 10),
    "any_partial": ("any", True, "toluidine_blue", 10),
    "screw_he": ("screw", False, "hematoxylin_eosin", 10),
}


@dataclass(frozen=True)
class Case:
    """A volume (uint16 z, y, x), a slide (uint8 y, x, 3), and where the slide was cut."""

    name: str
    material: str
    volume: np.ndarray
    voxel_um: float
    slide: np.ndarray
    size_um: tuple[float, float]
    truth: SectionMap
    tissue_um: np.ndarray  # slide points (n, 2) that show tissue
    rough: np.ndarray  # a person's first guess, a pose (12,)


def make_case(kind: str, index: int, seed: int, block_px: int = 300) -> Case:
    """Draw one case: a specimen of its own, every second one mirrored."""
    plane, partial, stain, _ = KINDS[kind]
    settings = CohortSettings(
        voxel_size_um=6000 / block_px,
        slide_pixel_um=10.0,
        plane=plane,
        plane_tilt_deg=10.0,
    )
    material = MATERIALS[index % len(MATERIALS)]
    own_seed = (seed, list(KINDS).index(kind), index)
    spec = SampleSpec(
        sample=f"{kind}-{index:02d}",
        stain=stain,
        material=material,
        role="crossval",
        group="",
        seed=own_seed,
        ct_format="bigtiff",
        ct_dtype="uint16",
        slide_format="png",
        partial=partial,
        mirrored=index % 2 == 1,
        annotated=False,
    )
    phantom = make_phantom(material, 6000.0, own_seed)
    section = cut_section(phantom, spec, settings)
    slide = render_slide(
        phantom,
        section.slide_to_volume,
        section.deformation,
        section.size_um,
        settings.slide_pixel_um,
        settings.section_thickness_um,
        settings.soft_shift_um,
        draw_staining(stain, material, own_seed),
        own_seed,
    )
    scan = draw_scan(phantom, "uint16", 6000.0, settings.energy_kev, own_seed)
    slices = ct_slices(phantom, scan, block_px, settings.voxel_size_um)
    guess = rough_pose(section, spec, settings)
    rows, columns = np.nonzero(slide.labels[::8, ::8] != Label.AIR)
    return Case(
        name=spec.sample,
        material=material,
        volume=np.stack(list(slices)),
        voxel_um=settings.voxel_size_um,
        slide=slide.rgb,
        size_um=section.size_um,
        truth=section.slide_to_volume,
        tissue_um=(8 * np.stack([columns, rows], 1) + 0.5) * settings.slide_pixel_um,
        rough=poses.from_map(
            pose_to_map(guess["center_um"], guess["u"], guess["v"], section.size_um),
            section.size_um,
        ),
    )


def section_of(case: Case, settings: RegisterSettings) -> SectionScales:
    """Prepare a case's section for a search in the case's volume."""
    return section_scales(
        volume_scales(case.volume, case.voxel_um, settings.coarse_um),
        case.slide,
        case.size_um,
        settings.colour_classes,
        settings.section_thickness_um,
    )


def errors(case: Case, pose: np.ndarray) -> tuple[float, float, float]:
    """Return how far a pose (12,) is from the truth.

    Returns
    -------
    angle : float
        Between the planes, degrees.
    frame : float
        Between the frames, degrees.
    tre95 : float
        95th percentile of the distance over the tissue, voxels.
    """
    section = poses.to_map(pose, case.size_um)
    off = section.to_volume(case.tissue_um) - case.truth.to_volume(case.tissue_um)
    tre95 = np.percentile(np.linalg.norm(off, axis=1), 95) / case.voxel_um
    cosine = np.clip(section.normal @ case.truth.normal, -1, 1)
    true_pose = poses.from_map(case.truth, case.size_um)
    return (
        float(np.degrees(np.arccos(cosine))),
        poses.frame_angle_deg(true_pose, pose),
        float(tre95),
    )
