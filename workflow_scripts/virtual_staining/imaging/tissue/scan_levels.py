"""Which modes of a scan are background, bone and implant; how sure that is, and why."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.background import Background, find_background
from virtual_staining.imaging.tissue.implant_modes import (
    beside_implants,
    blurred_implants,
    implant_modes,
    is_layer,
)
from virtual_staining.imaging.tissue.mode import Mode
from virtual_staining.imaging.tissue.modes import ScanModes
from virtual_staining.imaging.tissue.thin_bone import thin_level
from virtual_staining.imaging.tissue.witnesses import Seen

# Share of bone's pixels that are opaque on the sections: below the first, cells and rims alone;
# above the second, so large a part is an implant that bone's level is doubted.
SOME_OPAQUE_BONE, MOST_OPAQUE_BONE = 0.05, 0.2
# Denser voxels beside those at the level of the densest matter but the implant: above, something
# too thin to have a mode of its own is denser still.
MOST_DENSER = 0.1
# Most that the background may vary, of the way to bone; most that its level may differ from that
# under the sections' clear glass, if the glass settles it.
MOST_VARIED, SETTLED = 0.03, 0.015
# Least share of the densest matter that lies away from an implant and its new bone.
LEAST_APART = 0.1


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
    implants, sure = implant_modes(modes, left, floor, seen)
    others = [k for k in left if k not in implants]
    bone = others[-1] if others else None
    for k in implants:
        names[k] = "implant"
    if not sure:
        doubts.append("bone and implant are told apart by their shapes alone; draw Bone")
    implant = modes[max(implants)].grey if implants else None
    beside = beside_implants(scan, implants)
    near = beside | blurred_implants(scan, floor, bone, implants)
    layer = is_layer(scan, bone, implants)
    if layer:
        doubts.append("what is taken for bone lies around the implant alone and may be its "
                      "corrosion layer; draw Bone")  # fmt: skip
    below = bone
    nothing = np.zeros(scan.smooth.shape, bool)
    if scan.denser(modes[-1], floor, nothing) > MOST_DENSER:  # above a faint implant, for one
        bone, below = None, len(modes) - 1
        near = beside if _leaves_bone(scan, modes[-1], beside) else nothing
    if bone is not None and (layer or not scan.resolves(modes[bone], floor, near)):
        below = bone - 1
    if bone is None or below != bone or scan.denser(modes[bone], floor, near) > MOST_DENSER:
        level = thin_level(scan, floor, modes[below] if below is not None else None, near)
        doubts.append(
            "bone is too thin for these voxels to show its full level, which is "
            "estimated from all of its signal; draw Bone where it is thickest"
        )
        return FoundLevels(floor, level, implant, names, doubts + _varied(empty, level))
    names[bone] = "bone"
    level, said = _bone_without_implant(modes[bone], bone, seen)
    return FoundLevels(floor, level, implant, names, doubts + said + _varied(empty, level))


def _leaves_bone(scan: ScanModes, top: Mode, beside: np.ndarray) -> bool:
    """Tell whether enough of what is denser than all modes lies away from the implant."""
    dense = scan.measured & (scan.smooth > top.grey + 4 * scan.noise)
    return bool((dense & ~beside).sum() > LEAST_APART * dense.sum())


def _varied(empty: Background, bone: float) -> list[str]:
    """Return a doubt where open space has many levels, as streaks of metal make them."""
    span = bone - empty.grey
    share = empty.spread / span
    settled = empty.glass is not None and abs(empty.glass - empty.grey) < SETTLED * span
    if share <= MOST_VARIED or settled:
        return []
    return [f"open space beside the specimen varies by {share:.1%} of bone's level, as streaks of "
            "metal make it; draw Background where the CT is to count as empty"]  # fmt: skip


def _bone_without_implant(mode: Mode, bone: int, seen: Seen | None) -> tuple[float, list[str]]:
    """Return bone's level, and a doubt where an implant shares its mode.

    What the sections stain is bone, and its grey level tells where the mode cannot.
    """
    opaque = None if seen is None else seen.share("opaque", bone)
    if seen is None or opaque is None or opaque <= SOME_OPAQUE_BONE:
        return mode.grey, []
    level, source = mode.grey, "an implant of nearly bone's grey level moves the mean"
    if seen.stained_grey is not None and np.isfinite(seen.stained_grey[bone]):
        level = float(seen.stained_grey[bone])
        source = "bone's level is that of the stained pixels alone"
    if opaque <= MOST_OPAQUE_BONE:
        return level, []
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
