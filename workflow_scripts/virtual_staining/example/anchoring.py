"""From QuickNII plane anchorings to poses in the tomogram."""

import numpy as np

# QuickNII voxels of the Allen CCFv3 at 25 µm: x left-right, y posterior-anterior, z
# inferior-superior.
CCF_SHAPE = np.array([456.0, 528.0, 320.0])
CCF_VOXEL_UM = 25.0


def anchoring_to_pose(anchoring: list[float], size_px: tuple[int, int]) -> tuple[dict, float]:
    """Turn a QuickNII anchoring into an initial pose in the tomogram's physical frame.

    The tomogram's axes (z, y, x) are anterior to posterior, superior to inferior and right to left,
    each the reverse of the CCF axis.

    Parameters
    ----------
    anchoring : list of 9 floats
        ``o(3) u(3) v(3)``: the point at fractions (s, t) of the picture is ``o + s u + t v``, in
        QuickNII voxels (x, y, z).
    size_px : (width, height)
        Size of the picture, pixels.

    Returns
    -------
    pose : dict
        ``center_um``, ``u``, ``v`` as a sample's ``initial_pose`` file holds them; points (x, y, z)
        in µm from the volume's outer corner.
    pixel_um : float
        Pixel size along the picture's x axis, µm.
    """
    corner, u, v = np.array(anchoring, float).reshape(3, 3)
    center_um = (CCF_SHAPE - (corner + 0.5 * u + 0.5 * v)) * CCF_VOXEL_UM
    # (x, y, z) of the volume = (left-right, superior-inferior, anterior-posterior)
    order = [0, 2, 1]
    pose = {
        "center_um": center_um[order].tolist(),
        "u": (-u[order] / np.linalg.norm(u)).tolist(),
        "v": (-v[order] / np.linalg.norm(v)).tolist(),
    }
    return pose, float(np.linalg.norm(u) * CCF_VOXEL_UM / size_px[0])
