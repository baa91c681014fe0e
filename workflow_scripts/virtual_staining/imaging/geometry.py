"""The map between a section and its volume, and the one convention for physical coordinates.

Physical coordinates are µm with the origin at the *outer corner* of the first voxel or pixel, so
voxel ``i`` of size ``s`` has its centre at ``(i + 0.5) * s``. They stay the same if an image is
resampled or read from another pyramid level. Volume points are ``(x, y, z)`` (ITK order; arrays are
``(z, y, x)``), slide points ``(x, y)`` (x = column, y = row).
"""

from dataclasses import dataclass

import numpy as np

from virtual_staining.errors import InputError


@dataclass(frozen=True)
class SectionMap:
    """Affine map of slide points to volume points, ``p = origin_um + x * u + y * v``.

    A mirrored section is a plane seen from behind: its normal ``u × v`` points to the other side.
    No flip is stored.

    Parameters
    ----------
    origin_um : ndarray, shape (3,)
        Volume point (x, y, z) of the slide's outer corner, µm.
    u, v : ndarray, shape (3,)
        Volume displacement per µm along the slide's x and y; unit vectors at right angles if the
        section is undistorted.
    """

    origin_um: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def to_volume(self, points_um: np.ndarray) -> np.ndarray:
        """Map slide points (n, 2) µm to volume points (n, 3) µm."""
        points = np.asarray(points_um, float)
        return self.origin_um + points[:, :1] * self.u + points[:, 1:] * self.v

    def to_slide(self, points_um: np.ndarray) -> np.ndarray:
        """Map volume points (n, 3) µm to the nearest slide points (n, 2) µm in the plane."""
        basis = np.stack([self.u, self.v], axis=1)
        offset = np.asarray(points_um, float) - self.origin_um
        return np.linalg.lstsq(basis, offset.T, rcond=None)[0].T

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the plane, along ``u × v``, shape (3,)."""
        cross = np.cross(self.u, self.v)
        return cross / np.linalg.norm(cross)

    def to_dict(self) -> dict:
        """Return the JSON form: ``origin_um``, ``u``, ``v`` as lists of three numbers."""
        return {key: np.asarray(getattr(self, key)).tolist() for key in ("origin_um", "u", "v")}

    @classmethod
    def from_dict(cls, values: dict, name: str = "section map") -> "SectionMap":
        """Return the map of a JSON form.

        Parameters
        ----------
        values : dict
            As :meth:`to_dict` returns.
        name : str
            File and key of the values, for messages.

        Raises
        ------
        InputError
            If a key is missing or is not three finite numbers.
        """
        vectors = {}
        for key in ("origin_um", "u", "v"):
            try:
                vectors[key] = np.array(values[key], float).reshape(3)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{name}: {key!r} must be three numbers") from error
            if not np.isfinite(vectors[key]).all():
                raise InputError(f"{name}: {key!r} must be finite")
        return cls(**vectors)


@dataclass(frozen=True)
class PlaneGrid:
    """Pixels of a plane in a volume.

    Parameters
    ----------
    shape : (rows, columns)
    pixel_um : float
        Pixel size, µm.
    to_volume : SectionMap
        Rigid map of µm on the plane, from the outer corner of the first pixel, to volume µm.
    """

    shape: tuple[int, int]
    pixel_um: float
    to_volume: SectionMap

    def centers_um(self) -> np.ndarray:
        """Return the points (x, y) of all pixel centres, row by row, shape (pixels, 2), µm."""
        y, x = np.indices(self.shape)
        return (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * self.pixel_um


def resized(grid: PlaneGrid, pixel_um: float) -> PlaneGrid:
    """Return the grid of the same field with pixels of another size, µm; the corner stays."""
    rows, columns = (max(1, round(n * grid.pixel_um / pixel_um)) for n in grid.shape)
    return PlaneGrid((rows, columns), pixel_um, grid.to_volume)


def pose_to_map(center_um, u, v, slide_size_um: tuple[float, float]) -> SectionMap:
    """Return the rigid map of an undistorted section whose centre lies at a volume point.

    Parameters
    ----------
    center_um : array_like, shape (3,)
        Volume point (x, y, z) of the slide's centre, µm.
    u, v : array_like, shape (3,)
        Directions of the slide's x and y axes. They are made orthonormal; u keeps its direction.
    slide_size_um : (width, height)
        Physical size of the slide image, µm.
    """
    u = np.asarray(u, float) / np.linalg.norm(u)
    v = np.asarray(v, float) - np.dot(v, u) * u
    v = v / np.linalg.norm(v)
    origin = np.asarray(center_um, float) - 0.5 * (slide_size_um[0] * u + slide_size_um[1] * v)
    return SectionMap(origin, u, v)
