"""The order of depths in which the sections of a block were cut, where the sample sheet names it.

Which end of the block the first section comes from is not known: depths rise or fall with the
order.
"""

import numpy as np

OUT_OF_ORDER = 0.5  # cost of two neighbours in the wrong order, as a fraction of the mean score


def choose_in_order(
    scores: np.ndarray, depths_um: np.ndarray, orders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choose one pose for each section so that scores are high and depths follow the order.

    Parameters
    ----------
    scores : ndarray, shape (sections, poses)
        nats.
    depths_um : ndarray, shape (sections, poses)
        Place of each pose along the block's axis, µm.
    orders : ndarray, shape (sections,)
        Places in the order of cutting; NaN for a section without one, which is free.

    Returns
    -------
    chosen : ndarray of int, shape (sections,)
        Index of each section's pose.
    in_order : ndarray of bool, shape (sections,)
        False for sections that stand in the wrong order with a neighbour all the same.
    """
    chosen = scores.argmax(1)
    in_order = np.ones(len(scores), bool)
    row = np.argsort(orders, kind="stable")[: int(np.isfinite(orders).sum())]
    if len(row) < 2:
        return chosen, in_order
    cost = OUT_OF_ORDER * float(scores[row].max(1).mean())
    paths = [_best_path(scores[row], sign * depths_um[row], cost) for sign in (1, -1)]
    _, path, wrong = max(paths, key=lambda found: found[0])
    chosen[row] = path
    in_order[row[:-1]] &= ~wrong
    in_order[row[1:]] &= ~wrong
    return chosen, in_order


def _best_path(
    scores: np.ndarray, depths: np.ndarray, cost: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the best total, the poses chosen, and which steps do not go up (Viterbi)."""
    total, came_from = scores[0], []
    for k in range(1, len(scores)):
        steps = total[:, None] - cost * (depths[k][None] <= depths[k - 1][:, None])
        came_from.append(steps.argmax(0))
        total = steps.max(0) + scores[k]
    path = [int(total.argmax())]
    for previous in reversed(came_from):
        path.append(int(previous[path[-1]]))
    chosen = np.array(path[::-1])
    along = depths[np.arange(len(depths)), chosen]
    return float(total.max()), chosen, np.diff(along) <= 0


def fits_between(
    depths_um: np.ndarray, chosen_um: np.ndarray, orders: np.ndarray, section: int
) -> np.ndarray:
    """Return which depths (n,) of a section lie between those chosen for its neighbours in order.

    Parameters
    ----------
    depths_um : ndarray, shape (n,)
    chosen_um : ndarray, shape (sections,)
        Depth chosen for each section, µm.
    orders : ndarray, shape (sections,)
    section : int
        Index of the section.
    """
    known = np.isfinite(orders) & (np.arange(len(orders)) != section)
    if not np.isfinite(orders[section]) or known.sum() < 2:
        return np.ones(len(depths_um), bool)
    rising = np.polyfit(orders[known], chosen_um[known], 1)[0] > 0
    sign = 1 if rising else -1
    before, after = known & (orders < orders[section]), known & (orders > orders[section])
    lower = (sign * chosen_um[before]).max(initial=-np.inf)
    upper = (sign * chosen_um[after]).min(initial=np.inf)
    return (sign * depths_um > lower) & (sign * depths_um < upper)
