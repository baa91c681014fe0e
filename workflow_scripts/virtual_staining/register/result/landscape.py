"""Mutual information around a pose: one sharp peak, or a ridge along which the pose is unsure."""

import numpy as np

from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.pose import SIZE, lever_um, moved
from virtual_staining.register.similarity.scales import Scale


def landscape(
    scale: Scale,
    classes: int,
    bins: int,
    pose: np.ndarray,
    size_um: tuple[float, float],
    offset_um: float = 600.0,
    steps: int = 21,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score poses tilted and shifted out of a section's plane.

    These two change the plane itself and are the hardest to tell; at one coarse scale this takes
    a fraction of a second.

    Parameters
    ----------
    scale : Scale
        Resolution to score at; a coarse one.
    classes, bins : int
        Colour classes and grey bins.
    pose : ndarray, shape (12,)
    size_um : (width, height)
        Size of the slide.
    offset_um : float
        How far to either side: shift along the plane's normal, and the displacement that the
        rotation about the pair's x axis through the slide's centre causes at the distance
        :func:`~virtual_staining.register.similarity.pose.lever_um`. A round peak means that both
        are equally sure.
    steps : int
        Number of values of each; odd, so that the pose itself is among them.

    Returns
    -------
    tilts_deg, offsets_um : ndarray, shape (steps,)
    information : ndarray, shape (steps, steps)
        Mutual information, nats, by tilt and offset.
    """
    radius_um = lever_um(size_um)
    offsets_um = np.linspace(-offset_um, offset_um, steps)
    poses = np.empty((steps, steps, SIZE))
    step = np.zeros(9)
    for row in range(steps):
        for column in range(steps):
            step[2], step[3] = offsets_um[column], offsets_um[row]
            poses[row, column] = moved(pose, step, radius_um)
    information = score_poses(*scale.arguments, classes, bins, poses.reshape(-1, SIZE))
    tilts_deg = np.degrees(offsets_um / radius_um)
    return tilts_deg, offsets_um, information.reshape(steps, steps)
