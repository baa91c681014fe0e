"""Starting poses without any first guess: all orientations and positions, scored coarsely."""

import numba
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from virtual_staining.register.similarity.scales import Scale, label_colours, shrink

SCAN_PIXELS = 800  # of the section, whatever its size: a partial field is looked at more finely
SCAN_BINS = 12
PLANES_KEPT = 2  # of each orientation
STRETCH_STEP = 0.1  # a climb finds its way from half of this


def reaches_um(size_um: tuple[float, float], volume_size_um: np.ndarray) -> np.ndarray:
    """Return how far from the volume's middle sections are looked for, in their plane.

    A section may lie anywhere inside the volume or stick out by a sixth of it.

    Parameters
    ----------
    size_um : (width, height)
        Size of the slide.
    volume_size_um : ndarray, shape (3,)

    Returns
    -------
    ndarray, shape (2,)
        Along the slide's x and its y, µm.
    """
    edge = float(np.median(volume_size_um))
    return np.array([abs(edge - size) / 2 + edge / 6 for size in size_um])


def depths_um(frames: np.ndarray, volume_size_um: np.ndarray) -> np.ndarray:
    """Return how far from the volume's middle planes are looked for, along their normals.

    The middle four fifths of the ellipsoid that fills the volume: of a long specimen, its length
    for planes across it, its width for planes along it.

    Parameters
    ----------
    frames : ndarray, shape (n, 6)
        Directions of the slide's x and y.
    volume_size_um : ndarray, shape (3,)

    Returns
    -------
    ndarray, shape (n,)
    """
    normals = np.cross(frames[:, :3], frames[:, 3:])
    return 0.4 * np.linalg.norm(normals * volume_size_um, axis=1)


@numba.njit(cache=True, fastmath=True)
def _scan(
    volume, voxel_um, air, rows, bins, pixel_um, frames, middle, reach, step, depths, spacing, keep
):
    """Score all positions of each frame; return its best poses (n, keep, 12) and scores.

    Planes lie ``spacing`` µm apart, up to ``depths`` (n,) of them to either side of the middle.

    A plane is sampled once for all shifts in it: ``rows`` holds ``class * bins`` of each pixel, the
    volume bin numbers, both integers, so that counting is one addition a pixel.
    """
    height, width = rows.shape
    sx, sy = reach[0] * step, reach[1] * step  # largest shifts, pixels
    plane = np.empty((height + 2 * sy, width + 2 * sx), np.uint8)
    counts = np.empty(rows.max() + bins, np.int32)
    by_bin = np.empty(bins, np.int32)
    entropy = np.zeros(rows.size + 1)
    for n in range(2, rows.size + 1):
        entropy[n] = n * np.log(n)
    counts[:] = 0
    for label in rows.ravel():
        counts[label] += 1
    constant = np.log(rows.size) * rows.size
    for n in counts:
        constant -= entropy[n]
    nz, ny, nx = volume.shape
    poses = np.zeros((len(frames), keep, 12))
    best = np.full((len(frames), keep), -1.0)
    for k in range(len(frames)):
        e1, e2 = frames[k, :3], frames[k, 3:]
        normal = np.cross(e1, e2)
        du, dv = e1 * pixel_um[0] / voxel_um, e2 * pixel_um[1] / voxel_um
        for level in range(-depths[k], depths[k] + 1):
            offset = spacing * level
            center = (middle + offset * normal) / voxel_um
            corner = center - 0.5 * ((plane.shape[1] - 1) * du + (plane.shape[0] - 1) * dv)
            for i in range(plane.shape[0]):
                x, y, z = corner + i * dv
                for j in range(plane.shape[1]):
                    inside = 0 <= x < nx and 0 <= y < ny and 0 <= z < nz
                    plane[i, j] = volume[int(z), int(y), int(x)] if inside else air
                    x += du[0]
                    y += du[1]
                    z += du[2]
            top, top_y, top_x = -1.0, 0, 0
            for y0 in range(0, 2 * sy + 1, step):
                for x0 in range(0, 2 * sx + 1, step):
                    counts[:] = 0
                    for i in range(height):
                        for j in range(width):
                            counts[rows[i, j] + plane[i + y0, j + x0]] += 1
                    by_bin[:] = 0
                    score = constant
                    for n in range(len(counts)):
                        score += entropy[counts[n]]
                        by_bin[n % bins] += counts[n]
                    for n in by_bin:
                        score -= entropy[n]
                    if score > top:
                        top, top_y, top_x = score, y0, x0
            worst = best[k].argmin()
            if top > best[k, worst]:
                best[k, worst] = top
                poses[k, worst, :3] = (
                    middle
                    + offset * normal
                    # the slide lies at (top_x, top_y) of the plane image
                    + (top_x - sx) * pixel_um[0] * e1
                    + (top_y - sy) * pixel_um[1] * e2
                )
                poses[k, worst, 3:9] = frames[k]
    return poses, best / rows.size


