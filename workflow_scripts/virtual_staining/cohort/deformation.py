"""How a section departs from the plane it was cut along, beyond an affine map.

The paper's affine map leaves local distortion over (section 2.3: "deformation components were
small" owing to the rigid bone). Sizes come from sections of mineralized bone: an affine map brings
microtome sections to 106 µm of their volume (76 sections, Bone 105 (2017) 173,
doi 10.1016/j.bone.2017.08.021), and mouse tibiae need B-splines with offsets of up to 160 µm
(Museyko et al. 2015, Comput. Methods Biomech. Biomed. Eng. 18). Sections ground in resin keep their
shape far better: their faces are parallel within 3 µm (Journal of Dental Health 20(2), 191), but
the slab is glued to glass and the saw's plane is not flat. A tenth to a fifth of the microtome's
error, 10 to 20 µm rms in the plane, and a quarter of the section's thickness, 10 µm, through it
are therefore taken; no source measures them for ground sections.
"""

from dataclasses import dataclass

import numpy as np

from virtual_staining.cohort.specimen.fields import basis
from virtual_staining.imaging.geometry import SectionMap

STEP_UM = 1500.0
"""Distance of the spline's nodes: distortion is smooth over about a screw's diameter."""
MARGIN_STEPS = 3
GRID = 41  # points along each side on which sizes are measured


@dataclass(frozen=True)
class Deformation:
    """Displacement of the section against its plane, a cubic B-spline over the slide.

    ``nodes_um`` (3, n, n): coefficients of the displacement along the slide's x and y and along
    the plane's normal, µm; the first node lies ``MARGIN_STEPS · STEP_UM`` before the slide's
    corner.
    """

    nodes_um: np.ndarray

    def at(self, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        """Displacement (3, y, x) µm along slide x, slide y and the normal, float32."""
        rows, columns = (
            basis(np.asarray(p) + MARGIN_STEPS * STEP_UM, STEP_UM, self.nodes_um.shape[1])
            for p in (y_um, x_um)
        )
        return np.stack([rows @ plane.astype(np.float32) @ columns.T for plane in self.nodes_um])

    def to_dict(self, size_um: tuple[float, float]) -> dict:
        """JSON form, with the sizes on a slide of (width, height) µm."""
        along_x, along_y, normal = self.at(*(np.linspace(0, s, GRID) for s in size_um[::-1]))
        return {
            "bone_distortion_rms_um": float(np.sqrt((along_x**2 + along_y**2).mean())),
            "largest_bend_um": float(np.abs(normal).max()),
            "node_step_um": STEP_UM,
            "first_node_um": -MARGIN_STEPS * STEP_UM,
            "nodes_um": self.nodes_um.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Deformation":
        """Read the JSON form."""
        return cls(np.array(values["nodes_um"]))


def draw_deformation(
    size_um: tuple[float, float],
    whole_um: tuple[float, float],
    distortion_rms_um: tuple[float, float],
    bend_um: float,
    seed: tuple[int, ...],
) -> Deformation:
    """Draw a section's smooth distortion and bend.

    Their sizes hold for a slide of the whole section; the affine part, which belongs to the
    section's map, is taken out over the slide's own field.

    Parameters
    ----------
    size_um, whole_um : (width, height)
        The slide's field and that of a slide of the whole section, µm.
    distortion_rms_um : (low, high)
        Range of the rms displacement in the plane, µm.
    bend_um : float
        Largest departure from the plane, µm; a section reaches half of it at least.
    seed : tuple of int
        The sample's seed.
    """
    rng = np.random.default_rng([*seed, 4500])
    count = int(np.ceil(max(*size_um, *whole_um) / STEP_UM)) + 2 * MARGIN_STEPS + 2
    nodes = rng.standard_normal((3, count, count))
    rms, bend = rng.uniform(*distortion_rms_um), bend_um * rng.uniform(0.5, 1)
    nodes, (along_x, along_y, normal) = _without_affine(nodes, whole_um)
    nodes[:2] *= rms / np.sqrt((along_x**2 + along_y**2).mean())
    nodes[2] *= bend / np.abs(normal).max()
    return Deformation(_without_affine(nodes, size_um)[0])


def surface_points(
    plane: SectionMap,
    deformation: Deformation | None,
    y_um: np.ndarray,
    x_um: np.ndarray,
    depth_um: float = 0.0,
) -> np.ndarray:
    """Volume points of the section's rows and columns.

    Parameters
    ----------
    plane : SectionMap
        Slide to volume, without the deformation.
    deformation : Deformation or None
        None for a flat section.
    y_um, x_um : ndarray
        Slide positions of the rows and columns, µm.
    depth_um : float
        Distance from the middle of the section along the plane's normal, µm.

    Returns
    -------
    ndarray, shape (3, y, x), float32
        Volume points (x, y, z), µm.
    """
    start = plane.origin_um + depth_um * plane.normal
    axes = np.stack([plane.u, plane.v, plane.normal], 1)
    points = np.empty((3, len(y_um), len(x_um)), np.float32)
    for k in range(3):
        points[k] = start[k] + axes[k, 0] * x_um[None, :] + axes[k, 1] * y_um[:, None]
    if deformation is not None:
        points += np.einsum("kd,dyx->kyx", axes.astype(np.float32), deformation.at(y_um, x_um))
    return points


def _without_affine(
    nodes: np.ndarray, size_um: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes without the affine part over a field, and the displacement left on a grid."""
    x_um, y_um = (np.linspace(0, size, GRID) for size in size_um)
    values = Deformation(nodes).at(y_um, x_um).reshape(3, -1)
    y, x = (p.ravel() for p in np.meshgrid(y_um, x_um, indexing="ij"))
    fit = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], 1), values.T, rcond=None)[0]
    at = (np.arange(nodes.shape[1]) - MARGIN_STEPS) * STEP_UM
    # a cubic B-spline whose coefficients are linear is that linear function
    linear = (
        fit[0][:, None, None] * at[None, None, :]
        + fit[1][:, None, None] * at[None, :, None]
        + fit[2][:, None, None]
    )
    left = nodes - linear
    return left, Deformation(left).at(y_um, x_um)
