"""Whether sizes can be meant: found from headers, before anything is read or searched.

Each refusal gives the numbers, the likely cause and the field to correct.
"""

import logging
import math
from collections.abc import Sequence

from virtual_staining.errors import InputError

log = logging.getLogger(__name__)

VOLUME_FIELD, SLIDE_FIELD = "voxel_size_um", "slide_pixel_um"
LARGEST_MM = 500.0  # no volume or slide is larger
FINEST = 100.0  # raw pixels may be so many times finer than the working size
LARGEST_UPSAMPLING = 2.0  # voxels may be so many times longer than the working size
INTERPOLATED = 1.25  # a scan's own voxels are called coarser from here on
COARSEST = 20.0  # raw voxels may be so many times longer along one axis than the working size
FEW_VOXELS = 4  # along an axis; no section can be searched in fewer
TENFOLD = 10.0
SQUARE = 0.01  # the sides of a pixel may differ by this share, as roundings do


def check_volume_size(
    name: str, shape: Sequence[int], voxel_size_um: Sequence[float], working_um: float
) -> None:
    """Refuse a volume whose number of voxels or physical size cannot be meant.

    A volume that would only be interpolated gets a warning.

    Parameters
    ----------
    name : str
        The file.
    shape : (z, y, x)
        Voxels.
    voxel_size_um : (z, y, x)
        µm.
    working_um : float
        Voxel size to which the volume is brought, µm.

    Raises
    ------
    InputError
        Naming the axis, both numbers, and what is likely wrong.
    """
    held = " x ".join(map(str, shape[::-1]))
    for axis, count in zip("zyx", shape, strict=True):
        if count == 1:
            raise InputError(
                f"{name}: has one voxel along {axis} ({held} voxels x, y, z); a volume needs "
                "several planes: name the folder or file of the whole series"
            )
    _check_size(name, VOLUME_FIELD, shape, voxel_size_um, working_um, "zyx")
    finest = min(voxel_size_um)
    if finest > LARGEST_UPSAMPLING * working_um:
        raise InputError(
            f"{name}: voxels of {finest:g} µm or more for a working size of {working_um:g} µm; set "
            f"ingest.voxel_size_um to about {finest:g}, or, if this size is wrong, write "
            f"{VOLUME_FIELD} in µm in the sheet, with a last ! to overrule the file"
        )
    for axis, count, size in zip("zyx", shape, voxel_size_um, strict=True):
        if size > COARSEST * working_um and size > COARSEST * finest:
            raise InputError(
                f"{name}: its voxels are {size:g} µm long along {axis}, and "
                f"{finest:g} µm along another axis, for a working size of "
                f"{working_um:g} µm; its {count} planes would become "
                f"{round(count * size / working_um)}; correct {VOLUME_FIELD}"
            )
    if finest > INTERPOLATED * working_um:
        log.warning(
            "%s: voxels of %g µm are interpolated to %g µm, which adds voxels and no detail; if "
            "this is not meant, set ingest.voxel_size_um to %g",
            name,
            finest,
            working_um,
            finest,
        )


def check_slide_size(
    name: str, shape: Sequence[int], pixel_size_um: Sequence[float], working_um: float
) -> None:
    """Refuse a slide whose pixels are not square or whose physical size cannot be meant.

    Parameters
    ----------
    name : str
        The file.
    shape : (y, x)
        Pixels.
    pixel_size_um : (y, x)
        µm.
    working_um : float
        Pixel size to which the slide is brought, µm.

    Raises
    ------
    InputError
        As in :func:`check_volume_size`.
    """
    y_um, x_um = pixel_size_um
    if abs(y_um / x_um - 1) > SQUARE:
        raise InputError(
            f"{name}: pixels of {y_um:g} x {x_um:g} µm (y, x) are not square; resample the "
            "slide, or correct its metadata"
        )
    _check_size(name, SLIDE_FIELD, shape[:2], pixel_size_um, working_um, "yx")


def _check_size(
    name: str,
    field: str,
    shape: Sequence[int],
    size_um: Sequence[float],
    working_um: float,
    axes: str,
) -> None:
    finest, lengths = min(size_um), [n * s for n, s in zip(shape, size_um, strict=True)]
    whole = f"{_mm(lengths)} mm ({', '.join(axes)})"
    if working_um > FINEST * finest or any(
        n > FEW_VOXELS and length < 1.5 * working_um
        for n, length in zip(shape, lengths, strict=True)
    ):
        raise InputError(
            f"{name}: with a pixel size of {_numbers(size_um)} µm it is {whole} large, hardly more "
            f"than the working size of {working_um:g} µm; {finest:g} may be millimetres: write "
            f"{field} in µm ({1000 * finest:g}!), or choose a finer working size, ingest.{field}"
        )
    if max(lengths) > 1000 * LARGEST_MM:
        raise InputError(
            f"{name}: with a pixel size of {_numbers(size_um)} µm it is {whole} large, more than "
            f"{LARGEST_MM:g} mm; the file may say millimetres for µm: write {field} in µm in the "
            f"sheet, with a last ! to overrule the file ({max(size_um) / 1000:g}!)"
        )


def check_alike(
    sample: str,
    volume_um: Sequence[float],
    section_um: Sequence[float],
    *,
    searched: bool,
) -> None:
    """Refuse a section and a volume of which one is ten times larger than the other.

    Parameters
    ----------
    sample : str
        For the message.
    volume_um : (x, y, z)
        Edges of the volume, µm.
    section_um : (x, y)
        Edges of the slide, µm.
    searched : bool
        Whether the section's place is to be searched; where a person gave it, the log warns only.

    Raises
    ------
    InputError
        Giving both sizes and their ratio.
    """
    volume, section = math.hypot(*volume_um), math.hypot(*section_um)
    ratio = max(volume / section, section / volume)
    if ratio < TENFOLD:
        return
    larger = "slide" if section > volume else "volume"
    text = (
        f"sample {sample}: the slide is {_mm(section_um)} mm and the volume {_mm(volume_um)} mm "
        f"large, so that the {larger} is {ratio:.0f} times larger than the other; check "
        f"{SLIDE_FIELD} and {VOLUME_FIELD} (µm, not mm) and that both show the same specimen"
    )
    if searched:
        raise InputError(f"{text}; a small volume in a large slide needs an initial_pose")
    log.warning("%s", text)


def check_searchable(name: str, shape: Sequence[int], voxel_um: float, *, searched: bool) -> None:
    """Refuse a volume that is too thin for a section to be found in it.

    Parameters
    ----------
    name : str
        The volume's file.
    shape : (z, y, x)
        Voxels.
    voxel_um : float
        Their edge, µm.
    searched : bool
        Whether the section's place is to be searched; otherwise two voxels are enough.

    Raises
    ------
    InputError
        Naming the axis and both numbers.
    """
    least = FEW_VOXELS if searched else 2
    for axis, count in zip("zyx", shape, strict=True):
        if count < least:
            raise InputError(
                f"{name}: too thin: {count} voxel{'s' * (count != 1)} of {voxel_um:g} µm along "
                f"{axis}; a section is looked for in {least} or more: check that the volume is "
                f"whole and its {VOLUME_FIELD}"
            )


def _mm(lengths_um: Sequence[float]) -> str:
    return " x ".join(f"{length / 1000:.3g}" for length in lengths_um)


def _numbers(sizes: Sequence[float]) -> str:
    return ",".join(f"{v:g}" for v in (sizes[:1] if len(set(sizes)) == 1 else sizes))