def _grey_bins(grey: np.ndarray, bins: int) -> np.ndarray:
    """Return the table 256 grey values → bin, uint8.

    Bins are finer where grey values are frequent, as the cube root of their density (what
    quantization theory asks for): the wide, empty range up to a bright implant takes few.
    """
    density = np.bincount(grey[::2, ::2, ::2].ravel(), minlength=256)
    position = np.cumsum(np.cbrt(gaussian_filter1d(density.astype(float), 2)))
    position = (position - position[0]) / (position[-1] - position[0])
    return np.minimum(bins * position, bins - 1).astype(np.uint8)


def scan(
    scales: list[Scale],
    slide: np.ndarray,
    colours: np.ndarray,
    size_um: tuple[float, float],
    frames: np.ndarray,
    step_um: float,
    stretches: np.ndarray,
    rng: np.random.Generator,
) -> tuple[list[Scale], np.ndarray, np.ndarray]:
    """Score all positions of some orientations; return the best planes of each.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine.
    slide : ndarray, uint8 (y, x, 3)
    colours : ndarray, shape (classes, 3)
        The section's main colours.
    size_um : (width, height)
        Size of the slide.
    frames : ndarray, shape (n, 6)
        Orientations: directions of the slide's x and y.
    step_um : float
        Distance between neighbouring positions; at least two of the scanned section's pixels.
    stretches : ndarray
        Stretches of the slide's y axis (fractions) that are tried.
    rng : Generator
        Shifts all positions.

    Returns
    -------
    scales : list of Scale
        Those that resolve the section well enough to go on with, coarse to fine.
    poses : ndarray, shape (stretches, n, PLANES_KEPT, 12)
    scores : ndarray, shape (stretches, n, PLANES_KEPT)
        Mutual information, nats.
    """
    labels = label_colours(shrink(slide, size_um, np.sqrt(np.prod(size_um) / SCAN_PIXELS)), colours)
    pixel_um = np.array(size_um) / labels.shape[::-1]
    finer = [scale for scale in scales if scale.voxel_um <= 1.05 * pixel_um.mean()]
    source = (finer or scales[-1:])[0]
    table = _grey_bins(scales[-1].volume, SCAN_BINS)
    # a section's pixel is a mean over its area; so must be the voxel it meets
    blur = 0.35 * pixel_um.mean() / source.voxel_um
    smooth = gaussian_filter(source.volume.astype(np.float32), blur)
    volume_size_um = np.array(source.volume.shape[::-1]) * source.voxel_um
    step_px = max(2, round(step_um / pixel_um.mean()))
    spacing = step_px * pixel_um.mean()
    between = rng.uniform(-0.5, 0.5, 3) * spacing
    reach = (reaches_um(size_um, volume_size_um) / spacing).astype(np.int64)
    depths = (depths_um(frames, volume_size_um) / spacing + 1e-9).astype(np.int64)
    bins = table[np.rint(smooth).astype(np.uint8)]
    rows = labels.astype(np.uint16) * np.uint16(SCAN_BINS)
    found = []
    for stretch in stretches:
        poses, scores = _scan(
            bins,
            source.voxel_um,
            table[int(source.air)],
            rows,
            SCAN_BINS,
            pixel_um * (1, 1 + stretch),
            np.ascontiguousarray(frames),
            volume_size_um / 2 + between,
            reach,
            step_px,
            depths,
            spacing,
            PLANES_KEPT,
        )
        poses[..., 10] = stretch
        found.append((poses, scores))
    poses, scores = (np.stack(part) for part in zip(*found, strict=True))
    resolved = [scale for scale in scales if scale.voxel_um <= 1.3 * pixel_um.mean()]
    return resolved or scales[-1:], poses, scores


def stretches_up_to(limit: float) -> np.ndarray:
    """Return the stretches of one slide axis that a scan tries: those that no climb reaches."""
    count = int(limit / STRETCH_STEP + 1e-9)
    return STRETCH_STEP * np.arange(-count, count + 1)
