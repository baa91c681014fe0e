"""Which modes of a scan are background, bone and implant; how sure that is, and why."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.modes import CORE_UM, Mode, ScanModes

# Half the thickness of open space beside a specimen; pores are narrower, µm.
OPEN_UM = 400.0
# Fewest pixels of a mode on all sections together by which they tell what it is.
LEAST_PIXELS = 50
# Least share of a mode's pixels that show clear glass if the mode is the background, and from
# which all of it counts as stained or as opaque.
CLEAR_SHARE, MOST = 0.15, 0.5
# Largest share of bone's pixels that are opaque on the sections if no implant lies among them.
MOST_OPAQUE_BONE = 0.2
# Least share of a mode's matter in thick parts if it may be an implant, or bone beside one.
SOLID, SOME_SOLID, ONLY_SOLID = 0.85, 0.15, 0.93
# Denser voxels beside those at the level of the densest matter but the implant: above, something
# too thin to have a mode of its own is denser still.
MOST_DENSER = 0.1
# Bone of which a larger share lies as near to the implant may be a corrosion layer, µm.
LAYER_UM, LAYER_SHARE = 350.0, 0.7
# Where bone is too thin for a mode: its voxels lie half-way to the estimate, its cores one inside.
HALF_WAY, CORE_VOXELS, ROUNDS = 0.5, 200, 3
# Rim of an implant that its blur reaches, voxels.
RIM_VOXELS = 4


@dataclass(frozen=True)
class Seen:
    """What the registered sections of a scan show over its modes, pixels, one number a mode."""

    clear: np.ndarray
    opaque: np.ndarray
    stained: np.ndarray

    def share(self, kind: str, number: int) -> float | None:
        """Share of a mode's pixels that are of a kind; None where there are too few to tell."""
        total = int(self.clear[number] + self.opaque[number] + self.stained[number])
        return getattr(self, kind)[number] / total if total >= LEAST_PIXELS else None


@dataclass(frozen=True)
class FoundLevels:
    """Levels of a scan.

    Parameters
    ----------
    background, bone : float
        Mean grey levels.
    implant : float or None
        The same, None where no implant was found.
    names : list of str
        What each mode was taken for: background, bone, implant, or empty.
    doubts : list of str
        One sentence for each doubt: which level, why, and which polygon settles it.
    """

    background: float
    bone: float
    implant: float | None
    names: list[str]
    doubts: list[str]


def name_modes(scan: ScanModes, seen: Seen | None) -> FoundLevels:
    """Tell which modes are background, bone and implant.

    The sections tell, where there are some: clear glass lies over the background, stain over bone
    and opaque pixels over the implant. Without them, shapes tell: background is the darkest matter
    and wide open; of two dense materials the implant is the more solid and compact; bone is the
    densest of the rest.

    Parameters
    ----------
    scan : ScanModes
    seen : Seen or None
        None where no section tells.

    Raises
    ------
    InputError
        If there is but one material, or the darkest is tissue on the sections.
    """
    modes, names, doubts = scan.modes, [""] * len(scan.modes), []
    if len(modes) < 2:
        raise InputError("the grey levels show one material alone")
    doubts += _background_doubts(modes[0], seen)
    names[0] = "background"
    floor = modes[0].grey
    left = list(range(1, len(modes)))
    implants, sure = _implants(modes, left, seen)
    others = [k for k in left if k not in implants]
    bone = others[-1] if others else None
    for k in implants:
        names[k] = "implant"
    dense = [modes[k] for k in implants if bone is None or k > bone]
    rim = np.zeros(scan.smooth.shape, bool)
    if dense:
        lowest = min(mode.grey for mode in dense)
        foot = modes[bone].grey if bone is not None else floor
        rim = ndimage.binary_dilation(scan.smooth > 0.5 * (foot + lowest), iterations=RIM_VOXELS)
    implant = modes[max(implants)].grey if implants else None
    if not sure:
        doubts.append("bone and implant are told apart by their shapes alone; draw Bone")
    below = bone
    nothing = np.zeros(scan.smooth.shape, bool)
    if scan.denser(modes[-1], floor, nothing) > MOST_DENSER:  # above a faint implant, for one
        bone, below, rim = None, len(modes) - 1, nothing
    if bone is not None and not scan.resolves(modes[bone], floor, rim):
        below = bone - 1
    if bone is None or below != bone or scan.denser(modes[bone], floor, rim) > MOST_DENSER:
        level = thin_level(scan, floor, modes[below] if below is not None else None, rim)
        doubts.append("bone is too thin for these voxels to show its full level; draw Bone "
                      "where it is thickest")  # fmt: skip
        return FoundLevels(floor, level, implant, names, doubts)
    names[bone] = "bone"
    opaque = None if seen is None else seen.share("opaque", bone)
    if opaque is not None and opaque > MOST_OPAQUE_BONE:
        doubts.append(f"{opaque:.0%} of what is taken for bone is opaque on the sections, so an "
                      "implant of nearly bone's grey level moves the mean; draw Bone")  # fmt: skip
    if _is_layer(scan, modes, bone, implants):
        doubts.append("what is taken for bone lies around the implant alone and may be its "
                      "corrosion layer; draw Bone")  # fmt: skip
    return FoundLevels(floor, modes[bone].grey, implant, names, doubts)


