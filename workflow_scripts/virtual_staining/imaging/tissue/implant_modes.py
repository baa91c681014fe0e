"""Which modes of a scan are implants, by what the sections show or by their shapes."""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.mode import CORE_UM, Mode
from virtual_staining.imaging.tissue.modes import ScanModes
from virtual_staining.imaging.tissue.witnesses import NEW_BONE_UM, Seen

# Share of a mode's pixels from which all of it counts as of one kind.
MOST = 0.5
# Least share of a mode's matter in thick parts if it may be an implant, or bone beside one.
SOLID, SOME_SOLID, ONLY_SOLID = 0.85, 0.15, 0.93
# Spread of an implant over that of the bone around it, at most.
NARROW = 0.85
# Bone of which a larger share lies as near to the implant may be a corrosion layer, µm.
LAYER_UM, LAYER_SHARE = 350.0, 0.7
# Rim of an implant that its blur reaches, voxels.
RIM_VOXELS = 4


def implant_modes(modes: list[Mode], left: list[int], seen: Seen | None) -> tuple[list[int], bool]:
    """Return which modes are implants, and whether that is sure.

    Parameters
    ----------
    modes : list of Mode
        From dark to bright.
    left : list of int
        Numbers of the modes that are not background.
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
