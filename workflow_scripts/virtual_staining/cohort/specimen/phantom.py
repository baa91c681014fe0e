"""The synthetic specimen: the tissue of a bone block with a screw, at any physical point."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from virtual_staining.cohort.specimen.fields import Lattice, make_lattices, scatter
from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.screw import screw_distance

TUBE_WALL_UM = 350.0
ALLOYS = {"Mg": ("Mg-5Gd", "Mg-10Gd"), "Ti": ("Ti",), "PEEK": ("PEEK",)}
"""Implant materials that a sample of each group may hold (paper 2.1)."""


@dataclass(frozen=True)
class Tissue:
    """The tissue at n points.

    Parameters
    ----------
    label : ndarray of uint8, shape (n,)
        :class:`~virtual_staining.cohort.specimen.labels.Label` of each point.
    mineral : ndarray of float32, shape (n,)
        Density relative to the usual density of the label.
    cell : ndarray of float32, shape (n,)
        Fraction of the point's footprint that a lacuna or a nucleus takes, 0 to 1.
    tone : ndarray of float32, shape (n,)
        Tone of the stain from blue (0) to brown (1); it does not change the attenuation.
    """

    label: np.ndarray
    mineral: np.ndarray
    cell: np.ndarray
    tone: np.ndarray


@dataclass(frozen=True)
class Phantom:
    """One block.

    ``material`` is the sheet's group (``Mg``, ``Ti``, ``PEEK``) and ``implant`` what the screw
    consists of; ``rotation`` takes volume directions (x, y, z) to the screw's frame.
    """

    material: str
    implant: str
    lattices: dict[str, Lattice]
    rotation: np.ndarray
    center_um: np.ndarray
    core_radius_um: float
    core_offset_um: np.ndarray
    core_tilt: np.ndarray
    tube_center_um: np.ndarray
    tube_radius_um: float
    degradation_um: float
    salt: int


def make_phantom(material: str, block_um: float, seed: tuple[int, ...]) -> Phantom:
    """Draw a block at random: its orientation in the tube, core, degradation and random fields.

    Parameters
    ----------
    material : str
        ``Mg``, ``Ti`` or ``PEEK``.
    block_um : float
        Edge of the scanned cube, µm; the block lies near the middle of the cube.
    seed : tuple of int
        Seed of the sample.
    """
    rng = np.random.default_rng([*seed, 1000])
    rotation = Rotation.random(rng=rng).as_matrix()
    center = block_um / 2 + rng.uniform(-120, 120, 3)
    radius = rng.uniform(2250, 2500)  # of the core that a 6 mm trephine bur cuts
    offset, tilt = rng.uniform(-150, 150, 2), rng.uniform(-0.05, 0.05, 2)
    # the tube is as wide as the core's two rims need in this orientation
    angle = np.linspace(0, 2 * np.pi, 60)
    rims = [
        np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(60, z)], 1)
        for z in (-2400, 2000)
    ]
    points = np.concatenate(rims) @ rotation + center
    tube_center = block_um / 2 + rng.uniform(-100, 100, 2)
    tube_radius = np.hypot(*(points[:, :2] - tube_center).T).max() + rng.uniform(80, 200)
    return Phantom(
        material=material,
        implant=str(np.random.default_rng([*seed, 1500]).choice(ALLOYS[material])),
        lattices=make_lattices(seed),
        rotation=rotation,
        center_um=center,
        core_radius_um=radius,
        core_offset_um=offset,
        core_tilt=tilt,
        tube_center_um=tube_center,
        tube_radius_um=tube_radius,
        degradation_um=rng.uniform(90, 170),
        salt=int(rng.integers(2**31)),
    )


def in_reach(phantom: Phantom, local: np.ndarray) -> np.ndarray:
    """Return which points (3, …), µm in the screw's frame, may hold tissue; others hold none."""
    x, y, z = local
    (ox, oy), (tx, ty) = phantom.core_offset_um, phantom.core_tilt
    radius2 = (x - ox - tx * z) ** 2 + (y - oy - ty * z) ** 2
    return (radius2 < (phantom.core_radius_um + 200) ** 2) & (np.abs(z) < 3000)


