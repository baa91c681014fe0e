"""Which modes of a scan are background, bone and implant; how sure that is, and why."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.background import find_background
from virtual_staining.imaging.tissue.modes import CORE_UM, Mode, ScanModes
from virtual_staining.imaging.tissue.thin_bone import conserved_level
from virtual_staining.imaging.tissue.witnesses import NEW_BONE_UM, Seen

# Share of a mode's pixels from which all of it counts as of one kind.
MOST = 0.5
# Largest share of bone's pixels that are opaque on the sections if no implant lies among them.
MOST_OPAQUE_BONE = 0.2
# Least share of a mode's matter in thick parts if it may be an implant, or bone beside one.
SOLID, SOME_SOLID, ONLY_SOLID = 0.85, 0.15, 0.93
# Spread of an implant over that of the bone around it, at most.
NARROW = 0.85
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
    modes, names = scan.modes, [""] * len(scan.modes)
    if len(modes) < 2:
        raise InputError("the grey levels show one material alone")
    empty = find_background(scan, seen)
    names[empty.number] = "background"
    floor, doubts = empty.grey, list(empty.doubts)
    left = list(range(empty.number + 1, len(modes)))
    implants, sure = _implants(modes, left, seen)
    others = [k for k in left if k not in implants]
    bone = others[-1] if others else None
    for k in implants:
        names[k] = "implant"
    if not sure:
        doubts.append("bone and implant are told apart by their shapes alone; draw Bone")
    implant = modes[max(implants)].grey if implants else None
    near = _near_implant(scan, floor, bone, implants)
    is_layer = _is_layer(scan, bone, implants)
    if is_layer:
        doubts.append("what is taken for bone lies around the implant alone and may be its "
                      "corrosion layer; draw Bone")  # fmt: skip
    below = bone
    nothing = np.zeros(scan.smooth.shape, bool)
    if scan.denser(modes[-1], floor, nothing) > MOST_DENSER:  # above a faint implant, for one
        bone, below, near = None, len(modes) - 1, nothing
    if bone is not None and (is_layer or not scan.resolves(modes[bone], floor, near)):
        below = bone - 1
    if bone is None or below != bone or scan.denser(modes[bone], floor, near) > MOST_DENSER:
        level = thin_level(scan, floor, modes[below] if below is not None else None, near)
        doubts.append(
            "bone is too thin for these voxels to show its full level, which is "
            "estimated from all of its signal; draw Bone where it is thickest"
        )
        return FoundLevels(floor, level, implant, names, doubts)
    names[bone] = "bone"
    level, said = _bone_without_implant(modes[bone], bone, seen)
    return FoundLevels(floor, level, implant, names, doubts + said)


def _near_implant(
    scan: ScanModes, floor: float, bone: int | None, implants: list[int]
) -> np.ndarray:
    """Return implants with their blur and the new bone around them, bool (z, y, x)."""
    modes, near = scan.modes, np.zeros(scan.smooth.shape, bool)
    for k in implants:
        near |= scan.around_bodies(modes[k].low, modes[k].high, NEW_BONE_UM)
    dense = [modes[k] for k in implants if bone is None or k > bone]
    if dense:
        lowest = min(mode.grey for mode in dense)
        foot = modes[bone].grey if bone is not None else floor
        near |= ndimage.binary_dilation(scan.smooth > 0.5 * (foot + lowest), iterations=RIM_VOXELS)
    return near


def _bone_without_implant(mode: Mode, bone: int, seen: Seen | None) -> tuple[float, list[str]]:
    """Return bone's level, and a doubt where an implant shares its mode.

    What the sections stain is bone, and its grey level tells where the mode cannot.
    """
    opaque = None if seen is None else seen.share("opaque", bone)
    if seen is None or opaque is None or opaque <= MOST_OPAQUE_BONE:
        return mode.grey, []
    level, source = mode.grey, "an implant of nearly bone's grey level moves the mean"
    if seen.stained_grey is not None and np.isfinite(seen.stained_grey[bone]):
        level = float(seen.stained_grey[bone])
        source = "bone's level is that of the stained pixels alone"
    doubt = f"{opaque:.0%} of what is taken for bone is opaque on the sections, so {source}"
    return level, [f"{doubt}; draw Bone"]


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
    sure = votes[1] == is_implant
    narrow = top.spread_um / other.spread_um
    if min(narrow, 1 / narrow) < NARROW:  # bone surrounds its implant
        is_implant, sure = narrow < 1, True
    if is_implant:
        found.append(densest)
    elif other.compact > top.compact or narrow > 1:
        found.append(modes.index(other))
    return found, sure


def _lost(mode: Mode, number: int, seen: Seen) -> bool:
    """Tell whether a solid body is clear on the sections: an implant that was taken out."""
    clear = seen.share("clear", number)
    return clear is not None and clear > MOST and mode.depth_um > CORE_UM


def _is_layer(scan: ScanModes, bone: int | None, implants: list[int]) -> bool:
    """Tell whether bone's matter lies around a fainter implant alone."""
    modes = scan.modes
    bodies = [modes[k] for k in implants if bone is not None and k < bone]
    bodies = [mode for mode in bodies if mode.depth_um > CORE_UM]
    if bone is None or not bodies:
        return False
    near = scan.around_bodies(bodies[0].low, bodies[0].high, LAYER_UM)
    matter = (scan.smooth >= modes[bone].low) & (scan.smooth < modes[bone].high)
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
    conserved = conserved_level(scan.grey, scan.measured & ~rim, floor, level)
    return level if conserved is None else conserved
