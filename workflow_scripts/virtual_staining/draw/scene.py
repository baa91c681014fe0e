"""Where the viewer stands and what is cut away, from the shape of the implant or specimen."""

import numpy as np

from virtual_staining.draw.bodies import body_axis, body_ball
from virtual_staining.draw.cast import Camera, Wedge
from virtual_staining.draw.volume import DrawnVolume
from virtual_staining.imaging.geometry import SectionMap

ELEVATION_DEG = 24.0
MARGIN = 1.08  # of the picture around the specimen


def wedge_of(volume: DrawnVolume, section: SectionMap | None = None) -> Wedge:
    """Return the quarter to cut away, whose edge is the long axis of the implant or specimen.

    The face with the stain is parallel to the section, as far as the axis allows, so that the
    section can be compared with the face.

    Parameters
    ----------
    volume : DrawnVolume
    section : SectionMap, optional
        Plane of a section.
    """
    middle, axis = main_axis(volume)
    wanted = np.eye(3)[int(np.argmin(np.abs(axis)))] if section is None else section.normal
    face = wanted - np.dot(wanted, axis) * axis
    if np.linalg.norm(face) < 0.2:  # the section lies across the axis
        return wedge_of(volume)
    face /= np.linalg.norm(face)
    return Wedge(middle, np.stack([face, np.cross(axis, face)]))


def main_axis(volume: DrawnVolume) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle and the long axis of the implant, or else of the specimen, (x, y, z)."""
    return body_axis(volume.implant if volume.implant.any() else volume.specimen)


def camera_to(volume: DrawnVolume, wedge: Wedge, turn_deg: float = 0.0) -> Camera:
    """Return the camera that looks into the wedge, with its edge upright in the picture.

    Parameters
    ----------
    volume : DrawnVolume
    wedge : Wedge
    turn_deg : float
        The camera has gone round the edge by this angle.
    """
    first, second = wedge.normals
    axis = np.cross(first, second)
    turn, rise = np.deg2rad([turn_deg, ELEVATION_DEG])
    towards = (first + second) / np.sqrt(2)
    towards = np.cos(turn) * towards + np.sin(turn) * np.cross(axis, towards)
    top = -axis  # as in the XY slices, where y grows downwards
    viewer = np.cos(rise) * towards + np.sin(rise) * top
    up = np.cos(rise) * top - np.sin(rise) * towards
    right = np.cross(-viewer, up)
    center, radius = body_ball(volume.specimen)
    return Camera(center, right, up, radius * MARGIN)
