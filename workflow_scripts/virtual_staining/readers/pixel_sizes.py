"""Pixel and voxel sizes: the sheet and the file must agree or the sheet insist; none is guessed."""

import logging

import numpy as np

from virtual_staining.errors import InputError

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
        Size along each axis, µm; None where it is not given.
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
        If neither gives one, or if they differ by more than 1 % on an axis and the sheet does not
        insist.
    """
    if sheet is None and metadata is None:
        raise InputError(f"{name}: its metadata gives no size in µm; set {field} in the sheet")
    if sheet is None:
        if unit_assumed:
            log.warning(
                "%s: its format names no unit; with millimetres the size is %s µm; set %s in the "
                "sheet if this is wrong",
                name,
                _text(metadata),
                field,
            )
        return metadata
    if metadata is None or np.allclose(sheet, metadata, rtol=TOLERANCE, atol=0):
        return sheet
    if insist or unit_assumed:
        why = "names no unit, in millimetres the size is" if unit_assumed else "gives"
        log.warning("%s: %s is %s µm as the sheet says; the file %s %s µm", name, field,
                    _text(sheet), why, _text(metadata))  # fmt: skip
        return sheet
    raise InputError(
        f"{name}: {field} is {_text(sheet)} µm in the sheet but {_text(metadata)} µm in the "
        f"file's metadata; leave the cell empty to take the file's size, or write "
        f"{_text(sheet[:1] if len(set(sheet)) == 1 else sheet)}! to insist on the sheet's"
    )


def _text(size: tuple[float, ...]) -> str:
    return ",".join(f"{v:g}" for v in size)
