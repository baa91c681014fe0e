"""Scores of a case of the regions benchmark against its true levels and labels."""

from dataclasses import dataclass, field

import numpy as np
from regions_cases import Case
from regions_run import MASK, NORMALIZE, Found, PairFound
from regions_scene import MATURE
from regions_sections import CasePair
from scipy import ndimage
from skimage.morphology import convex_hull_image

from virtual_staining.cohort.specimen.labels import BONE, RIGID, Label, is_in
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.imaging.tissue.specimen import LINK_UM

LEVEL_SHARE = 0.03  # of the span from background to bone that a level may be off
LEAST_IMPLANT, LEAST_BONE, MOST_FOREIGN, LEAST_MASK = 0.95, 0.85, 0.05, 0.85
TRUE_TISSUE = {
    "implant": ((Label.IMPLANT,), (Tissue.IMPLANT,)),
    "bone": (BONE, (Tissue.RIGID,)),
    "layer": ((Label.DEGRADATION,), (Tissue.DEGRADATION,)),
    "soft": ((Label.SOFT, Label.MARROW), (Tissue.SOFT,)),
}
"""Labels of each class of tissue, and the codes that stand for them."""


@dataclass
class Scores:
    """One case: errors of levels by place, dice by class, kept shares, and what was said."""

    name: str
    errors: dict[str, float] = field(default_factory=dict)
    dice: dict[str, list[float]] = field(default_factory=dict)
    mask_dice: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: bool = False

    @property
    def levels_right(self) -> bool:
        """Whether every level that was measured is right, and none was refused."""
        return bool(self.errors) and not self.refused and self._levels_hold

    @property
    def _levels_hold(self) -> bool:
        return all(abs(error) <= LEVEL_SHARE for error in self.errors.values())

    @property
    def wrong(self) -> bool:
        """Whether a level or a region that was made is wrong."""
        return bool(self.faults) or not self._levels_hold

    @property
    def silently_wrong(self) -> bool:
        """Whether something is wrong and nothing was said."""
        return self.wrong and not self.said

    @property
    def needless(self) -> bool:
        """Whether something was said, and all that was made is right."""
        return bool(self.said) and not self.refused and not self.wrong


def score(case: Case, found: Found) -> Scores:
    """Score what the workflow made of a case."""
    scores = Scores(
        case.spec.name, said=list(dict.fromkeys(found.said)), refused=bool(found.refused)
    )
    for number, (pair, made) in enumerate(zip(case.pairs, found.pairs, strict=True)):
        if made.stats is not None:
            ct = made.stats["ct"]
            _levels(
                scores,
                f"S{number}",
                case,
                found,
                ct["background_mean_before"],
                ct["bone_mean_before"],
            )
        if made.mask is not None:
            _regions(scores, f"S{number}", pair, made, case.spec.voxel_um)
    if found.scaling is not None:
        greys = (NORMALIZE.background_mean, NORMALIZE.bone_mean)
        scale, offset = found.scaling
        _levels(scores, "volume", case, found, *((grey - offset) / scale for grey in greys))
    if found.specimen is not None:
        _specimen(scores, case, found.specimen)
    return scores


def _levels(scores: Scores, place: str, case: Case, found: Found, background, bone) -> None:
    """Note the errors of two levels, fractions of the true span."""
    scale, offset = found.grey
    true = {
        name: None if grey is None else scale * grey + offset for name, grey in case.levels.items()
    }
    # without any background in the field, what is taken for it must not be matter
    empty = true["background"] if true["background"] is not None else scale * case.air + offset
    if true["bone"] is None:
        return
    span = true["bone"] - empty
    scores.errors[f"{place} background"] = (background - empty) / span
    scores.errors[f"{place} bone"] = (bone - true["bone"]) / span


