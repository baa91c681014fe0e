"""Search of a block's orientation: independent searches, until two agree, and their result."""

import logging
from dataclasses import dataclass
from itertools import chain

import numpy as np

from virtual_staining.register.search.block.axis_search import AXES_KEPT, search_axes
from virtual_staining.register.search.block.climb_stack import climb_axis
from virtual_staining.register.search.block.depth_order import fits_between
from virtual_staining.register.search.block.stack import (
    APART_DEG,
    Stack,
    axis_angle_deg,
    distinct_axes,
    plane_angle_deg,
)
from virtual_staining.register.search.coarse_to_fine import (
    ScoredPoses,
    margin_to_rival,
    same_maximum,
)
from virtual_staining.register.search.confidence import (
    AGREEING_SEARCHES,
    EVEN_MARGIN,
    SectionResult,
    confidence,
)
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockResult:
    """The axis at which a block's search ended, and its sections' poses.

    Parameters
    ----------
    axis : ndarray, shape (3,)
        The planes' common normal, on the side that most sections have up.
    sections : list of SectionResult
        In the order of the sections searched. Margin, agreement and confidence are those of the
        section among poses with this axis.
    margin : float
        Fraction of the mean mutual information by which the best other axis stays below.
    agreeing, searches : int
        Number of independent searches that ended at this axis, and of all searches.
    confidence : float
        0 to 1, that the axis is right; its sign plays no part.
    clarity : float
        0 to 1, how clear it is which face the sections have up; 0 if the block with all sections
        flipped would fit as well, as in a specimen that is its own mirror image.
    in_order : list of bool
        Whether each section's depth follows the order of cutting.
    """

    axis: np.ndarray
    sections: list[SectionResult]
    margin: float
    agreeing: int
    searches: int
    confidence: float
    clarity: float
    in_order: list[bool]


def search_block(
    sections: list[SectionScales], settings: RegisterSettings, view: np.ndarray | None = None
) -> BlockResult:
    """Find the orientation that the sections' planes share, and each section's pose.

    Parameters
    ----------
    sections : list of SectionScales
        Two or more.
    settings : RegisterSettings
    view : ndarray, shape (3,), optional
        Only axes within 90° of this direction are searched. A block that is nearly its own mirror
        image fits about as well seen from the opposite direction.
    """
    searches: list[list[list[Stack]]] = []  # of each search, at each scale, the best stacks
    for number in range(settings.searches):
        searches.append(search_axes(sections, settings, number, view))
        by_scale = [list(chain.from_iterable(parts)) for parts in zip(*searches, strict=True)]
        stacks = distinct_axes(by_scale[-1])
        agreeing, margin = agreement(stacks[0], by_scale, searches)
        log.info("search %d: %d agree, margin %.3f", number + 1, agreeing, margin)
        sure = confidence(margin, agreeing) >= settings.min_confidence
        if agreeing >= AGREEING_SEARCHES and sure:
            break
    finest = len(sections[0].scales) - 1
    final = distinct_axes(
        [climb_axis(sections, finest, stack, settings) for stack in stacks[:AXES_KEPT]]
    )
    by_scale.append(final)
    agreeing, margin = agreement(final[0], by_scale, searches)
    clarity = 1.0 if view is not None else face_clarity(final[0], by_scale)
    return BlockResult(
        final[0].axis,
        _section_results(sections, final[0], clarity, searches),
        margin,
        agreeing,
        searches=len(searches),
        confidence=confidence(margin, agreeing),
        clarity=clarity,
        in_order=final[0].in_order.tolist(),
    )


def _section_results(
    sections: list[SectionScales],
    stack: Stack,
    clarity: float,
    searches: list[list[list[Stack]]],
) -> list[SectionResult]:
    """Return each section's result among the poses of the stack chosen."""
    results = []
    chosen_um = stack.depths_um[np.arange(len(sections)), stack.chosen]
    for k, section in enumerate(sections):
        pose, size_um = stack.best[k], section.size_um
        candidates = ScoredPoses(stack.poses[k], stack.penalized(clarity)[k])
        if stack.orders is not None:  # poses out of order are no rivals
            fits = fits_between(stack.depths_um[k], chosen_um, stack.orders, k)
            fits[stack.chosen[k]] = True
            candidates = ScoredPoses(candidates.poses[fits], candidates.scores[fits])
        margin = margin_to_rival(pose, [candidates], size_um)
        ends = np.array([by_scale[-1][0].best[k] for by_scale in searches])
        agreeing = int(same_maximum(pose, ends, size_um).sum())
        score, sure = float(stack.best_scores[k]), confidence(margin, agreeing)
        results.append(SectionResult(pose, score, margin, agreeing, len(searches), sure))
    return results


def agreement(
    best: Stack, by_scale: list[list[Stack]], searches: list[list[list[Stack]]]
) -> tuple[int, float]:
    """Return how many searches ended at the best stack's axis, and its margin to another axis.

    The margin is measured at the finest scale that has stacks both of this axis and of another, as
    for a single section. An axis and its opposite count as the same axis here; which face a section
    has up is weighed in the section's own margin.
    """
    agreeing = sum(
        plane_angle_deg(best.axis, search[-1][0].axis) < APART_DEG for search in searches
    )
    for stacks in reversed(by_scale):
        same = np.array([plane_angle_deg(best.axis, stack.axis) < APART_DEG for stack in stacks])
        if same.any() and not same.all():
            totals = np.array([stack.total for stack in stacks])
            highest, other = totals[same].max(), totals[~same].max()
            return agreeing, float((highest - other) / max(highest, 1e-9))
    return agreeing, 1.0


def face_clarity(best: Stack, by_scale: list[list[Stack]]) -> float:
    """Return how clear it is that a stack's sections are not all flipped, 0 to 1.

    If the block is its own mirror image, flipping every section changes the total only by the
    penalty on flipped sections. The relative gap between both totals, in units of ``EVEN_MARGIN``,
    is the clarity.
    """
    for stacks in reversed(by_scale):
        angles = [(axis_angle_deg(best.axis, stack.axis), stack.total) for stack in stacks]
        upright = [total for angle, total in angles if angle < APART_DEG]
        flipped = [total for angle, total in angles if angle > 180 - APART_DEG]
        if upright and flipped:
            return float(np.clip((max(upright) / max(flipped) - 1) / EVEN_MARGIN, 0, 1))
    return 1.0
