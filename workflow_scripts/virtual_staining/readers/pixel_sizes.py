"""Pixel and voxel sizes: the sheet and the file must agree or the sheet insist; none is guessed."""

import logging

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.plausible import SLIDE_FIELD, VOLUME_FIELD
from virtual_staining.readers.sizes import um_text
from virtual_staining.readers.source import RawSlide, Source
from virtual_staining.settings.sheet import insists, parse_size

log = logging.getLogger(__name__)

TOLERANCE = 0.01  # sheet and metadata may differ by rounding, not by more


def agreed_size(
    sheet: tuple[float, ...] | None,
    metadata: tuple[float, ...] | None,
    name: str,
    field: str,
    *,
    insist: bool = False,
    unit_assumed: bool = False,
) -> tuple[float, ...]:
    """Return the size that the sheet and the file's metadata agree on, µm.

    Parameters
    ----------
    sheet, metadata : tuple of float or None
        Size along each axis, µm; None where it is not given. The metadata may hold NaN for axes of
        which they say nothing.
    name : str
        The raw file, for messages.
    field : str
        The sheet's column, for messages.
    insist : bool
        Whether the sheet's size is used where the file's differs; the log then quotes both.
    unit_assumed : bool
        Whether the file's format names no unit, so that the file cannot contradict the sheet.

    Raises
    ------
    InputError
        If neither gives one of all axes, or if they differ by more than 1 % on an axis and the
        sheet does not insist.
    """
    if sheet is None and metadata is None:
        raise InputError(f"{name}: its metadata gives no size in µm; set {field} in the sheet")
    if sheet is None and np.isnan(metadata).any():
        raise InputError(
            f"{name}: its metadata gives a size of {um_text(metadata)} µm, of which an axis is "
            f"missing; set {field} in the sheet"
        )
    if sheet is None:
        if unit_assumed:
            log.warning(
                "%s: its format names no unit; with millimetres the size is %s µm; set %s in the "
                "sheet if this is wrong",
                name,
                um_text(metadata),
                field,
            )
        return metadata
    if metadata is None or _agree(sheet, metadata):
        return sheet
    if insist or unit_assumed:
        why = "names no unit, in millimetres the size is" if unit_assumed else "gives"
        log.warning("%s: %s is %s µm as the sheet says; the file %s %s µm", name, field,
                    um_text(sheet), why, um_text(metadata))  # fmt: skip
        return sheet
    raise InputError(
        f"{name}: {field} is {um_text(sheet)} µm in the sheet but {um_text(metadata)} µm in the "
        f"file's metadata; leave the cell empty to take the file's size, or write "
        f"{um_text(sheet[:1] if len(set(sheet)) == 1 else sheet)}! to insist on the sheet's"
    )


def volume_size(source: Source, cell: str) -> tuple[float, ...]:
    """Return the voxel size (z, y, x) of a volume, µm, from the sheet's cell and the file.

    Raises
    ------
    InputError
        As in :func:`agreed_size`, and if the cell holds no size.
    """
    return agreed_size(
        parse_size(cell, 3, f"{source.name}: {VOLUME_FIELD}"),
        source.voxel_size_um,
        source.name,
        VOLUME_FIELD,
        insist=insists(cell),
        unit_assumed=source.unit_assumed,
    )


def slide_size(slide: RawSlide, cell: str) -> tuple[float, ...]:
    """Return the pixel size (y, x) of a slide, µm, from the sheet's cell and the file.

    Raises
    ------
    InputError
        As in :func:`agreed_size`, and if the cell holds no size.
    """
    return agreed_size(
        parse_size(cell, 2, f"{slide.name}: {SLIDE_FIELD}"),
        slide.pixel_size_um,
        slide.name,
        SLIDE_FIELD,
        insist=insists(cell),
    )


def origin(cell: str, metadata: tuple[float, ...] | None, unit_assumed: bool = False) -> str:
    """Say where a size that was agreed on came from.

    Parameters
    ----------
    cell : str
        The sheet's cell, a size.
    metadata : tuple of float or None
        What the file gives, µm.
    unit_assumed : bool
        Whether the file's format names no unit.
    """
    file = "file, in millimetres" if unit_assumed else "file"
    if not cell.strip():
        return file
    if metadata is None:
        return "sheet"
    given = parse_size(cell, len(metadata), "size")
    if given is not None and _agree(given, metadata):
        return f"sheet and {file}" if np.isfinite(metadata).all() else "sheet"
    return f"sheet, against the file's {um_text(metadata)}"


def _agree(sheet: tuple[float, ...], metadata: tuple[float, ...]) -> bool:
    """Say whether two sizes are the same on all axes of which the file says something."""
    known = np.isfinite(metadata)
    return bool(np.allclose(np.array(sheet)[known], np.array(metadata)[known], TOLERANCE, 0))
