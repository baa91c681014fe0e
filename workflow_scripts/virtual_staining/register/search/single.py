"""The two ways to the section's plane: from a rough first guess, and without one.

Either way several independent searches are made, from different starts, until two of them end at
the same place and nothing else fits nearly as well.
"""

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from virtual_staining.register.search.coarse_to_fine import (
    bounds,
    climb,
    descend,
    margin_to_rival,
    promising,
    same_place,
)
from virtual_staining.register.search.confidence import ENOUGH, Found, confidence
from virtual_staining.register.search.scan import scan, stretches_up_to
from virtual_staining.register.search.starts import fan, looks, spread_frames, within
from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.pose import AFFINE, SIZE, frame_angle_deg
from virtual_staining.register.similarity.scales import Scale
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)

APART_VOXEL = 8  # between poses climbed from at the finest level


def search_near(
    guess: np.ndarray,
    scales: list[Scale],
    classes: int,
    size_um: tuple[float, float],
    settings: RegisterSettings,
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
    settings : RegisterSettings
    """
    trust = (settings.fan_deg, settings.fan_um)

    def searches() -> Iterator:
        for n in range(settings.searches):
            starts = fan(guess, *trust, settings.fan_starts, n)
            scores = score_poses(*scales[0].arguments, classes, settings.grey_bins, starts)
            ends = descend(
                coarser(scales), starts, scores, settings.fan_beam, settings.grey_bins, size_um,
                bounds(settings), lambda poses: within(poses, guess, *trust),
            )  # fmt: skip
            yield ends

    found = settle(searches(), scales, settings.fan_beam[-1], size_um, settings)
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
    settings: RegisterSettings,
    view: np.ndarray | None = None,
) -> Found:
    """Search all orientations and positions, after two searches each time twice as closely.

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
    settings : RegisterSettings
    view : ndarray, shape (3,), optional
        Half of all orientations are left out: those that do not look to this side.
    """
    stretches = stretches_up_to(settings.max_scale)

    def searches() -> Iterator:
        for n in range(settings.searches):
            closer = 2 ** max(0, n - 1)
            rng = np.random.default_rng(n)
            frames = spread_frames(closer * settings.scan_rotations, rng)
            frames = frames[looks(frames, view)]
            kept, starts, scores = scan(
                scales, image, colours, size_um, frames, settings.scan_step_um, stretches, rng
            )
            beam = (closer * settings.scan_beam[0], *settings.scan_beam[1:])
            yield descend(
                coarser(kept),
                starts.reshape(-1, SIZE),
                scores.ravel(),
                beam,
                settings.grey_bins,
                size_um,
                bounds(settings),
                lambda poses: looks(poses[:, 3:9], view),
                affine=len(stretches) > 1,
            )

    return settle(searches(), scales, settings.scan_beam[-1], size_um, settings)


def coarser(scales: list[Scale]) -> list[Scale]:
    """Return all scales but the finest, which is left for the end; one remains in any case."""
    return scales[:-1] or scales


def settle(
    searches: Iterable,
    scales: list[Scale],
    finalists: int,
    size_um: tuple[float, float],
    settings: RegisterSettings,
) -> Found:
    """Search until two searches agree, then climb at the finest level.

    Parameters
    ----------
    searches : iterable
        Yields the poses (n, 12) and scores (n,) that one search reached at each scale but the
        finest; evaluated only as far as needed.
    scales : list of Scale
        Coarse to fine.
    finalists : int
        Number of poses climbed from at the finest.
    size_um : (width, height)
        Size of the slide.
    settings : RegisterSettings
    """
    ends = []
    for reached in searches:
        ends.append(reached)
        tops = [poses[scores.argmax()] for poses, scores in (levels[-1] for levels in ends)]
        levels = [pooled(level) for level in zip(*ends, strict=True)]
        poses, scores = levels[-1]
        best = poses[scores.argmax()]
        agreeing = int(same_place(best, np.array(tops), size_um).sum())
        margin = margin_to_rival(best, levels, size_um)
        log.info("search %d: %d agree, margin %.3f", len(tops), agreeing, margin)
        if agreeing >= ENOUGH and confidence(margin, agreeing) >= settings.min_confidence:
            break
    apart_um = APART_VOXEL * scales[-1].voxel_um
    chosen = promising(poses, scores, finalists, apart_um, size_um)
    final = climb(scales[-1], poses[chosen], settings.grey_bins, size_um, AFFINE, bounds(settings))
    best = final[0][final[1].argmax()]
    margin = margin_to_rival(best, [*levels, final], size_um)
    agreeing = int(same_place(best, np.array(tops), size_um).sum())
    sure = confidence(margin, agreeing)
    return Found(best, float(final[1].max()), margin, agreeing, len(tops), sure)


def pooled(level: tuple[tuple[np.ndarray, np.ndarray], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Join the (poses, scores) that several searches reached at one level."""
    poses, scores = zip(*level, strict=True)
    return np.concatenate(poses), np.concatenate(scores)