def tissue(
    phantom: Phantom, local: np.ndarray, fields: dict[str, np.ndarray], footprint_um: float
) -> Tissue:
    """Return the tissue at points of the phantom; the tube around it is left out.

    Parameters
    ----------
    phantom : Phantom
    local : ndarray, shape (3, n), float32
        Points in the screw's frame, µm.
    fields : dict of ndarray, shape (n,)
        The random fields at the same points.
    footprint_um : float
        Width of the area that a point stands for, µm. Bodies smaller than this lose contrast
        instead of appearing and disappearing from one point to the next.
    """
    label = _anatomy(phantom, local, fields)
    implant = _implant(phantom, local, fields)
    distance = implant[1]
    _healing(label, local, fields, distance, phantom.material)
    label = np.where(implant[0] > 0, implant[0], label).astype(np.uint8)
    canal = np.hypot(fields["vessel_a"], fields["vessel_b"])
    cortical = label == Label.CORTICAL
    label[cortical & (canal < 0.16)] = Label.VESSEL
    cell = _cells(phantom, local, label, footprint_um)
    mineral = _mineral(label, fields, canal)
    bony = is_in(label, (Label.CORTICAL, Label.TRABECULAR, Label.WOVEN))
    label[bony & (cell > 0.5)] = Label.LACUNA
    tone = np.clip(0.5 + 0.45 * fields["tone"], 0, 1)
    return Tissue(label, mineral, cell, tone)


def attenuation(table: np.ndarray, found: Tissue) -> np.ndarray:
    """X-ray attenuation at points of the phantom; nuclei do not show, lacunae do.

    Parameters
    ----------
    table : ndarray, shape (11,)
        Attenuation of each label relative to cortical bone, from
        :func:`virtual_staining.cohort.specimen.attenuation.attenuation_table`.
    found : Tissue
        The phantom at n points.

    Returns
    -------
    ndarray, shape (n,), float32
        Relative to cortical bone.
    """
    hollow = is_in(found.label, (Label.CORTICAL, Label.TRABECULAR, Label.WOVEN, Label.LACUNA))
    value = table[found.label] * found.mineral
    return value - 0.8 * value * found.cell * hollow


def _anatomy(phantom: Phantom, local: np.ndarray, f: dict[str, np.ndarray]) -> np.ndarray:
    """Return the labels of the tissue layers that lie across the screw's axis."""
    x, y, z = local
    (ox, oy), (tx, ty) = phantom.core_offset_um, phantom.core_tilt
    radius = np.hypot(x - ox - tx * z, y - oy - ty * z) + 25 * f["patch"] + 30 * f["shape_a"]
    upper_top, upper_bottom = 1280 + 130 * f["shape_a"], 300 + 220 * f["shape_b"]
    lower_top, lower_bottom = -1150 + 240 * f["shape_a"], -2050 + 110 * f["shape_b"]
    ragged = 60 * f["patch"]
    label = np.full(z.shape, Label.MARROW, np.uint8)
    label[np.abs(f["trabecula"]) < 0.25 + 0.1 * f["shape_b"] + 0.09 * f["patch"]] = Label.TRABECULAR
    pits = 70 * f["trabecula"]  # the inner faces are eroded by marrow
    cortex = (z < upper_top) & (z > upper_bottom + pits)
    cortex |= (z < lower_top + pits) & (z > lower_bottom)
    label[cortex] = Label.CORTICAL
    label[(z >= upper_top) | (z <= lower_bottom)] = Label.SOFT
    outside = radius > phantom.core_radius_um
    outside |= z > 1800 + 280 * f["shape_b"] + ragged
    outside |= z < -2320 + 170 * f["shape_a"] + ragged
    label[outside] = Label.AIR
    return label


