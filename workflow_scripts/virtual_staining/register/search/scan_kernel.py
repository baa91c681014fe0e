"""Compiled part of the scan: planes of the volume, and all shifts of the section in each plane.

A plane is sampled once for all shifts in it. Volume and section enter as whole numbers (the grey
bin of a voxel; the first histogram cell of a pixel's colour class), so that counting a pixel in the
joint histogram is one addition.
"""

from typing import NamedTuple

import numba
import numpy as np

from virtual_staining.register.similarity.pose import CENTER, POSE_SIZE, X_AXIS, Y_AXIS


class BinnedVolume(NamedTuple):
    """The volume in grey bins.

    Parameters
    ----------
    bins : ndarray, uint8 (z, y, x)
        Grey bin of each voxel.
    voxel_um : float
    air_bin : int
        Grey bin taken outside the volume.
    n_bins : int
    """

    bins: np.ndarray
    voxel_um: float
    air_bin: int
    n_bins: int


class BinnedSection(NamedTuple):
    """The section in colour classes.

    Parameters
    ----------
    cells : ndarray, uint16 (y, x)
        Colour class of each pixel, times the number of grey bins.
    pixel_um : ndarray, shape (2,)
        Width and height of its pixels, µm.
    """

    cells: np.ndarray
    pixel_um: np.ndarray


class Positions(NamedTuple):
    """The positions at which the section is tried for each orientation: a grid.

    Parameters
    ----------
    middle_um : ndarray, shape (3,)
        Volume point (x, y, z) in the middle of the grid, µm.
    spacing_um : float
        Distance between neighbouring planes.
    step_px : int
        Distance between neighbouring shifts in a plane, pixels of the section.
    reach : ndarray of int, shape (2,)
        Largest number of such steps along the section's x and y, to either side.
    depths : ndarray of int, shape (orientations,)
        Number of planes to either side of the middle.
    """

    middle_um: np.ndarray
    spacing_um: float
    step_px: int
    reach: np.ndarray
    depths: np.ndarray


@numba.njit(cache=True, fastmath=True)
def _cut_plane(volume, center_um, x_step, y_step, plane):
    """Fill ``plane``, uint8 (y, x), with grey bins; steps (3,) are in voxels a pixel."""
    nz, ny, nx = volume.bins.shape
    height, width = plane.shape
    corner = center_um / volume.voxel_um - 0.5 * ((width - 1) * x_step + (height - 1) * y_step)
    for i in range(height):
        x, y, z = corner + i * y_step
        for j in range(width):
            inside = 0 <= x < nx and 0 <= y < ny and 0 <= z < nz
            plane[i, j] = volume.bins[int(z), int(y), int(x)] if inside else volume.air_bin
            x += x_step[0]
            y += x_step[1]
            z += x_step[2]


@numba.njit(cache=True, fastmath=True)
def _best_shift(cells, plane, n_bins, step_px, constant, n_log_n, counts, by_bin):
    """Return the highest score of all shifts of the section in a plane, and its shift (y, x).

    The score is the mutual information (nats) times the number of pixels: ``n log n`` of all
    pixels, less that of each class (both in ``constant``) and each grey bin, plus that of each
    cell of the joint histogram. ``counts`` and ``by_bin`` are overwritten.
    """
    height, width = cells.shape
    best, best_y, best_x = -1.0, 0, 0
    for y0 in range(0, plane.shape[0] - height + 1, step_px):
        for x0 in range(0, plane.shape[1] - width + 1, step_px):
            counts[:] = 0
            for i in range(height):
                for j in range(width):
                    counts[cells[i, j] + plane[i + y0, j + x0]] += 1
            by_bin[:] = 0
            score = constant
            for n in range(len(counts)):
                score += n_log_n[counts[n]]
                by_bin[n % n_bins] += counts[n]
            for n in by_bin:
                score -= n_log_n[n]
            if score > best:
                best, best_y, best_x = score, y0, x0
    return best, best_y, best_x


@numba.njit(cache=True, fastmath=True)
def scan_positions(volume, section, positions, frames, keep):
    """Score the section at all positions of each orientation.

    Parameters
    ----------
    volume : BinnedVolume
    section : BinnedSection
    positions : Positions
    frames : ndarray, shape (n, 2, 3)
        Orientations: volume directions of the section's x and y.
    keep : int
        Number of planes that are kept of each orientation, each with its best shift.

    Returns
    -------
    poses : ndarray, shape (n, keep, 12)
        Without stretch.
    scores : ndarray, shape (n, keep)
        Mutual information, nats.
    """
    cells, pixel_um, n_bins = section.cells, section.pixel_um, volume.n_bins
    height, width = cells.shape
    reach_x, reach_y = positions.reach * positions.step_px
    plane = np.empty((height + 2 * reach_y, width + 2 * reach_x), np.uint8)
    counts = np.empty(cells.max() + n_bins, np.int32)
    by_bin = np.empty(n_bins, np.int32)
    n_log_n = np.zeros(cells.size + 1)
    for n in range(2, cells.size + 1):
        n_log_n[n] = n * np.log(n)
    counts[:] = 0
    for cell in cells.ravel():
        counts[cell] += 1
    constant = np.log(cells.size) * cells.size
    for n in counts:
        constant -= n_log_n[n]
    poses = np.zeros((len(frames), keep, POSE_SIZE))
    best = np.full((len(frames), keep), -1.0)
    for k in range(len(frames)):
        x_axis, y_axis = frames[k, 0], frames[k, 1]
        normal = np.cross(x_axis, y_axis)
        x_step, y_step = x_axis * pixel_um[0], y_axis * pixel_um[1]
        x_step, y_step = x_step / volume.voxel_um, y_step / volume.voxel_um
        for depth in range(-positions.depths[k], positions.depths[k] + 1):
            center_um = positions.middle_um + positions.spacing_um * depth * normal
            _cut_plane(volume, center_um, x_step, y_step, plane)
            score, y0, x0 = _best_shift(
                cells, plane, n_bins, positions.step_px, constant, n_log_n, counts, by_bin
            )
            worst = best[k].argmin()
            if score > best[k, worst]:
                best[k, worst] = score
                poses[k, worst, CENTER] = (
                    center_um
                    + (x0 - reach_x) * pixel_um[0] * x_axis
                    + (y0 - reach_y) * pixel_um[1] * y_axis
                )
                poses[k, worst, X_AXIS], poses[k, worst, Y_AXIS] = x_axis, y_axis
    return poses, best / cells.size
