"""One sample of the cohort, from its seed to its folder."""

import logging
from pathlib import Path

from virtual_staining.artefacts.storage.atomic import replacing, write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cohort.annotate import annotate
from virtual_staining.cohort.dyes import Staining, draw_staining
from virtual_staining.cohort.raw_files import write_slide, write_volume
from virtual_staining.cohort.sample_list import SampleSpec
from virtual_staining.cohort.scan import Scan, draw_scan
from virtual_staining.cohort.section_plane import Section, cut_section, rough_pose
from virtual_staining.cohort.specimen.attenuation import attenuation_table
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.specimen.phantom import Phantom, make_phantom
from virtual_staining.cohort.synthetic_slide import render_slide
from virtual_staining.cohort.tomogram import ct_slices
from virtual_staining.settings.cohort import CohortSettings

log = logging.getLogger(__name__)


def make_sample(spec: SampleSpec, settings: CohortSettings, folder: str | Path) -> None:
    """Write a sample's raw files and its truth; the folder appears only when complete.

    Writes the volume and the slide in the containers of ``spec``, ``initial_pose.json``,
    ``annotations.geojson`` if it is annotated, and as truth ``truth.json`` and
    ``labels_slide.tif`` (:class:`~virtual_staining.cohort.specimen.labels.Label` at the
    slide's pixels).

    Parameters
    ----------
    spec : SampleSpec
        From :func:`virtual_staining.cohort.sample_list.sample_specs`.
    settings : CohortSettings
    folder : path
        Made, or replaced.
    """
    block_um = settings.block_px * settings.voxel_size_um
    phantom = make_phantom(spec.material, block_um, spec.seed)
    section = cut_section(phantom, spec, settings)
    staining = draw_staining(spec.stain, spec.material, spec.seed)
    scan = draw_scan(phantom, spec.ct_dtype, block_um, settings.energy_kev, spec.seed)
    with replacing(folder) as partial:
        partial.mkdir()
        log.info("%s: staining the section", spec.sample)
        slide = render_slide(
            phantom,
            section.slide_to_volume,
            section.deformation,
            section.size_um,
            settings.slide_pixel_um,
            settings.section_thickness_um,
            settings.soft_shift_um,
            staining,
            spec.seed,
        )
        write_slide(partial, spec.slide_format, slide.rgb, settings.slide_pixel_um)
        write_image(partial / "labels_slide.tif", slide.labels, settings.slide_pixel_um)
        if spec.annotated:
            regions = annotate(slide.labels, slide.pieces, settings.slide_pixel_um, spec.seed)
            write_json(partial / "annotations.geojson", regions)
        write_json(partial / "initial_pose.json", rough_pose(section, spec, settings))
        write_json(partial / "truth.json", truth(spec, settings, phantom, section, staining, scan))
        log.info("%s: scanning the block, %d slices", spec.sample, settings.block_px)
        slices = ct_slices(phantom, scan, settings.block_px, settings.voxel_size_um)
        shape = (settings.block_px,) * 3
        write_volume(partial, spec.ct_format, slices, shape, spec.ct_dtype)


def truth(
    spec: SampleSpec,
    settings: CohortSettings,
    phantom: Phantom,
    section: Section,
    staining: Staining,
    scan: Scan,
) -> dict:
    """Everything that is known about a sample because it was made, for JSON."""
    return {
        "sample": spec.sample,
        "material": spec.material,
        "implant": phantom.implant,
        "stain": spec.stain,
        "mirrored": spec.mirrored,
        "partial": spec.partial,
        "seed": list(spec.seed),
        "voxel_size_um": settings.voxel_size_um,
        "slide_pixel_um": settings.slide_pixel_um,
        "slide_size_um": list(section.size_um),
        "section_thickness_um": settings.section_thickness_um,
        "slide_to_volume": section.slide_to_volume.to_dict(),
        "pose": {key: getattr(section, key).tolist() for key in ("center_um", "u", "v")},
        "cut_normal": section.cut_normal.tolist(),
        "affine": {
            "matrix": section.affine.tolist(),
            "scale_x": section.affine[0, 0],
            "scale_y": section.affine[1, 1],
            "shear": section.affine[0, 1],
        },
        "deformation": section.deformation.to_dict(section.size_um),
        "screw": {
            "center_um": phantom.center_um.tolist(),
            "axis": phantom.rotation[2].tolist(),
            "volume_to_screw": phantom.rotation.tolist(),
        },
        "tube": {
            "center_um": phantom.tube_center_um.tolist(),
            "inner_radius_um": phantom.tube_radius_um,
        },
        "scan": scan.to_dict(),
        "attenuation": {
            label.name.lower(): float(value)
            for label, value in zip(
                Label, attenuation_table(phantom.implant, scan.energy_kev), strict=True
            )
        },
        "background_rgb": staining.background.tolist(),
        "labels": {label.name.lower(): int(label) for label in Label},
    }
