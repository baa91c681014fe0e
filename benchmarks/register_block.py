"""The mouse brain's sections as one block, without and with ``view_axis``."""

import time

import numpy as np
from register_cases import Case
from register_real import brain_case, brain_errors, sections_of

from virtual_staining.register.search.block.block_search import BlockResult, search_block
from virtual_staining.register.search.block.stack import plane_angle_deg
from virtual_staining.register.search.starts import view_vector
from virtual_staining.register.similarity.pose import normals
from virtual_staining.register.similarity.scales import SectionScales, section_scales, volume_scales
from virtual_staining.settings.register import RegisterSettings


def measure_block(task: tuple) -> dict:
    """Register some of the brain's sections together; print each and return the figures.

    Parameters
    ----------
    task : (folder, name, view_axis, settings, right)
        The data's folder; the name of the run; the sheet's ``view_axis``, or empty text; settings;
        and the errors (degrees, µm) up to which a section counts as right.
    """
    folder, name, view_axis, settings, right = task
    cases = [brain_case(folder, entry) for entry in sections_of(folder)]
    start = time.process_time()
    result = search_block(
        sections_beside_one_volume(cases, settings), settings, view_vector(view_axis)
    )
    seconds = time.process_time() - start
    count = mirrored = 0
    for case, section in zip(cases, result.sections, strict=True):
        plane_deg, center_um = brain_errors(case, section.pose)
        good = plane_deg <= right[0] and center_um <= right[1]
        count += good
        off = brain_errors(case, section.pose, mirror=True)
        mirrored += off[0] <= right[0] and off[1] <= right[1]
        print(
            f"{name} {case.name:6s} plane {plane_deg:6.1f}°  centre {center_um:6.0f} µm, "
            f"with the brain's sides exchanged {off[1]:6.0f} µm  "
            f"confidence {section.confidence:.2f}{'' if good else '  WRONG'}"
        )
    off_deg = plane_angle_deg(result.axis, cases[0].truth.normal)
    print(
        f"{name}: {count}/{len(cases)} right, {mirrored} but for the brain's sides; "
        f"{summary(result, off_deg)}, {seconds:.0f} CPU s"
    )
    return {
        f"{name}_right": f"{count}/{len(cases)}",
        f"{name}_right_but_for_side": f"{mirrored}/{len(cases)}",
        f"{name}_axis_off_deg": round(off_deg, 2),
        f"{name}_cpu_s": round(seconds, 1),
    }


def sections_beside_one_volume(
    cases: list[Case], settings: RegisterSettings
) -> list[SectionScales]:
    """Prepare the sections of all cases for a search in the volume of the first case."""
    volume = volume_scales(cases[0].volume, cases[0].voxel_um, settings.coarse_um)
    classes, thickness_um = settings.colour_classes, settings.section_thickness_um
    return [section_scales(volume, c.slide, c.size_um, classes, thickness_um) for c in cases]


def summary(result: BlockResult, off_deg: float) -> str:
    """Describe the result of the block as a whole."""
    facing = normals(np.stack([section.pose for section in result.sections])) @ result.axis
    return (
        f"orientation {off_deg:.1f}° off, margin {result.margin:.3f}, clarity "
        f"{result.clarity:.2f}, {result.agreeing} of {result.searches} searches, "
        f"{(facing < 0).sum()} flipped"
    )
