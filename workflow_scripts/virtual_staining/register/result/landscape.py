"""Mutual information around a pose: a sharp peak, or a ridge along which the pose is unsure."""

import numpy as np
from matplotlib.axes import Axes

from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.pose import (
    POSE_SIZE,
    SHIFT_NORMAL,
    STEP_SIZE,
    TURN_X,
    lever_um,
    moved,
)
from virtual_staining.register.similarity.scales import Scale


def landscape(
    scale: Scale,
    bins: int,
    pose: np.ndarray,
    size_um: tuple[float, float],
    offset_um: float = 600.0,
    steps: int = 21,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score poses tilted and shifted out of a section's plane.

    Tilt and shift along the normal change the plane itself and are the hardest to determine. At a
    coarse scale the scores take a fraction of a second.

    Parameters
    ----------
    scale : Scale
        Scale at which the poses are scored; a coarse one.
    bins : int
        Grey bins of the joint histogram.
    pose : ndarray, shape (12,)
    size_um : (width, height)
        Size of the slide, µm.
    offset_um : float
        Largest shift along the plane's normal, to either side, µm. It is also the displacement that
        the largest tilt, about the section's x axis through the slide's centre, causes at the
        distance :func:`~virtual_staining.register.similarity.pose.lever_um`: a round peak means
        that shift and tilt are equally sure.
    steps : int
        Number of tilts and of shifts; odd, so that the pose itself is among them.

    Returns
    -------
    tilts_deg, offsets_um : ndarray, shape (steps,)
    information : ndarray, shape (steps, steps)
        Mutual information, nats, by tilt and offset.
    """
    radius_um = lever_um(size_um)
    offsets_um = np.linspace(-offset_um, offset_um, steps)
    poses = np.empty((steps, steps, POSE_SIZE))
    step = np.zeros(STEP_SIZE)
    for row in range(steps):
        for column in range(steps):
            step[SHIFT_NORMAL], step[TURN_X] = offsets_um[column], offsets_um[row]
            poses[row, column] = moved(pose, step, radius_um)
    information = score_poses(scale, bins, poses.reshape(-1, POSE_SIZE))
    tilts_deg = np.degrees(offsets_um / radius_um)
    return tilts_deg, offsets_um, information.reshape(steps, steps)


def draw_landscape(
    axes: Axes, tilts_deg: np.ndarray, offsets_um: np.ndarray, information: np.ndarray
) -> None:
    """Draw the mutual information around the result; a good result has one clear peak at the cross.

    Parameters
    ----------
    axes : Axes
    tilts_deg, offsets_um : ndarray, shapes (n,) and (m,)
    information : ndarray, shape (n, m)
        Mutual information, nats.
    """
    image = axes.pcolormesh(offsets_um, tilts_deg, information, shading="gouraud", cmap="viridis")
    axes.contour(offsets_um, tilts_deg, information, 8, colors="white", linewidths=0.5)
    axes.plot(0, 0, "+", color="crimson", markersize=14, markeredgewidth=2)
    axes.set(title="mutual information around the result", xlabel="offset from the plane, µm",
             ylabel="tilt about the section's x axis, °")  # fmt: skip
    axes.figure.colorbar(image, ax=axes, label="nats", fraction=0.046)
