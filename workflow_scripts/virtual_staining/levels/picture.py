"""The histogram of a scan with its named materials."""

import numpy as np
from matplotlib.figure import Figure

from virtual_staining.artefacts.scan_levels import ScanLevels
from virtual_staining.imaging.pictures import COLOURS
from virtual_staining.imaging.tissue.modes import ScanModes

BINS = 400


def draw_levels(levels: ScanLevels, scan: ScanModes, names: list[str], title: str) -> Figure:
    """Draw the grey levels of a scan, the levels that are used, and two planes of the scan.

    Parameters
    ----------
    levels : ScanLevels
        Drawn as lines.
    scan : ScanModes
        Its smoothed values.
    names : list of str
        What each mode was taken for; the range of a named mode is shaded.
    title : str
        Above the picture; the doubts stand below.
    """
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    histogram, plane = figure.subplots(1, 2, width_ratios=(2, 1))
    values = scan.smooth[scan.measured]
    low, high = np.percentile(values[::7], (0.02, 99.98))
    high = max(high, 1.1 * levels.reference)
    histogram.hist(values, BINS, range=(low, high), color="0.6", log=True)
    colours = dict(zip(("bone", "background", "implant"), COLOURS, strict=False))
    for mode, name in zip(scan.modes, names, strict=True):
        if name:
            ends = max(mode.low, low), min(mode.high, high)
            histogram.axvspan(*ends, color=colours[name], alpha=0.12, lw=0)
    lines = {
        levels.reference_class: (levels.reference, colours["bone"]),
        "background": (levels.background, colours["background"]),
        "implant": (levels.implant, colours["implant"]),
    }
    for name, (grey, colour) in lines.items():
        if grey is not None:
            histogram.axvline(grey, color=colour, lw=1.6, label=f"{name} {grey:.0f}")
    histogram.set_xlabel("grey level of the ingested scan, smoothed")
    histogram.set_ylabel("voxels")
    histogram.legend(frameon=False)
    middle = scan.smooth[scan.smooth.shape[0] // 2]
    top = levels.background + 1.3 * (levels.reference - levels.background)
    plane.imshow(middle, cmap="gray", vmin=levels.background, vmax=top)
    plane.set_title("middle slice, background to bone")
    plane.set_axis_off()
    figure.suptitle("\n".join([title, *levels.warnings]), fontsize=10)
    return figure
