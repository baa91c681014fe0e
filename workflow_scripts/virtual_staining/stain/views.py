"""Pictures of a stained volume: three orthogonal slices and a volume rendering (paper Fig. 8)."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn.functional import avg_pool3d, grid_sample

from virtual_staining.imaging.pictures import draw_scale_bar

VIEW_DEG = (35.0, 25.0)  # rotation about the vertical and elevation of the viewer
# Alpha below this is drawn clear: air and marrow are nearly white, but along a ray the small alpha
# of hundreds of samples would add up and hide what lies behind.
ALPHA_FLOOR = 0.2
PICTURE_PX = 448  # side of the rendering before its white border is cut off
STEP_VOXEL = 0.5  # between samples on a ray; longer steps show as contour lines on surfaces
AMBIENT = 0.4  # brightness of surfaces seen edge-on, relative to surfaces that face the viewer
PANELS = (("a", "XY", "z"), ("b", "YZ", "x"), ("c", "XZ", "y"))


def orthogonal_figure(rgba, voxel_size_um: float) -> Figure:
    """Draw the three middle slices with a scale bar.

    Parameters
    ----------
    rgba : zarr.Array or ndarray of uint8, shape (4, z, y, x)
        Only the three slices are read.
    voxel_size_um : float
        Its voxel size, µm.
    """
    _, nz, ny, nx = rgba.shape
    slices = [rgba[:3, nz // 2], rgba[:3, :, :, nx // 2], rgba[:3, :, ny // 2]]
    slices[1] = np.swapaxes(slices[1], 1, 2)  # y down and z across, beside XY
    figure = Figure(figsize=(9, 9 * (ny + nz) / (nx + nz)), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(nx, nz), height_ratios=(ny, nz))
    middle = {"z": nz // 2, "y": ny // 2, "x": nx // 2}
    for cell, image, (letter, plane, axis) in zip(
        (grid[0, 0], grid[0, 1], grid[1, 0]), slices, PANELS, strict=True
    ):
        axes = figure.add_subplot(cell)
        axes.imshow(np.moveaxis(image, 0, -1), interpolation="nearest")
        axes.set_axis_off()
        where = (middle[axis] + 0.5) * voxel_size_um
        axes.set_title(f"({letter}) {plane}, {axis} = {where:.0f} µm", fontsize=9)
        if letter == "a":
            draw_scale_bar(axes, nx, ny, voxel_size_um)
    return figure


def render(rgba: np.ndarray, view_deg: tuple[float, float] = VIEW_DEG) -> np.ndarray:
    """Composite a RGBA volume front to back along parallel rays, on white.

    Colours are those of the volume (direct RGBA mapping), darkened where a surface turns away from
    the viewer. Alpha, less ``ALPHA_FLOOR``, is the opacity of a path as long as a voxel.

    Parameters
    ----------
    rgba : ndarray of uint8, shape (4, z, y, x)
        About 256 voxels a side, so that it fits into memory; z points up in the picture.
    view_deg : (float, float)
        Rotation about z and elevation of the viewer, degrees.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
    """
    size = np.array(rgba.shape[1:])
    volume = torch.tensor(rgba[None], dtype=torch.float32) / 255
    volume[:, 3] = ((volume[:, 3] - ALPHA_FLOOR) / (1 - ALPHA_FLOOR)).clamp_min(0)
    right, up, forward = _camera(view_deg)
    # Premultiplied, so that interpolation does not mix in transparent colours.
    volume[:, :3] *= volume[:, 3:] * _shade(volume[0, 3], forward)
    half = float(np.linalg.norm(size)) / 2
    across = torch.linspace(-half, half, PICTURE_PX)
    # grid_sample takes points (x, y, z) from -1 to 1 between the outer corners of the volume
    scale = torch.tensor(2.0 / size[::-1].copy(), dtype=torch.float32)
    plane = across[None, :, None] * right * scale - across[:, None, None] * up * scale
    picture = torch.zeros(3, PICTURE_PX, PICTURE_PX)
    clear = torch.ones(PICTURE_PX, PICTURE_PX)
    for depth in torch.arange(-half, half, STEP_VOXEL):
        where = (plane + depth * forward * scale)[None, None]
        sample = grid_sample(volume, where, align_corners=False)[0, :, 0]
        # rounding may make interpolated alpha exceed 1
        through = (1 - sample[3]).clamp_min(0) ** STEP_VOXEL
        # colours are premultiplied: divided by alpha, they count by the opacity of this step
        picture += clear * sample[:3] * (1 - through) / sample[3].clamp_min(1e-6)
        clear *= through
    picture = ((picture + clear) * 255).round().clamp(0, 255).to(torch.uint8)
    return _crop(np.moveaxis(picture.numpy(), 0, -1))


def _shade(opacity: torch.Tensor, forward: torch.Tensor) -> torch.Tensor:
    """Return the brightness of each voxel (z, y, x) lit from the viewer, ``AMBIENT`` to 1."""
    smooth = avg_pool3d(opacity[None, None], 3, stride=1, padding=1, count_include_pad=False)
    gradient = torch.gradient(smooth[0, 0])[::-1]  # along x, y, z
    length = sum(g.square() for g in gradient).sqrt()
    along = sum(g * f for g, f in zip(gradient, forward, strict=True)).abs()
    # inside a body and in noise the gradient is small: there the brightness is near 1
    facing = (along + 0.05) / (length + 0.05)
    return AMBIENT + (1 - AMBIENT) * facing


def _camera(view_deg: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the unit vectors (x, y, z) of the picture's right and up, and of the view."""
    turn, elevation = np.deg2rad(view_deg)
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    ahead = np.array([-np.sin(turn), np.cos(turn), 0.0])
    forward = np.cos(elevation) * ahead - np.sin(elevation) * np.array([0.0, 0.0, 1.0])
    up = np.sin(elevation) * ahead + np.cos(elevation) * np.array([0.0, 0.0, 1.0])
    return tuple(torch.tensor(v, dtype=torch.float32) for v in (right, up, forward))


def _crop(image: np.ndarray, margin_px: int = 5) -> np.ndarray:
    """Cut the white border off, leaving a margin."""
    drawn = (image < 255).any(axis=2)
    if not drawn.any():
        return image
    box = []
    for axis in (1, 0):
        used = np.flatnonzero(drawn.any(axis=axis))
        box.append(slice(max(used[0] - margin_px, 0), used[-1] + margin_px + 1))
    return image[tuple(box)]
