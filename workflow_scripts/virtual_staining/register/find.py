"""The two ways to the section's plane: from a rough first guess, and without one."""

import logging

import numpy as np

from virtual_staining.register.beam import Found, fan, refine
from virtual_staining.register.kernel import score_poses
from virtual_staining.register.pose import frame_angle_deg
from virtual_staining.register.scales import Scale
from virtual_staining.register.search import scan
from virtual_staining.register.settings import Settings

log = logging.getLogger(__name__)


def search_near(
    guess: np.ndarray,
    scales: list[Scale],
    classes: int,
    size_um: tuple[float, float],
    settings: Settings,
) -> Found:
    """Search around a first guess.

    Parameters
    ----------
    guess : ndarray, shape (12,)
    scales : list of Scale
        Coarse to fine.
    classes : int
        Number of colour classes.
    size_um : (width, height)
        Size of the slide.
    settings : Settings
    """
    starts = fan(guess, settings.fan_deg, settings.fan_um, settings.fan_starts)
    scores = score_poses(*scales[0].arguments, classes, settings.grey_bins, starts)
    trust = (settings.fan_deg, settings.fan_um)
    found = refine(
        scales, starts, scores, settings.fan_beam, settings.grey_bins, size_um, guess, trust
    )
    log.info(
        "%.1f° and %.0f µm from the first guess",
        frame_angle_deg(guess, found.pose),
        np.linalg.norm(found.pose[:3] - guess[:3]),
    )
    return found


def search_everywhere(
    scales: list[Scale],
    image: np.ndarray,
    colours: np.ndarray,
    size_um: tuple[float, float],
    settings: Settings,
) -> Found:
    """Search all orientations and positions; once more, more closely, when the result is unsure.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine.
    image : ndarray, uint8 (y, x, 3)
        The slide.
    colours : ndarray, shape (classes, 3)
        Its main colours.
    size_um : (width, height)
        Size of the slide.
    settings : Settings
    """
    best = None
    for closer in (1, 2):
        kept, starts, scores = scan(
            scales,
            image,
            colours,
            size_um,
            closer * settings.scan_rotations,
            settings.scan_step_um / closer**0.5,
        )
        beam = (closer * settings.scan_beam[0], *settings.scan_beam[1:])
        found = refine(kept, starts, scores, beam, settings.grey_bins, size_um)
        if best is None or found.mutual_information > best.mutual_information:
            best = found
        if best.margin >= settings.min_confidence:
            break
        log.info("confidence %.3f is low", best.margin)
    return best
