"""Local search without derivatives: parabolas along each degree of freedom, and pattern moves."""

import numba
import numpy as np

from virtual_staining.register.similarity.mutual_information import information, joint_histogram
from virtual_staining.register.similarity.pose import moved


@numba.njit(cache=True)
def _score(view, histogram, pose, bounds):
    """Return the mutual information at a pose; -1 where its stretch is out of bounds."""
    if max(abs(pose[9]), abs(pose[10])) > bounds[0] or abs(pose[11]) > bounds[1]:
        return -1.0
    volume, voxel_um, air, labels, pixel_um, offsets_um = view
    joint_histogram(volume, voxel_um, air, labels, pixel_um, pose, offsets_um, histogram)
    return information(histogram)


@numba.njit(cache=True)
def ascend(view, histogram, pose, radius_um, start_um, stop_um, freedom, bounds, limit):
    """Climb from one pose to a maximum of mutual information.

    Each sweep fits a parabola through three points along every degree of freedom and takes its
    top, then tries the sweep's whole displacement once more (the ridges of a thread run askew of
    the axes). The step halves when a sweep gains nothing larger than half of it.

    Parameters
    ----------
    view : tuple
        ``volume, voxel_um, air, labels, pixel_um, offsets_um`` as in
        :func:`~virtual_staining.register.similarity.mutual_information.joint_histogram`.
    histogram : ndarray, float32 (classes, bins)
        Overwritten.
    pose : ndarray, shape (12,)
        Where to start.
    radius_um : float
        Distance from the centre at which rotations and stretch are measured.
    start_um, stop_um : float
        First step, and the step below which the climb ends.
    freedom : ndarray of int
        Degrees of freedom, by their place in the step of
        :func:`~virtual_staining.register.similarity.pose.moved`.
    bounds : (scale, shear)
        Largest stretch, as fractions.
    limit : int
        Largest number of sweeps.

    Returns
    -------
    pose : ndarray, shape (12,)
    score : float
        Its mutual information, nats.
    """
    best = pose.copy()
    score = _score(view, histogram, best, bounds)
    h = start_um
    step = np.zeros(9)
    for _ in range(limit):
        if h < stop_um:
            break
        before = score
        travelled = np.zeros(9)
        for d in freedom:
            values = np.empty(2)
            for side in range(2):
                step[:] = 0
                step[d] = h if side else -h
                trial = moved(best, step, radius_um)
                values[side] = _score(view, histogram, trial, bounds)
            curve = values[0] + values[1] - 2 * score
            slope = values[1] - values[0]
            if curve < 0:
                top = min(max(-0.5 * slope / curve, -2.0), 2.0) * h
            else:
                top = np.sign(slope) * 2 * h
            side = 1 if slope > 0 else 0
            choice, gained = 0.0, score
            if values[side] > gained:
                choice, gained = (h if side else -h), values[side]
            step[:] = 0
            step[d] = top
            trial = moved(best, step, radius_um)
            value = _score(view, histogram, trial, bounds)
            if value > gained:
                choice, gained = top, value
            if gained > score:
                step[d] = choice
                best, score = moved(best, step, radius_um), gained
                travelled[d] = choice
        if score > before:
            trial = moved(best, travelled, radius_um)
            value = _score(view, histogram, trial, bounds)
            if value > score:
                best, score = trial, value
                continue
        if np.abs(travelled).max() <= 0.5 * h:
            h *= 0.5
    return best, score


@numba.njit(cache=True)
def ascend_all(view, classes, bins, poses, radius_um, start_um, stop_um, freedom, bounds, limit):
    """Climb from each of many poses (n, 12); return the poses and scores reached.

    ``classes`` and ``bins`` are the joint histogram's; the others are as in :func:`ascend`.
    """
    histogram = np.empty((classes, bins), np.float32)
    reached = np.empty_like(poses)
    scores = np.empty(len(poses))
    for k in range(len(poses)):
        reached[k], scores[k] = ascend(
            view, histogram, poses[k], radius_um, start_um, stop_um, freedom, bounds, limit
        )
    return reached, scores
