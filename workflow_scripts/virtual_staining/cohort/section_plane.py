"""Where the section was cut: its plane, its distortion, and a rough first guess of both."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from virtual_staining.cohort.deformation import Deformation, draw_deformation
from virtual_staining.cohort.sample_list import SampleSpec
from virtual_staining.cohort.specimen.phantom import Phantom
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.settings.cohort import CohortSettings


@dataclass(frozen=True)
class Section:
    """A cut section.

    Parameters
    ----------
    center_um, u, v : ndarray, shape (3,)
        Rigid pose: the slide's centre and its axes in the volume (x, y, z), orthonormal.
    cut_normal : ndarray, shape (3,)
        Normal on the side the section is seen from when not mirrored.
    affine : ndarray, shape (2, 2)
        Offsets from the slide's centre to offsets in the plane,
        ``[[scale_x, shear], [0, scale_y]]``.
    size_um : (width, height)
        Slide field, µm.
    deformation : Deformation
        Local distortion and bend, which the affine map leaves over.
    """

    center_um: np.ndarray
    u: np.ndarray
    v: np.ndarray
    cut_normal: np.ndarray
    affine: np.ndarray
    size_um: tuple[float, float]
    deformation: Deformation

    @property
    def slide_to_volume(self) -> SectionMap:
        """The whole affine map, stretch and shear included."""
        u, v = (np.stack([self.u, self.v], 1) @ self.affine).T
        origin = self.center_um - 0.5 * (self.size_um[0] * u + self.size_um[1] * v)
        return SectionMap(origin, u, v)


def cut_section(phantom: Phantom, spec: SampleSpec, settings: CohortSettings) -> Section:
    """Draw a section: near the screw's long axis (paper 2.1) or any oblique plane."""
    rng = np.random.default_rng([*spec.seed, 4000])
    offset = 1000 * settings.plane_offset_mm * rng.uniform(-1, 1)
    if settings.plane == "screw":
        azimuth = rng.uniform(0, 2 * np.pi)
        tilt = np.radians(settings.plane_tilt_deg) * rng.uniform(-1, 1)
        normal = np.array([np.cos(azimuth), np.sin(azimuth), np.tan(tilt)])
        down = np.array([0.0, 0.0, -1.0])
    else:
        normal, down = rng.standard_normal(3), rng.standard_normal(3)
    normal /= np.linalg.norm(normal)
    down -= (down @ normal) * normal
    down /= np.linalg.norm(down)
    turn = Rotation.from_rotvec(np.radians(rng.uniform(-12, 12)) * normal).as_matrix()
    v = turn @ down
    u = np.cross(v, normal) * (-1 if spec.mirrored else 1)
    shift = rng.uniform(-100, 100, 2)
    center = offset * normal + shift[0] * u + shift[1] * v
    shear_max = settings.shear_max_he if spec.stain == "hematoxylin_eosin" else settings.shear_max
    # scales one from another: the section is stretched differently along its two sides
    scale_x, scale_y = 1 + settings.scale_max * rng.uniform(-1, 1, 2)
    shear = shear_max * rng.uniform(-1, 1)
    field_mm = settings.partial_field_mm if spec.partial else settings.full_field_mm
    whole_um, size_um = (tuple(1000.0 * mm for mm in f) for f in (settings.full_field_mm, field_mm))
    to_volume = phantom.rotation.T
    return Section(
        center_um=to_volume @ center + phantom.center_um,
        u=to_volume @ u,
        v=to_volume @ v,
        cut_normal=to_volume @ normal,
        affine=np.array([[scale_x, shear], [0, scale_y]]),
        size_um=size_um,
        deformation=draw_deformation(
            size_um, whole_um, settings.bone_distortion_rms_um, settings.plane_bend_um, spec.seed
        ),
    )


def rough_pose(section: Section, spec: SampleSpec, settings: CohortSettings) -> dict:
    """The true pose turned and shifted by up to the settings' errors: what a person would click.

    Returns
    -------
    dict
        ``center_um``, ``u``, ``v`` as lists of three numbers.
    """
    rng = np.random.default_rng([*spec.seed, 5000])
    turn, shift = (_direction(rng) * rng.uniform(0.4, 1) for _ in range(2))
    rotation = Rotation.from_rotvec(np.radians(settings.pose_error_deg) * turn).as_matrix()
    center = section.center_um + 1000 * settings.pose_error_mm * shift
    return {
        "center_um": center.tolist(),
        "u": (rotation @ section.u).tolist(),
        "v": (rotation @ section.v).tolist(),
    }


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.standard_normal(3)
    return vector / np.linalg.norm(vector)
