"""Search of one section's plane: around a rough first guess, or without one.

Independent searches are made from different starts until two of them end at the same maximum of
mutual information and no other maximum comes near it.
"""

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from virtual_staining.register.search.coarse_to_fine import (
    ScoredPoses,
    best_with_rival,
    climb,
    coarse_to_fine,
    margin_to_rival,
    same_maximum,
)
from virtual_staining.register.search.confidence import (
    AGREEING_SEARCHES,
    SectionResult,
    confidence,
)
from virtual_staining.register.search.scan import scan, scan_density, stretches_up_to
from virtual_staining.register.search.starts import (
    around_guess,
    face_view,
    frame_normals,
    near_guess,
    spread_frames,
)
from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.pose import (
    AFFINE,
    CENTER,
    POSE_SIZE,
    frame_angle_deg,
    normals,
)
from virtual_staining.register.similarity.scales import Scale, SectionScales
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)

APART_VOXEL = 8  # least distance between poses from which the search climbs at the finest scale


def search_near(
    guess: np.ndarray, section: SectionScales, settings: RegisterSettings
) -> SectionResult:
    """Search around a first guess (12,)."""
    limits = (settings.fan_deg, settings.fan_um)

    def searches() -> Iterator[list[ScoredPoses]]:
        for number in range(settings.searches):
            starts = around_guess(guess, *limits, settings.fan_starts, number)
            scores = score_poses(section.scales[0], settings.grey_bins, starts)
            yield coarse_to_fine(
                all_but_finest(section.scales),
                ScoredPoses(starts, scores),
                settings.fan_beam,
                section.size_um,
                settings,
                allowed=lambda poses: near_guess(poses, guess, *limits),
            )

    result = combine(searches(), section, settings.fan_beam[-1], settings)
    log.info(
        "%.1f° and %.0f µm from the first guess",
        frame_angle_deg(guess, result.pose),
        np.linalg.norm(result.pose[CENTER] - guess[CENTER]),
    )
    return result


def search_everywhere(
    section: SectionScales, settings: RegisterSettings, view: np.ndarray | None = None
) -> SectionResult:
    """Search all orientations and positions.

    Parameters
    ----------
    section : SectionScales
    settings : RegisterSettings
    view : ndarray, shape (3,), optional
        Only orientations whose normal lies within 90° of this direction are searched.
    """
    stretches = stretches_up_to(settings.max_scale)

    def searches() -> Iterator[list[ScoredPoses]]:
        for number in range(settings.searches):
            density = scan_density(number)
            rng = np.random.default_rng(number)
            frames = spread_frames(density * settings.scan_rotations, rng)
            frames = frames[face_view(frame_normals(frames), view)]
            scanned = scan(section, frames, settings.scan_step_um, stretches, rng)
            yield coarse_to_fine(
                all_but_finest(section.scales[scanned.first_scale :]),
                ScoredPoses(scanned.poses.reshape(-1, POSE_SIZE), scanned.scores.ravel()),
                (density * settings.scan_beam[0], *settings.scan_beam[1:]),
                section.size_um,
                settings,
                allowed=lambda poses: face_view(normals(poses), view),
                affine=len(stretches) > 1,
            )

    return combine(searches(), section, settings.scan_beam[-1], settings)


def all_but_finest(scales: list[Scale]) -> list[Scale]:
    """Return all scales but the finest, which is searched at the end; a single scale stays."""
    return scales[:-1] or scales


def combine(
    searches: Iterable[list[ScoredPoses]],
    section: SectionScales,
    finalists: int,
    settings: RegisterSettings,
    freedom: np.ndarray = AFFINE,
) -> SectionResult:
    """Search until two searches agree, then climb at the finest scale.

    Parameters
    ----------
    searches : iterable
        Yields what one search reached at each scale but the finest; evaluated only as far as
        needed.
    section : SectionScales
    finalists : int
        Number of poses from which the search climbs at the finest scale.
    settings : RegisterSettings
    freedom : ndarray of int
        What may vary at the finest scale.
    """
    done: list[list[ScoredPoses]] = []
    for search in searches:
        done.append(search)
        by_scale = [_joined(parts) for parts in zip(*done, strict=True)]
        best = by_scale[-1].best
        agreeing = _agreeing(best, done, section.size_um)
        margin = margin_to_rival(best, by_scale, section.size_um)
        log.info("search %d: %d agree, margin %.3f", len(done), agreeing, margin)
        sure = confidence(margin, agreeing) >= settings.min_confidence
        if agreeing >= AGREEING_SEARCHES and sure:
            break
    finest = section.scales[-1]
    apart_um = APART_VOXEL * finest.voxel_um
    chosen = best_with_rival(by_scale[-1], finalists, apart_um, section.size_um)
    final = climb(finest, by_scale[-1].poses[chosen], freedom, section.size_um, settings)
    margin = margin_to_rival(final.best, [*by_scale, final], section.size_um)
    agreeing = _agreeing(final.best, done, section.size_um)
    return SectionResult(
        final.best,
        float(final.scores.max()),
        margin,
        agreeing,
        searches=len(done),
        confidence=confidence(margin, agreeing),
    )


def _agreeing(pose: np.ndarray, done: list[list[ScoredPoses]], size_um: tuple[float, float]) -> int:
    """Return how many searches ended at the same maximum as a pose (12,)."""
    ends = np.array([by_scale[-1].best for by_scale in done])
    return int(same_maximum(pose, ends, size_um).sum())


def _joined(parts: tuple[ScoredPoses, ...]) -> ScoredPoses:
    """Join what several searches reached at one scale."""
    poses, scores = zip(*parts, strict=True)
    return ScoredPoses(np.concatenate(poses), np.concatenate(scores))
