"""Each drawn polygon compared with the regions that the automatic search finds."""

import logging
from collections.abc import Iterable

import numpy as np

from virtual_staining.artefacts.registered_pair import RegisteredPair
from virtual_staining.errors import InputError
from virtual_staining.readers.annotations import BACKGROUND, Drawn

log = logging.getLogger(__name__)

# Where a polygon's level must lie between background (0) and reference tissue (1) as they are
# found automatically. Loose outlines around bone hold marrow, and cortical bone is denser than the
# mean; on the slide a stain may be much darker than bone.
REFERENCE_CT, REFERENCE_SLIDE = (0.5, 1.5), (0.4, np.inf)
BACKGROUND_CT = BACKGROUND_SLIDE = (-0.5, 0.4)


def check_drawn(
    polygons: Iterable[tuple[Drawn, np.ndarray]],
    pair: RegisteredPair,
    usable: np.ndarray,
    found: tuple[np.ndarray, np.ndarray] | None,
    reference_class: str,
    on_ct: bool,
    insist: bool,
) -> None:
    """Refuse a polygon whose levels are not those of its class.

    On the CT, the grey levels are compared; on the slide, the brightness, and for the reference
    tissue the CT's levels too: background of the slide may be filled in the CT, where a piece of
    the section is lost.

    Parameters
    ----------
    polygons : iterable of (Drawn, ndarray of bool, shape (y, x))
        Each polygon and its pixels.
    pair : RegisteredPair
    usable : ndarray of bool, shape (y, x)
        Where both images hold data and nothing is excluded.
    found : (ndarray, ndarray) or None
        Reference and background, bool (y, x), as found automatically; None where nothing was.
    reference_class : str
        Class name of the reference tissue.
    on_ct : bool
        Whether the polygons were drawn on the CT.
    insist : bool
        Whether to warn only.

    Raises
    ------
    InputError
        Naming the polygon, its level and both levels that were found.
    """
    brightness = pair.slide.mean(axis=2)
    for drawn, inside in polygons:
        if not (inside & pair.valid).any():
            log.warning("%s: the %s polygon lies outside the pair", drawn.where, drawn.name)
        pixels = inside & usable
        if drawn.name not in (reference_class, BACKGROUND) or not pixels.any():
            continue
        if found is None:
            log.warning("%s: not compared, since nothing is found automatically", drawn.where)
            continue
        is_reference = drawn.name == reference_class
        checks = []
        if on_ct or is_reference:
            checks.append(("the CT", pair.ct, REFERENCE_CT if is_reference else BACKGROUND_CT))
        if not on_ct:
            allowed = REFERENCE_SLIDE if is_reference else BACKGROUND_SLIDE
            checks.append(("the slide", brightness, allowed))
        for side, image, allowed in checks:
            said = disagreement(image, pixels, found, allowed)
            if not said:
                continue
            said = said.format(side=side, name=reference_class)
            sentence = f"{drawn.where}: the {drawn.name} polygon does not show {drawn.name}: {said}"
            if insist:
                log.warning("%s", sentence)
                continue
            raise InputError(
                f"{sentence}; polygons are in pixels of the full-resolution "
                f"{'ct.tif' if on_ct else 'slide'}: draw it again, or write ! behind the file's "
                "name in the sheet to insist"
            )


def disagreement(
    image: np.ndarray,
    pixels: np.ndarray,
    found: tuple[np.ndarray, np.ndarray],
    allowed: tuple[float, float],
) -> str:
    """Say how a polygon's mean level differs from those found; empty where it agrees.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Grey levels or brightness.
    pixels : ndarray of bool, shape (y, x)
        The polygon's.
    found : (ndarray, ndarray) of bool, shape (y, x)
        Reference tissue and background.
    allowed : (float, float)
        Bounds of the level, where background is 0 and the reference 1.
    """
    level, reference, background = (float(image[region].mean()) for region in (pixels, *found))
    if reference == background:
        return ""
    place = (level - background) / (reference - background)
    if allowed[0] <= place <= allowed[1]:
        return ""
    y, x = (round(n.mean()) for n in np.nonzero(pixels))
    return (
        f"its {pixels.mean():.1%} of the pair around row {y}, column {x} have the mean level "
        f"{level:.0f} in {{side}}, where the automatic search finds {{name}} "
        f"({found[0].mean():.1%}) at {reference:.0f} and background "
        f"({found[1].mean():.1%}) at {background:.0f}"
    )
