"""Structures that a model invents or loses: holes in bone, implant in tissue, tissue in implant."""

import numpy as np

# At least this part of the background's brightness in every channel is clear glass.
CLEAR = 0.9
# Mean of the channels below which a pixel looks like implant, and above which it certainly is none.
DARK, LIGHT = 60, 90


def false_hole_fraction(
    real: np.ndarray, generated: np.ndarray, bone: np.ndarray, background: np.ndarray
) -> float:
    """Share of solid bone that the generated slide shows as clear glass.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
    bone : ndarray of bool, shape (y, x)
        Rigid tissue.
    background : ndarray, shape (3,), uint8
        Colour of the slide's background.

    Returns
    -------
    float
        0 to 1, of the bone that is stained on the real slide; NaN where there is none.
    """
    solid = bone & ~_clear(real, background)
    return _share(_clear(generated, background), solid)


def dark_tissue_fraction(real: np.ndarray, generated: np.ndarray, tissue: np.ndarray) -> float:
    """Share of the tissue that the generated slide shows as dark as an implant.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
    tissue : ndarray of bool, shape (y, x)
        Stained tissue without the implant.

    Returns
    -------
    float
        0 to 1, of the tissue that is light on the real slide; NaN where there is none.
    """
    light = tissue & (real.mean(axis=-1) > LIGHT)
    return _share(generated.mean(axis=-1) < DARK, light)


def lost_implant_fraction(real: np.ndarray, generated: np.ndarray, implant: np.ndarray) -> float:
    """Share of the implant that the generated slide shows lighter than an implant.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
    implant : ndarray of bool, shape (y, x)

    Returns
    -------
    float
        0 to 1, of the implant that is dark on the real slide; NaN where there is none.
    """
    dark = implant & (real.mean(axis=-1) < DARK)
    return _share(generated.mean(axis=-1) > LIGHT, dark)


def _clear(image: np.ndarray, background: np.ndarray) -> np.ndarray:
    return (image >= CLEAR * background).all(axis=-1)


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part[whole].mean()) if whole.any() else float("nan")
