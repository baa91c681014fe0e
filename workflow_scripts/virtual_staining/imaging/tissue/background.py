"""Which material of a scan is the medium around the specimen, and its grey level."""

from dataclasses import dataclass

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.modes import ScanModes
from virtual_staining.imaging.tissue.open_level import open_space
from virtual_staining.imaging.tissue.witnesses import LEAST_PIXELS, Seen

# Half the thickness of open space beside a specimen, µm; marrow's spaces are up to 1 mm wide.
OPEN_UM = 500.0
# Least share of a mode's pixels that show clear glass if the mode is the background.
CLEAR_SHARE = 0.15
# The same, if darker matter lies beside it.
MOSTLY = 0.5


@dataclass(frozen=True)
class Background:
    """The medium around the specimen.

    Parameters
    ----------
    number : int
        Of its mode.
    grey : float
        Its grey level.
    spread : float
        How much it varies over open space, grey levels.
    doubts : tuple of str
        One sentence for each doubt.
    glass : float or None
        Grey level under wide clear glass of the sections; None where they show none.
    """

    number: int
    grey: float
    spread: float = 0.0
    doubts: tuple[str, ...] = ()
    glass: float | None = None


def find_background(scan: ScanModes, seen: Seen | None) -> Background:
    """Find the medium around the specimen.

    Clear glass lies over it where sections tell: a holder's wall may be darker, and marrow may
    share a mode with air. Otherwise the darkest matter is the background, and of several levels
    that open space shows, the darkest.

    Parameters
    ----------
    scan : ScanModes
        At least two modes.
    seen : Seen or None
        None where no section tells.

    Raises
    ------
    InputError
        If the sections show stain over the darkest matter.
    """
    number = 0 if seen is None else _open_glass(scan, seen)
    mode = scan.modes[number]
    grey = scan.peak(mode)
    space = open_space(scan.smooth, scan.measured, grey, scan.noise, scan.voxel_um)
    if number == 0 and space.darkest is not None and space.darkest < grey - scan.noise:
        return Background(number, space.darkest)  # marrow beside little air
    glass = None if seen is None else seen.glass_level(mode.low, mode.high)
    if glass is not None and glass < grey - scan.noise:  # most of the mode is marrow
        return Background(number, glass)
    clear = None if seen is None else seen.share("clear", number)
    if clear is not None and clear < CLEAR_SHARE:
        raise InputError(
            f"the darkest matter of the scan (grey level {grey:.0f}) is stained on the "
            f"sections and clear in {clear:.0%} of it only, so that no background is known; "
            "draw Background where the CT is to count as empty"
        )
    doubts = () if mode.depth_um >= OPEN_UM else (
        "the darkest matter, which is taken for the background, fills pores alone and may be "
        "marrow; draw Background",
    )  # fmt: skip
    return Background(number, grey, space.spread, doubts, glass)


def _open_glass(scan: ScanModes, seen: Seen) -> int:
    """Number of the darkest mode that is open and lies under clear glass; 0 if none is.

    Narrow matter, as the wall of a holder, is passed over, whether or not tissue of its level is
    stained. The medium lies around all that is denser. Tissue that is as bright as the medium may
    take most of its mode; then the medium lies under most of the wide clear glass.
    """
    glass = [seen.wide_glass(mode.low, mode.high).size for mode in scan.modes]
    for number, mode in enumerate(scan.modes):
        if mode.depth_um < OPEN_UM:
            continue
        clear = seen.share("clear", number)
        around = all(mode.spread_um > denser.spread_um for denser in scan.modes[number + 1 :])
        under_glass = glass[number] >= max(LEAST_PIXELS, MOSTLY * sum(glass))
        told = clear is None or clear >= MOSTLY or under_glass
        return number if around and told else 0
    return 0
