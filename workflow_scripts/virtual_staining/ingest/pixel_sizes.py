"""Pixel and voxel sizes: the sheet and the file must agree, and no size is guessed."""

import numpy as np

from virtual_staining.errors import InputError

TOLERANCE = 0.01  # sheet and metadata may differ by rounding, not by more


def agreed_size(
    sheet: tuple[float, ...] | None, metadata: tuple[float, ...] | None, name: str, field: str
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

    Raises
    ------
    InputError
        If neither gives one, or if they differ by more than 1 % on an axis.
    """
    if sheet is None and metadata is None:
        raise InputError(f"{name}: its metadata gives no size in µm; set {field} in the sheet")
    if sheet is None:
        return metadata
    if metadata is not None and not np.allclose(sheet, metadata, rtol=TOLERANCE, atol=0):
        raise InputError(
            f"{name}: {field} is {_text(sheet)} µm in the sheet but {_text(metadata)} µm in the "
            "file's metadata; correct the wrong one (empty in the sheet = take the file's)"
        )
    return sheet


def _text(size: tuple[float, ...]) -> str:
    return ",".join(f"{v:g}" for v in size)
