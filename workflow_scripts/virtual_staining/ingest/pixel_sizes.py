"""Pixel and voxel sizes: the sheet's against the file's, never guessed."""

import numpy as np

from virtual_staining.errors import InputError

TOLERANCE = 0.01  # sheet and metadata may differ by rounding, not by more


def parse_size(text: str, n: int, field: str) -> tuple[float, ...] | None:
    """Read a size from the sheet: one number for all axes, or ``n`` with commas; None if empty.

    Raises
    ------
    InputError
        If it is not that many positive numbers; ``field`` says where it stands.
    """
    if not text.strip():
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, n) or not all(v > 0 and np.isfinite(v) for v in values):
        raise InputError(f"{field}: {text!r} is not a size in µm; give one number or {n} (a,b,…)")
    return values * n if len(values) == 1 else values


def agree(
    sheet: tuple[float, ...] | None, metadata: tuple[float, ...] | None, name: str, field: str
) -> tuple[float, ...]:
    """Return the size that the sheet and the file's metadata agree on, µm.

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