def _regions(scores: Scores, place: str, pair: CasePair, made: PairFound, um: float) -> None:
    """Compare a pair's mask and tissue classes with its labels."""
    true = true_mask(pair, made.valid, um)
    scores.mask_dice.append(_dice(true, made.mask))
    if scores.mask_dice[-1] < LEAST_MASK:
        scores.faults.append(f"{place}: mask dice {scores.mask_dice[-1]:.2f}")
    both = true & made.mask
    for name, (labels, codes) in TRUE_TISSUE.items():
        wanted, got = is_in(pair.slide_labels, labels) & both, np.isin(made.tissue, codes) & both
        if wanted.sum() > 100:
            scores.dice.setdefault(name, []).append(_dice(wanted, got))
    for name, labels, least in (
        ("implant", (Label.IMPLANT,), LEAST_IMPLANT),
        ("bone", MATURE, LEAST_BONE),
    ):
        tissue = is_in(pair.slide_labels, labels) & is_in(pair.ct_labels, labels) & made.valid
        kept = (made.mask & tissue).sum() / max(tissue.sum(), 1)
        if tissue.sum() > 100 and kept < least:
            scores.faults.append(f"{place}: {kept:.0%} of {name} in the mask")
    tissue = (Label.SOFT, Label.MARROW, *BONE)  # small pieces and what lies between them
    shared = is_in(pair.ct_labels, tissue) & is_in(pair.slide_labels, tissue)
    foreign = (made.mask & ~true & ~shared).sum() / max(made.mask.sum(), 1)
    if foreign > MOST_FOREIGN:
        scores.faults.append(f"{place}: {foreign:.0%} of the mask is foreign")


def true_mask(pair: CasePair, valid: np.ndarray, um: float) -> np.ndarray:
    """Hulls of the rigid tissue in CT and section, where both show data, without what was lost."""
    hulls = [
        _hull(is_in(labels, RIGID) & valid, um) for labels in (pair.ct_labels, pair.slide_labels)
    ]
    lost = is_in(pair.ct_labels, (*BONE, Label.IMPLANT)) & (pair.slide_labels == Label.AIR)
    return hulls[0] & hulls[1] & valid & ~ndimage.binary_opening(lost, iterations=2)


def _hull(rigid: np.ndarray, um: float) -> np.ndarray:
    """Convex hulls of a plane's pieces with their margin, bool (y, x).

    What lies within ``LINK_UM`` is one piece: trabeculae that the plane cuts apart are one bone.
    """
    parts, _ = ndimage.label(rigid, np.ones((3, 3)))
    large = np.bincount(parts.ravel()) >= (MASK.min_thickness_um / um) ** 2
    large[0] = False
    rigid, hulls = large[parts], np.zeros_like(rigid)
    if not rigid.any():
        return hulls
    near = ndimage.distance_transform_edt(~rigid) * um <= LINK_UM / 2
    pieces, count = ndimage.label(near, np.ones((3, 3)))
    for number in range(1, count + 1):
        outside = ~convex_hull_image(rigid & (pieces == number))
        hulls |= ndimage.distance_transform_edt(outside) * um <= MASK.margin_um
    return hulls


def _specimen(scores: Scores, case: Case, outline: np.ndarray) -> None:
    """Compare what staining takes for specimen with the labels, voxel by voxel."""
    for name, labels, least in (
        ("implant", (Label.IMPLANT,), LEAST_IMPLANT),
        ("bone", MATURE, LEAST_BONE),
    ):
        tissue = is_in(case.labels, labels) & case.measured
        kept = (outline & tissue).sum() / max(tissue.sum(), 1)
        if tissue.sum() > 1000 and kept < least:
            scores.faults.append(f"volume: {kept:.0%} of {name} stained")
    rigid = is_in(case.labels, RIGID) & case.measured
    true = np.stack([_hull(plane, case.spec.voxel_um) if plane.any() else plane for plane in rigid])
    own = true | is_in(case.labels, (Label.SOFT, Label.MARROW))
    foreign = (outline & ~(own & case.measured)).sum() / max(outline.sum(), 1)
    if foreign > MOST_FOREIGN:
        scores.faults.append(f"volume: {foreign:.0%} of what is stained is foreign")


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))