def _implant(
    phantom: Phantom, local: np.ndarray, f: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of implant and degradation (0 elsewhere), and the distance to the screw."""
    distance = screw_distance(local)
    label = np.zeros(distance.shape, np.uint8)
    if phantom.material != "Mg":
        label[distance < 0] = Label.IMPLANT
        return label, distance
    eaten = phantom.degradation_um * (1 + 0.55 * f["degradation"] + 0.3 * f["shape_a"])
    eaten = np.maximum(eaten, 12) + 6 * f["fine"]
    swollen = 15 + 15 * f["patch"]  # corrosion products take more room than the metal did
    label[distance < swollen] = Label.DEGRADATION
    label[distance < -eaten] = Label.IMPLANT
    return label, distance - np.maximum(swollen, 0)


def _healing(
    label: np.ndarray,
    local: np.ndarray,
    f: dict[str, np.ndarray],
    distance: np.ndarray,
    material: str,
) -> None:
    """Place woven bone and fibrous tissue between old bone and implant, in place."""
    reach = 130 + 90 * f["patch"] + 25 * f["fine"]
    level = {"Mg": -0.3, "Ti": -0.1, "PEEK": 0.2}[material]
    tissue_here = label != Label.AIR
    height = local[2]
    bony = (height < 1350 + 130 * f["shape_a"]) & (height > -2150 + 110 * f["shape_b"])
    near = tissue_here & bony & (distance < reach)
    woven = near & (f["patch"] + 0.5 * f["mineral"] > level) & (f["fine"] < 1.3)
    label[woven] = Label.WOVEN
    gap = 30 + 40 * np.maximum(-f["patch"], 0)
    label[tissue_here & ~woven & (distance < gap)] = Label.SOFT


def _cells(
    phantom: Phantom, local: np.ndarray, label: np.ndarray, footprint_um: float
) -> np.ndarray:
    """Return the fraction of each point's footprint in a lacuna or (outside bone) a nucleus."""
    cell = np.zeros(label.shape, np.float32)
    kinds = (
        # labels, edge of the cells µm, half axes of the bodies µm, fraction of cells with a body
        ((Label.CORTICAL, Label.TRABECULAR), 36.0, (4.0, 6.5, 9.0), 0.75),
        ((Label.WOVEN,), 28.0, (6.0, 6.0, 8.0), 0.9),
        ((Label.SOFT,), 26.0, (3.0, 4.0, 6.5), 0.6),
        ((Label.MARROW,), 20.0, (4.5, 4.5, 4.5), 0.7),
    )
    for salt, (members, edge, axes, share) in enumerate(kinds):
        here = np.flatnonzero(is_in(label, members))
        offset, draw = scatter(local[:, here], edge, phantom.salt + salt)
        # a body smaller than the footprint spreads over the footprint and loses contrast
        blur = (0.4 * footprint_um) ** 2
        spread = np.sqrt(np.array(axes) ** 2 + blur).astype(np.float32)
        contrast = np.float32(np.prod(axes) / np.prod(spread))
        far = sum((offset[k] / spread[k]) ** 2 for k in range(3))
        # contrast times 1 in the middle of the body, 0.5 on its surface, near 0 outside
        body = contrast / (1 + far**3)
        cell[here] = np.where(draw < share, body, 0)
    return cell


def _mineral(label: np.ndarray, f: dict[str, np.ndarray], canal: np.ndarray) -> np.ndarray:
    """Return the density relative to the label's usual one; young osteons and woven bone vary."""
    mineral = 1 + 0.03 * f["mineral"] + 0.012 * f["fine"]
    young = np.clip(1.2 - canal / 0.5, 0, 1) * (f["patch"] > -0.2)
    mineral -= 0.16 * young * (label == Label.CORTICAL)
    fine = np.array([0, 0, 0.10, 0.10, 0, 0, 0.05, 0, 0.2, -0.012, 0.06], np.float32)
    return (mineral + fine[label] * f["fine"]).astype(np.float32)
