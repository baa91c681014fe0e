"""The mouse brain's sections as one block, without a hint and told which face is up."""

import time

import numpy as np
from register_cases import Case
from register_real import brain_case, brain_errors, sections_of

from virtual_staining.register.search.block_search import BlockFound, search_block
from virtual_staining.register.search.stack import tilt_deg
from virtual_staining.register.search.starts import view_vector
from virtual_staining.register.similarity.scales import Member, halvings, section_scales
from virtual_staining.settings.register import RegisterSettings


def measure_block(task: tuple) -> dict:
    """Register some of the brain's sections together; print each and return the figures.

    Parameters
    ----------
    task : (folder, name, view_axis, settings, right)
        The data's folder; what to call the run; the sheet's ``view_axis``, or nothing; settings;
        and how far off (degrees, µm) a section may be.
    """
    folder, name, view_axis, settings, right = task
    cases = [brain_case(folder, entry) for entry in sections_of(folder)]
    start = time.process_time()
    found = search_block(members_of(cases, settings), settings, view_vector(view_axis))
    seconds = time.process_time() - start
    count = mirrored = 0
    for case, section in zip(cases, found.sections, strict=True):
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
    off_deg = tilt_deg(found.axis, cases[0].truth.normal)
    print(
        f"{name}: {count}/{len(cases)} right, {mirrored} but for the brain's sides; "
        f"{summary(found, off_deg)}, {seconds:.0f} CPU s"
    )
    return {
        f"{name}_right": f"{count}/{len(cases)}",
        f"{name}_right_but_for_side": f"{mirrored}/{len(cases)}",
        f"{name}_axis_off_deg": round(off_deg, 2),
        f"{name}_cpu_s": round(seconds, 1),
    }


def members_of(cases: list[Case], settings: RegisterSettings) -> list[Member]:
    """Set all sections beside one volume."""
    one = cases[0]
    volumes, air = halvings(one.volume, one.voxel_um, settings.coarse_um)
    members = []
    for case in cases:
        scales, colours = section_scales(
            volumes,
            air,
            case.slide,
            case.size_um,
            settings.colour_classes,
            settings.section_thickness_um,
        )
        members.append(Member(scales, case.slide, colours, case.size_um))
    return members


def summary(found: BlockFound, off_deg: float) -> str:
    """Describe what was found for the block as a whole."""
    normals = [np.cross(one.pose[3:6], one.pose[6:9]) for one in found.sections]
    turned = sum(normal @ found.axis < 0 for normal in normals)
    return (
        f"orientation {off_deg:.1f}° off, margin {found.margin:.3f}, clarity "
        f"{found.clarity:.2f}, {found.agreeing} of {found.searches} searches, {turned} turned over"
    )
