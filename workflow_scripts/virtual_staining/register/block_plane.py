"""``planes.json``: the planes of a block's sections, its writer and its reader."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.search.block.block_search import BlockResult
from virtual_staining.register.search.block.stack import axis_angle_deg
from virtual_staining.register.search.coarse_to_fine import climb, same_maximum
from virtual_staining.register.search.confidence import SectionResult, confidence
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.register import RegisterSettings

FORMAT = 1  # of planes.json
REMEDY = "delete the file, so that the block is searched again"
CLEAR = 0.5  # of a block of lower clarity it is unsure which face its sections have up
BLOCK_KEYS = ("margin", "agreeing", "searches", "confidence", "clarity")


@dataclass(frozen=True)
class BlockPlane:
    """The plane of one section as the search of its block found it.

    Parameters
    ----------
    name : str
        Name of the block.
    section : SectionResult
        The section's pose; its confidence is the smaller of the section's and the block's.
    margin, agreeing, searches, confidence, clarity
        Of the orientation that the block's sections share; as in
        :class:`~virtual_staining.register.search.block.block_search.BlockResult`.
    alone_tilt_deg, alone_shift_um : float
        Angle by which the section tilts its plane, and distance by which it moves its centre, when
        it climbs on from the block's plane without regard to the other sections.
    alone_elsewhere : bool
        Whether this climb ends at another maximum of mutual information.
    in_order : bool
        Whether the depth follows the order that the sample sheet names.
    """

    name: str
    section: SectionResult
    margin: float
    agreeing: int
    searches: int
    confidence: float
    clarity: float
    alone_tilt_deg: float
    alone_shift_um: float
    alone_elsewhere: bool
    in_order: bool

    def describe(self) -> dict:
        """Return the figures of the block that ``transform.json`` holds."""
        keys = ("name", *BLOCK_KEYS, "alone_tilt_deg", "alone_shift_um")
        return {key: getattr(self, key) for key in keys}


def write_planes(
    path: Path,
    block: str,
    volume: str,
    samples: list[str],
    sizes_um: list[tuple[float, float]],
    result: BlockResult,
) -> None:
    """Write the planes of all sections of a block, atomically.

    Parameters
    ----------
    path : path
        ``planes.json``.
    block, volume : str
        Name of the block, id of its volume.
    samples : list of str
        Ids of the sections' samples, in the order of the result's sections.
    sizes_um : list of (width, height)
        Sizes of their slides, µm.
    result : BlockResult
    """
    sections = {
        sample: {
            "slide_to_volume": poses.to_map(section.pose, size_um).to_dict(),
            "mutual_information": section.mutual_information,
            "margin": section.margin,
            "agreeing": section.agreeing,
            "confidence": section.confidence,
            "in_order": in_order,
        }
        for sample, size_um, section, in_order in zip(
            samples, sizes_um, result.sections, result.in_order, strict=True
        )
    }
    shared = {key: getattr(result, key) for key in BLOCK_KEYS}
    values = {"block": block, "volume": volume, "axis": result.axis.tolist(), **shared}
    write_document(path, FORMAT, {**values, "sections": sections})


def read_block_plane(
    path: str | Path, sample: str, section: SectionScales, settings: RegisterSettings
) -> BlockPlane:
    """Read a section's plane from its block's ``planes.json``, and climb on from it to compare.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, is of an unknown format, or lacks the sample's
        plane.
    """
    values = read_document(path, FORMAT, REMEDY).values
    try:
        entry = values["sections"][sample]
        known = SectionMap.from_dict(entry["slide_to_volume"], f"{path}: {sample}: slide_to_volume")
        pose = poses.from_map(known, section.size_um)
        result = SectionResult(
            pose,
            float(score_poses(section.scales[-1], settings.grey_bins, pose[None])[0]),
            entry["margin"],
            entry["agreeing"],
            values["searches"],
            min(entry["confidence"], values["confidence"]),
        )
        in_order = bool(entry.get("in_order", True))
        name, shared = values["block"], {key: values[key] for key in BLOCK_KEYS}
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: sections: {sample}: holds no plane of this section ({error}); {REMEDY}"
        ) from error
    alone = climb_alone(pose, section, settings)
    return BlockPlane(name, result, **shared, **alone, in_order=in_order)


def climb_alone(pose: np.ndarray, section: SectionScales, settings: RegisterSettings) -> dict:
    """Return how far a section leaves a pose (12,) when it climbs with its plane free to tilt."""
    size_um = section.size_um
    reached = climb(section.scales[-1], pose[None], poses.AFFINE, size_um, settings).poses
    before, after = poses.to_map(pose, size_um).normal, poses.to_map(reached[0], size_um).normal
    return {
        "alone_tilt_deg": axis_angle_deg(before, after),
        "alone_shift_um": float(np.linalg.norm(reached[0, poses.CENTER] - pose[poses.CENTER])),
        "alone_elsewhere": not same_maximum(pose, reached, size_um)[0],
    }


def flag_block(plane: BlockPlane, settings: RegisterSettings) -> list[str]:
    """Return one sentence for each doubt about the orientation that a block gives a section."""
    flags = []
    if plane.confidence < settings.min_confidence:
        flags.append(
            f"the orientation that block {plane.name} shares is unsure: confidence "
            f"{plane.confidence:.2f}, margin {plane.margin:.3f}, reached by {plane.agreeing} of "
            f"{plane.searches} searches"
        )
    section_confidence = confidence(plane.section.margin, plane.section.agreeing)
    if plane.clarity < CLEAR and section_confidence < settings.min_confidence:
        flags.append(
            f"block {plane.name} fits about as well with all its sections flipped; give view_axis "
            "in the sample sheet"
        )
    if not plane.in_order:
        flags.append(
            f"its depth among the sections of block {plane.name} contradicts block_order in the "
            "sample sheet"
        )
    if plane.alone_elsewhere:
        flags.append(
            f"the orientation is that of block {plane.name}; searched alone, the section tilts by "
            f"{plane.alone_tilt_deg:.1f}° and moves by {plane.alone_shift_um:.0f} µm from it"
        )
    return flags
