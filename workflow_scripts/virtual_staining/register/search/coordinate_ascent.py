"""Local search without derivatives: a parabola along each degree of freedom, and pattern moves."""

import numba
import numpy as np

from virtual_staining.register.similarity.mutual_information import information, joint_histogram
from virtual_staining.register.similarity.pose import SCALE_X, SCALE_Y, SHEAR, STEP_SIZE, moved


@numba.njit(cache=True)
def _score(scale, histogram, pose, bounds):
    """Return the mutual information at a pose; -1 where its stretch is out of bounds."""
    max_scale, max_shear = bounds
    if max(abs(pose[SCALE_X]), abs(pose[SCALE_Y])) > max_scale or abs(pose[SHEAR]) > max_shear:
        return -1.0
    joint_histogram(scale, pose, histogram)
    return information(histogram)


@numba.njit(cache=True)
def ascend(scale, histogram, pose, radius_um, start_um, stop_um, freedom, bounds, max_sweeps):
    """Climb from one pose to a maximum of mutual information.

    Each sweep fits a parabola through three points along every degree of freedom and takes its
    top, then tries the sweep's whole displacement once more, because the ridges of a thread run
    askew of the axes. The step halves when a sweep moves no degree of freedom by more than half
    of it.

    Parameters
    ----------
    scale : Scale
        Volume and section at one voxel size.
    histogram : ndarray, float32 (classes, bins)
        Overwritten.
    pose : ndarray, shape (12,)
        Where to start.
    radius_um : float
        Distance from the slide's centre at which rotations and stretch are measured, µm.
    start_um, stop_um : float
        First step, and the step below which the climb ends, µm.
    freedom : ndarray of int
        Degrees of freedom, as indices into the step of
        :func:`~virtual_staining.register.similarity.pose.moved`.
    bounds : (scale, shear)
        Largest stretch, fractions.
    max_sweeps : int

    Returns
    -------
    pose : ndarray, shape (12,)
    score : float
        Its mutual information, nats.
    """
    best = pose.copy()
    score = _score(scale, histogram, best, bounds)
    h = start_um
    step = np.zeros(STEP_SIZE)
    for _ in range(max_sweeps):
        if h < stop_um:
            break
        before = score
        travelled = np.zeros(STEP_SIZE)
        for d in freedom:
            values = np.empty(2)  # one step back, one step ahead
            for ahead in range(2):
                step[:] = 0
                step[d] = h if ahead else -h
                trial = moved(best, step, radius_um)
                values[ahead] = _score(scale, histogram, trial, bounds)
            curvature = values[0] + values[1] - 2 * score
            slope = values[1] - values[0]
            if curvature < 0:
                top = min(max(-0.5 * slope / curvature, -2.0), 2.0) * h
            else:
                top = np.sign(slope) * 2 * h
            ahead = 1 if slope > 0 else 0
            chosen, chosen_score = 0.0, score
            if values[ahead] > chosen_score:
                chosen, chosen_score = (h if ahead else -h), values[ahead]
            step[:] = 0
            step[d] = top
            trial = moved(best, step, radius_um)
            value = _score(scale, histogram, trial, bounds)
            if value > chosen_score:
                chosen, chosen_score = top, value
            if chosen_score > score:
                step[d] = chosen
                best, score = moved(best, step, radius_um), chosen_score
                travelled[d] = chosen
        if score > before:
            trial = moved(best, travelled, radius_um)
            value = _score(scale, histogram, trial, bounds)
            if value > score:
                best, score = trial, value
                continue
        if np.abs(travelled).max() <= 0.5 * h:
            h *= 0.5
    return best, score


@numba.njit(cache=True)
def ascend_all(scale, bins, poses, radius_um, start_um, stop_um, freedom, bounds, max_sweeps):
    """Climb from each of many poses (n, 12); return the poses (n, 12) and scores (n,) reached.

    ``bins`` is the number of grey bins of the joint histogram; the other parameters are those of
    :func:`ascend`.
    """
    histogram = np.empty((scale.n_classes, bins), np.float32)
    reached = np.empty_like(poses)
    scores = np.empty(len(poses))
    for k in range(len(poses)):
        reached[k], scores[k] = ascend(
            scale, histogram, poses[k], radius_um, start_um, stop_um, freedom, bounds, max_sweeps
        )
    return reached, scores
