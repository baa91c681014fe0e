"""Which modes of a scan are implants, by what the sections show or by their shapes."""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.mode import CORE_UM, Mode
from virtual_staining.imaging.tissue.modes import NARROW, ScanModes
from virtual_staining.imaging.tissue.witnesses import NEW_BONE_UM, Seen

# Share of a mode's pixels from which all of it counts as of one kind.
MOST = 0.5
# Least share of a mode's matter in thick parts if it may be an implant, or bone beside one.
SOLID, SOME_SOLID, ONLY_SOLID = 0.85, 0.15, 0.93
# Least level of bone beside an implant, of the implant's: titanium leaves it 0.11 to 0.14 at 25 to
# 45 keV, and dry soft tissue has 0.03 to 0.07 of bone's. Below, the densest matter is a heavier
# metal if it is so much narrower than what surrounds it.
LEAST_BONE, MUCH_NARROWER = 0.09, 0.72
# Bone of which a larger share lies as near to the implant may be a corrosion layer, µm.
LAYER_UM, LAYER_SHARE = 350.0, 0.7
# Rim of an implant that its blur reaches, voxels.
RIM_VOXELS = 4


def implant_modes(
    modes: list[Mode], left: list[int], floor: float, seen: Seen | None
) -> tuple[list[int], bool]:
    """Return which modes are implants, and whether that is sure.

    Parameters
    ----------
    modes : list of Mode
        From dark to bright.
    left : list of int
        Numbers of the modes that are not background.
    floor : float
        Background's grey level.
    seen : Seen or None
        What the sections show.
    """
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
    others = [k for k in left[:-1] if modes[k].solid >= SOME_SOLID and k not in found]
    if not others:
        return found, modes[densest].solid < ONLY_SOLID
    implant, sure = _by_shape(modes, densest, others, floor)
    return found + ([] if implant is None else [implant]), sure


def _by_shape(
    modes: list[Mode], densest: int, others: list[int], floor: float
) -> tuple[int | None, bool]:
    """Return which mode is an implant by its shape, if one is, and whether that is sure.

    Bone surrounds its implant, which is therefore the narrower of the two. Bone that no section
    tells is the densest matter, or the densest beside it that has thick parts.
    """
    top = modes[densest]
    least = floor + LEAST_BONE * (top.grey - floor)
    if modes[others[-1]].grey < least:  # no bone beside titanium, but perhaps beside heavier metal
        other = max((modes[k] for k in others), key=lambda mode: mode.solid)
        heavy = top.solid >= ONLY_SOLID and top.spread_um < MUCH_NARROWER * other.spread_um
        return (densest if heavy else None), not heavy
    other = modes[others[-1]]
    narrow = top.spread_um / other.spread_um
    if narrow < NARROW:
        return densest, True
    more = [getattr(top, name) > getattr(other, name) for name in ("solid", "compact", "depth_um")]
    sure = narrow > 1 or top.solid < SOLID or sum(more) < 2
    is_other = other.compact > top.compact or narrow > 1
    return (others[-1] if is_other else None), sure


def _lost(mode: Mode, number: int, seen: Seen) -> bool:
    """Tell whether a solid body is clear on the sections: an implant that was taken out."""
    clear = seen.share("clear", number)
    return clear is not None and clear > MOST and mode.depth_um > CORE_UM


def is_layer(scan: ScanModes, bone: int | None, implants: list[int]) -> bool:
    """Tell whether bone's matter lies around a fainter implant alone.

    Parameters
    ----------
    scan : ScanModes
    bone : int or None
        Number of bone's mode.
    implants : list of int
        Those of the implants.
    """
    modes = scan.modes
    bodies = [modes[k] for k in implants if bone is not None and k < bone]
    bodies = [mode for mode in bodies if mode.depth_um > CORE_UM]
    if bone is None or not bodies:
        return False
    near = scan.around_bodies(bodies[0].low, bodies[0].high, LAYER_UM)
    matter = (scan.smooth >= modes[bone].low) & (scan.smooth < modes[bone].high)
    return bool((matter & near).sum() > LAYER_SHARE * matter.sum())


def beside_implants(scan: ScanModes, bodies: list[int]) -> np.ndarray:
    """Return implants with the new bone around them, bool (z, y, x).

    Parameters
    ----------
    scan : ScanModes
    bodies : list of int
        Numbers of the implants' modes.
    """
    near = np.zeros(scan.smooth.shape, bool)
    for number in bodies:
        near |= scan.around_bodies(scan.modes[number].low, scan.modes[number].high, NEW_BONE_UM)
    return near


def blurred_implants(
    scan: ScanModes, floor: float, bone: int | None, implants: list[int]
) -> np.ndarray:
    """Return implants that are denser than bone, with their blur, bool (z, y, x).

    Parameters
    ----------
    scan : ScanModes
    floor : float
        Background's grey level.
    bone : int or None
        Number of bone's mode.
    implants : list of int
        Those of the implants.
    """
    modes = scan.modes
    dense = [modes[k] for k in implants if bone is None or k > bone]
    if not dense:
        return np.zeros(scan.smooth.shape, bool)
    lowest = min(mode.grey for mode in dense)
    foot = modes[bone].grey if bone is not None else floor
    return ndimage.binary_dilation(scan.smooth > 0.5 * (foot + lowest), iterations=RIM_VOXELS)
