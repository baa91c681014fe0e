"""A section of a block that lies on its slide the other way round than its block's search found."""

from collections.abc import Iterator

import numpy as np

from virtual_staining.register.search.block.axis_search import RESCAN_FACTOR
from virtual_staining.register.search.coarse_to_fine import ScoredPoses, coarse_to_fine
from virtual_staining.register.search.confidence import SectionResult
from virtual_staining.register.search.scan import scan, scan_density, stretches_up_to
from virtual_staining.register.search.single import all_but_finest, combine
from virtual_staining.register.search.starts import (
    face_view,
    frame_normals,
    frames_across,
    spread_axes,
)
from virtual_staining.register.similarity.pose import PARALLEL, POSE_SIZE, normals
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.register import RegisterSettings

BEAM = (200, 40, 12, 4, 2)  # starts that are followed briefly, then poses kept at each scale


def search_other_face(
    pose: np.ndarray, section: SectionScales, settings: RegisterSettings
) -> SectionResult:
    """Search a section whose plane keeps its orientation and is seen from the other side.

    Position, depth, in-plane rotation and stretch are free; the plane does not tilt.

    Parameters
    ----------
    pose : ndarray, shape (12,)
        The section's pose with the wrong face up.
    section : SectionScales
    settings : RegisterSettings
    """
    axis = -normals(pose)
    stretches = stretches_up_to(settings.max_scale)

    def searches() -> Iterator[list[ScoredPoses]]:
        for number in range(settings.searches):
            rng = np.random.default_rng(number)
            _, turns = spread_axes(scan_density(number) * settings.scan_rotations, rng)
            frames = frames_across(axis[None], RESCAN_FACTOR * turns)
            frames = frames[face_view(frame_normals(frames), axis)]
            scanned = scan(section, frames, settings.scan_step_um / RESCAN_FACTOR, stretches, rng)
            yield coarse_to_fine(
                all_but_finest(section.scales[scanned.first_scale :]),
                ScoredPoses(scanned.poses.reshape(-1, POSE_SIZE), scanned.scores.ravel()),
                BEAM,
                section.size_um,
                settings,
                freedom=PARALLEL,
            )

    return combine(searches(), section, BEAM[-1], settings, PARALLEL)
