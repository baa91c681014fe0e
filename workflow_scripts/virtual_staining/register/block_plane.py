"""A section's plane as the search over its block left it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.search.coarse_to_fine import bounds, climb, same_place
from virtual_staining.register.search.confidence import Found, confidence
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.scales import Member
from virtual_staining.settings.register import RegisterSettings

CLEAR = 0.5  # less, and a block whose sections all lie the other side up fits about as well


@dataclass(frozen=True)
class BlockPlane:
    """One section's part of a block's result.

    Parameters
    ----------
    name : str
        The block.
    found : Found
        The section's plane; its confidence is the smaller of its own and the block's.
    margin, agreeing, searches, confidence, clarity
        Of the orientation that the block's sections share; as in
        :class:`~virtual_staining.register.search.block_search.BlockFound`.
    leaves_deg, leaves_um : float
        How far the section turns its plane and moves its centre where it climbs on by itself.
    leaves : bool
        Whether it so reaches another maximum.
    """

    name: str
    found: Found
    margin: float
    agreeing: int
    searches: int
    confidence: float
    clarity: float
    leaves_deg: float
    leaves_um: float
    leaves: bool

    def describe(self) -> dict:
        """Return what ``transform.json`` tells of the block."""
        keys = ("name", "margin", "agreeing", "searches", "confidence", "clarity")
        keys += ("leaves_deg", "leaves_um")
        return {key: getattr(self, key) for key in keys}


def read_block(
    path: str | Path, sample: str, one: Member, settings: RegisterSettings
) -> BlockPlane:
    """Read a section's plane from its block's ``planes.json``, and climb on from it to compare.

    Raises
    ------
    InputError
        If the file is missing, cannot be read, or does not tell of the sample.
    """
    values = read_json(path)
    try:
        own = values["sections"][sample]
        section = SectionMap.from_dict(own["slide_to_volume"], f"{path}: {sample}: slide_to_volume")
        pose = poses.from_map(section, one.size_um)
        keys = ("margin", "agreeing", "searches", "confidence", "clarity")
        shared = {key: values[key] for key in keys}
        found = Found(
            pose,
            score(pose, one, settings),
            own["margin"],
            own["agreeing"],
            values["searches"],
            min(own["confidence"], values["confidence"]),
        )
        name = values["block"]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: sections: {sample}: does not tell where this section lies ({error}); delete "
            "the file, so that the block is searched again"
        ) from error
    return BlockPlane(name, found, **shared, **compare(pose, one, settings))


def score(pose: np.ndarray, one: Member, settings: RegisterSettings) -> float:
    """Return the mutual information, nats, of a section at a pose (12,) at its finest scale."""
    arguments = one.scales[-1].arguments
    return float(score_poses(*arguments, len(one.colours), settings.grey_bins, pose[None])[0])


def compare(pose: np.ndarray, one: Member, settings: RegisterSettings) -> dict:
    """Return how far a section leaves a pose (12,) where its plane may tilt as it likes."""
    limits = bounds(settings)
    ends, _ = climb(
        one.scales[-1], pose[None], settings.grey_bins, one.size_um, poses.AFFINE, limits
    )
    before, after = (poses.to_map(each, one.size_um).normal for each in (pose, ends[0]))
    return {
        "leaves_deg": float(np.degrees(np.arccos(np.clip(before @ after, -1, 1)))),
        "leaves_um": float(np.linalg.norm(ends[0, :3] - pose[:3])),
        "leaves": not same_place(pose, ends, one.size_um)[0],
    }


def flag_block(plane: BlockPlane, settings: RegisterSettings) -> list[str]:
    """Return one sentence for each doubt about a block's share in a section's plane."""
    flags = []
    if plane.confidence < settings.min_confidence:
        flags.append(
            f"the orientation that block {plane.name} shares is unsure: confidence "
            f"{plane.confidence:.2f}, margin {plane.margin:.3f}, found by {plane.agreeing} of "
            f"{plane.searches} searches"
        )
    own = confidence(plane.found.margin, plane.found.agreeing)
    if plane.clarity < CLEAR and own < settings.min_confidence:
        flags.append(
            f"block {plane.name} fits about as well with all its sections turned over; give "
            "view_axis in the sheet"
        )
    if plane.leaves:
        flags.append(
            f"the orientation is that of block {plane.name}; by itself the section turns by "
            f"{plane.leaves_deg:.1f}° and moves by {plane.leaves_um:.0f} µm from it"
        )
    return flags