def tissue_levels(scan: ScanModes) -> tuple[float, float]:
    """Background and tissue of a scan without bone and without section: Otsu's two classes.

    Raises
    ------
    InputError
        If there is but one material.
    """
    values = scan.smooth[scan.measured]
    if len(scan.modes) < 2:
        raise InputError("the grey levels show one material alone")
    tissue = ndimage.binary_erosion(scan.smooth > threshold_otsu(values)) & scan.measured
    return scan.modes[0].grey, float(scan.smooth[tissue].mean()) if tissue.any() else np.nan


def _background_doubts(darkest: Mode, seen: Seen | None) -> list[str]:
    """Say why the darkest matter may not be the background; refuse what the sections deny.

    A section without any glass has pale tissue that passes for clear, so that shape tells too.
    """
    clear = None if seen is None else seen.share("clear", 0)
    if clear is not None and clear < CLEAR_SHARE:
        raise InputError(
            f"the darkest matter of the scan (grey level {darkest.grey:.0f}) is stained on the "
            f"sections and clear in {clear:.0%} of it only, so that no background is known; "
            "draw Background where the CT is to count as empty"
        )
    if darkest.depth_um >= OPEN_UM:
        return []
    return ["the darkest matter, which is taken for the background, fills pores alone and may be "
            "marrow; draw Background"]  # fmt: skip


def _implants(modes: list[Mode], left: list[int], seen: Seen | None) -> tuple[list[int], bool]:
    """Return which modes are implants, and whether that is sure."""
    found, untold = [], []
    for k in reversed(left):
        opaque = None if seen is None else seen.share("opaque", k)
        if seen is None or opaque is None:
            untold.append(k)
        elif opaque > MOST or _lost(modes[k], k, seen):
            found.append(k)
    densest = left[-1]
    if densest not in untold:
        return found, True
    top = modes[densest]
    others = [modes[k] for k in left[:-1] if modes[k].solid >= SOME_SOLID and k not in found]
    if not others:
        return found, top.solid < ONLY_SOLID
    other = max(others, key=lambda mode: mode.solid)
    votes = [getattr(top, name) > getattr(other, name) for name in ("solid", "compact", "depth_um")]
    is_implant = top.solid >= SOLID and sum(votes) >= 2
    if is_implant:
        found.append(densest)
    elif other.compact > top.compact:
        found.append(modes.index(other))
    return found, votes[1] == is_implant


def _lost(mode: Mode, number: int, seen: Seen) -> bool:
    """Tell whether a solid body is clear on the sections: an implant that was taken out."""
    clear = seen.share("clear", number)
    return clear is not None and clear > MOST and mode.depth_um > CORE_UM


def _is_layer(scan: ScanModes, modes: list[Mode], bone: int, implants: list[int]) -> bool:
    """Tell whether bone's matter lies around a fainter implant alone."""
    bodies = [modes[k] for k in implants if k < bone and modes[k].depth_um > CORE_UM]
    if not bodies:
        return False
    step = max(1, round(40.0 / scan.voxel_um))
    smooth = scan.smooth[::step, ::step, ::step]
    um = step * scan.voxel_um
    body = (smooth >= bodies[0].low) & (smooth < bodies[0].high)
    core = ndimage.distance_transform_edt(body) * um > CORE_UM
    near = ndimage.distance_transform_edt(~core) * um <= CORE_UM + LAYER_UM
    matter = (smooth >= modes[bone].low) & (smooth < modes[bone].high)
    return bool((matter & near).sum() > LAYER_SHARE * matter.sum())


def thin_level(scan: ScanModes, floor: float, below: Mode | None, rim: np.ndarray) -> float:
    """Estimate bone's level where it has no mode: the densest cores, which blur reaches least.

    Parameters
    ----------
    scan : ScanModes
    floor : float
        Background's grey level.
    below : Mode or None
        The densest material that has a mode, the implant aside.
    rim : ndarray, shape (z, y, x), bool
        Implant and its blurred rim.

    Raises
    ------
    InputError
        If hardly a voxel is denser.
    """
    start = floor if below is None else below.grey
    values = scan.smooth
    allowed = scan.measured & ~rim & (values > start + 4 * scan.noise)
    level = float(np.percentile(values[allowed], 99)) if allowed.sum() >= CORE_VOXELS else start
    if level <= start:
        raise InputError("no bone is found in the scan; draw Bone")
    for _ in range(ROUNDS):
        dense = allowed & (values > start + HALF_WAY * (level - start))
        core = ndimage.binary_erosion(dense)
        if core.sum() < CORE_VOXELS:
            break
        level = float(np.percentile(values[core], 90))
    return level
