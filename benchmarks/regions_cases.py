"""Cohort volumes with physical greys and known labels, for the benchmark of levels and regions."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from virtual_staining.cohort.beam_hardening import hardening_error
from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.scan import draw_scan
from virtual_staining.cohort.specimen import attenuation as physics
from virtual_staining.cohort.specimen.fields import GridFields
from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.phantom import (
    TUBE_WALL_UM,
    Phantom,
    Tissue,
    attenuation,
    in_reach,
    make_phantom,
    tissue,
)
from virtual_staining.cohort.synthetic_slide import Layers
from virtual_staining.cohort.tomogram import BLUR_VOXELS, FRINGE_VOXELS, to_grey
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.result.pair_grid import common_grid

BLOCK_UM, FIELD_UM, THICKNESS_UM = 6000.0, 5600.0, 40.0
COARSE_STEPS = 50
CIRCLE = 0.47  # radius of the reconstruction circle, of the block's edge
HOLE_UM = 350.0
GAP_UM = 250.0  # half the width of the gap between two pieces
MATURE = (Label.CORTICAL, Label.TRABECULAR)
# Wet and embedded matter, which the dry cohort lacks; glass has magnesium for silicon.
EXTRA = {
    "resin": physics.Material({"H": 0.0805, "C": 0.5998, "O": 0.3196}, 1.18),
    "water": physics.Material({"H": 0.1119, "O": 0.8881}, 1.0),
    "fat": physics.Material({"H": 0.119, "C": 0.772, "O": 0.109}, 0.92),
    "glass": physics.Material({"Mg": 0.47, "O": 0.53}, 2.2),
}
GROUPS = {"Mg": "Mg", "Mg-5Gd": "Mg", "Mg-10Gd": "Mg", "PEEK": "PEEK"}  # others: as Ti


@dataclass(frozen=True)
class Spec:
    """What a case is.

    ``implant`` is a material or nothing; ``bone`` normal, thin, little or much; ``wall`` of the
    tube, none, loose, touching or glass; ``medium`` air, resin, water, or wet for marrow and soft
    tissue that hold their fat and water in air; ``crop`` are the parts of each axis (z, y, x) that
    the field shows; ``circle`` is what stands outside the reconstruction circle.
    """

    name: str
    implant: str = "Ti"
    bone: str = "normal"
    wall: str = "loose"
    medium: str = "air"
    crop: tuple[tuple[float, float], ...] = ((0, 1),) * 3
    circle: float | None = None
    gap: bool = False
    stain: str = "toluidine_blue"
    holes: bool = False
    sections: int = 1
    voxel_um: float = 40.0
    dtype: str = "uint16"


@dataclass(frozen=True)
class CasePair:
    """A section on its pair's grid: slide (y, x, 3), the CT's labels and the slide's (y, x)."""

    to_volume: SectionMap
    slide: np.ndarray
    ct_labels: np.ndarray
    slide_labels: np.ndarray


@dataclass(frozen=True)
class Case:
    """A volume, its labels (z, y, x), the true mean greys and its sections.

    ``levels`` holds ``background``, ``bone`` and ``implant``; None for what the field lacks.
    ``air`` is the grey of nothing.
    """

    spec: Spec
    volume: np.ndarray
    labels: np.ndarray
    measured: np.ndarray
    levels: dict[str, float | None]
    pairs: list[CasePair]
    air: float


RIM = ((0.0, 0.62),) * 3
INNER = ((0.32, 0.68), (0.32, 0.68), (0.32, 0.68))
MIDDLE = ((0.2, 0.8),) * 3
FLAT = ((0.3, 0.7), (0.0, 1.0), (0.0, 1.0))
SPECS = [
    *(Spec(f"plain-{name or 'none'}", name, sections=2) for name in
      ("Ti", "PEEK", "Mg", "Mg-5Gd", "Mg-10Gd", "", "hydroxyapatite")),
    *(Spec(f"bare-{name or 'none'}", name, wall="none", dtype=dtype) for name, dtype in
      (("Ti", "float32"), ("PEEK", "uint8"), ("Mg-5Gd", "float32"), ("", "uint8"))),
    *(Spec(f"touching-{name or 'none'}", name, wall="touching") for name in
      ("Ti", "PEEK", "Mg", "")),
    *(Spec(f"glass-{name or 'none'}", name, wall="glass") for name in ("PEEK", "Mg-10Gd", "")),
    *(Spec(f"cropped-{name or 'none'}", name, crop=RIM, voxel_um=30) for name in
      ("Ti", "PEEK", "Mg", "")),
    Spec("flat-Ti", crop=FLAT), Spec("flat-PEEK", "PEEK", crop=FLAT, wall="none"),
    *(Spec(f"circle-0-{name}", name, circle=0.0, sections=n) for name, n in
      (("Ti", 1), ("PEEK", 0), ("Mg-5Gd", 1))),
    *(Spec(f"circle-nan-{name}", name, circle=np.nan, dtype="float32", sections=n) for name, n in
      (("Ti", 0), ("Mg", 1))),
    *(Spec(f"resin-{name or 'none'}", name, medium="resin", sections=n, wall=wall)
      for name, n, wall in (("Ti", 1, "none"), ("PEEK", 1, "loose"), ("Mg", 0, "none"),
                            ("", 1, "none"))),
    *(Spec(f"water-{name or 'none'}", name, medium="water", sections=n, wall=wall)
      for name, n, wall in (("Ti", 1, "loose"), ("PEEK", 0, "none"), ("", 1, "loose"))),
    Spec("wet-Ti", medium="wet"), Spec("wet-none", "", medium="wet", wall="none"),
    Spec("inside-wet-none", "", medium="wet", crop=INNER, voxel_um=20),
    Spec("inside-dry-PEEK", "PEEK", crop=INNER, voxel_um=20),
    Spec("inside-wet-Ti", medium="wet", crop=INNER, voxel_um=20, sections=0),
    Spec("little-Ti", bone="little"), Spec("little-PEEK", "PEEK", bone="little"),
    *(Spec(f"thin-{name or 'none'}", name, bone="thin", sections=n, crop=MIDDLE, voxel_um=25)
      for name, n in
      (("Ti", 1), ("", 1), ("Mg", 0))),
    Spec("much-PEEK", "PEEK", bone="much"), Spec("much-none", "", bone="much", wall="none"),
    Spec("pieces-Ti", gap=True), Spec("pieces-none", "", gap=True, wall="none"),
    *(Spec(f"he-{name}", name, stain="hematoxylin_eosin", holes=True) for name in ("Mg", "Ti")),
    Spec("he-PEEK", "PEEK", stain="hematoxylin_eosin"),
    Spec("alone-Mg-10Gd", "Mg-10Gd", sections=0), Spec("alone-Ti-30", sections=0, voxel_um=30),
    Spec("alone-none", "", sections=0, dtype="float32"),
]  # fmt: skip


def make_case(spec: Spec, seed: tuple[int, ...]) -> Case:
    """Draw a case at random: specimen, scan and sections.

    Parameters
    ----------
    spec : Spec
    seed : tuple of int
        Other seeds give other specimens of the same kind.
    """
    physics.MATERIALS.update(EXTRA)
    phantom = make_phantom(GROUPS.get(spec.implant, "Ti"), BLOCK_UM, seed)
    phantom = replace(phantom, implant=spec.implant or "Ti")
    if spec.wall == "touching":
        phantom = replace(phantom, tube_radius_um=phantom.tube_radius_um - 260)
    scan = draw_scan(phantom, spec.dtype, BLOCK_UM, (25.0, 45.0), seed)
    table = _table(spec, scan.energy_kev)
    edge = round(BLOCK_UM / spec.voxel_um)
    z, y, x = (slice(*(round(part * edge) for part in parts)) for parts in spec.crop)
    bone_per_mm = physics.attenuation_per_mm("cortical bone", scan.energy_kev)
    coarse_um = BLOCK_UM / COARSE_STEPS
    coarse = _scene(spec, phantom, table, coarse_um, (slice(0, COARSE_STEPS),) * 3)[0]
    error = hardening_error(coarse, coarse_um, bone_per_mm, scan.hardening)
    clean, labels = _scene(spec, phantom, table, spec.voxel_um, (z, y, x))
    clean += _enlarged(error, edge, (z, y, x))
    scanned = _blurred(clean, BLUR_VOXELS)
    if scan.fringe:
        scanned += scan.fringe * (scanned - _blurred(scanned, FRINGE_VOXELS))
    rng = np.random.default_rng([*seed, 11])
    grain = 1.5 * _blurred(rng.standard_normal(clean.shape, np.float32), 0.6)
    scanned += scan.noise * grain * np.sqrt(1 + 0.4 * np.maximum(scanned, 0))
    volume, measured = to_grey(scan, scanned), np.ones(clean.shape, bool)
    if spec.circle is not None:
        centre = (np.arange(edge) + 0.5) / edge - 0.5
        measured &= (np.hypot(centre[:, None], centre[None]) < CIRCLE)[None, y, x]
        volume[~measured] = spec.circle
    levels = {
        name: _mean_grey(scan, clean, measured & is_in(labels, members))
        for name, members in (
            ("background", (Label.AIR,)), ("bone", MATURE), ("implant", (Label.IMPLANT,))
        )
    }  # fmt: skip
    corner = np.array([x.start, y.start, z.start]) * spec.voxel_um
    pairs = [_pair(spec, phantom, k, seed, corner, volume.shape) for k in range(spec.sections)]
    return Case(spec, volume, labels, measured, levels, pairs, scan.background)


def _mean_grey(scan, clean: np.ndarray, where: np.ndarray) -> float | None:
    """Mean grey of a matter without noise and blur; None where there is too little of it."""
    if where.sum() < 500:
        return None
    return float(scan.background + (scan.bone - scan.background) * clean[where].mean())


def _table(spec: Spec, energy_kev: float) -> np.ndarray:
    """Attenuation of each label relative to cortical bone, in the case's medium."""
    table = physics.attenuation_table(spec.implant or "Ti", energy_kev)
    bone = physics.attenuation_per_mm("cortical bone", energy_kev)

    def level(name):
        return physics.attenuation_per_mm(name, energy_kev) / bone

    if spec.wall == "none":
        table[Label.TUBE] = 0
    if spec.wall == "glass":
        table[Label.TUBE] = level("glass")
    wet = {"wet": ("water", "fat"), "air": None}.get(spec.medium, (spec.medium,) * 2)
    if wet is not None:
        for label, share, name in (
            (Label.SOFT, 0.8, wet[0]), (Label.MARROW, 0.85, wet[1]), (Label.VESSEL, 0.92, wet[0])
        ):  # fmt: skip
            table[label] += share * level(name)
        table[Label.AIR] = 0 if spec.medium == "wet" else level(spec.medium)
    return table


def _changed(spec: Spec, found: Tissue, local: np.ndarray, fields: dict) -> Tissue:
    """The cohort's tissue as the case has it: without implant, with less or more bone, cut."""
    label, wave = found.label, np.abs(fields["trabecula"])
    if not spec.implant:
        gone = is_in(label, (Label.IMPLANT, Label.DEGRADATION, Label.WOVEN))
        label = np.where(gone & (wave < 0.3), Label.TRABECULAR, label)
        label = np.where(gone & (wave >= 0.3), Label.MARROW, label)
    if spec.bone in ("thin", "little"):
        kept = wave < (0.14 if spec.bone == "thin" else 0.25)
        if spec.bone == "little":
            kept &= fields["shape_a"] > 0.3
        bony = is_in(label, (*MATURE, Label.LACUNA, Label.VESSEL))
        label = np.where(bony, np.where(kept, Label.TRABECULAR, Label.MARROW), label)
    if spec.bone == "much":
        label = np.where((label == Label.MARROW) & (wave < 1.2), Label.CORTICAL, label)
    if spec.gap:  # the screw holds no pieces together
        label = np.where(np.abs(local[0] + 0.3 * local[1] - 900) < GAP_UM, Label.AIR, label)
    return replace(found, label=label.astype(np.uint8))


def _scene(spec, phantom: Phantom, table, voxel_um: float, part) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation relative to bone and labels of a part of the block, (z, y, x)."""
    zs, ys, xs = ((np.arange(s.start, s.stop) + 0.5) * voxel_um for s in part)
    fields = GridFields(phantom.lattices, ys, xs)
    cx, cy = phantom.tube_center_um
    radius = np.hypot(xs[None] - cx, ys[:, None] - cy) - phantom.tube_radius_um
    wall = (radius > 0) & (radius < TUBE_WALL_UM) & (spec.wall != "none")
    outside = np.where(wall, Label.TUBE, Label.AIR).astype(np.uint8)
    values, labels = [], []
    for z_um in zs:
        points = np.stack(np.broadcast_arrays(xs[None], ys[:, None], z_um)).astype(np.float32)
        offset = points - phantom.center_um[:, None, None].astype(np.float32)
        local = np.einsum("kd,dyx->kyx", phantom.rotation.astype(np.float32), offset)
        inside = np.flatnonzero(in_reach(phantom, local))
        here = {name: values.ravel()[inside] for name, values in fields.at(z_um).items()}
        local = local.reshape(3, -1)[:, inside]
        found = _changed(spec, tissue(phantom, local, here, voxel_um), local, here)
        label, value = outside.copy(), table[outside]
        matter = found.label != Label.AIR
        label.ravel()[inside[matter]] = found.label[matter]
        value.ravel()[inside[matter]] = attenuation(table, found)[matter]
        values.append(value)
        labels.append(label)
    return np.stack(values), np.stack(labels)


def _enlarged(error: np.ndarray, edge: int, part) -> np.ndarray:
    """The coarse error at the voxels of a part of the block."""
    ratio, last = len(error) / edge, len(error) - 1.001
    positions = [np.clip((np.arange(edge)[s] + 0.5) * ratio - 0.5, 0, last) for s in part]
    low = positions[0].astype(int)
    share = (positions[0] - low).astype(np.float32)[:, None, None]
    y, x = (p.astype(np.float32) for p in np.meshgrid(*positions[1:], indexing="ij"))
    planes = np.stack([cv2.remap(plane, x, y, cv2.INTER_LINEAR) for plane in error])
    return (1 - share) * planes[low] + share * planes[low + 1]


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur along all three axes, sigma in voxels."""
    weights = cv2.getGaussianKernel(9, sigma, cv2.CV_32F)
    planes = np.stack([cv2.sepFilter2D(plane, -1, weights, weights, borderType=cv2.BORDER_REPLICATE)
                       for plane in values])  # fmt: skip
    flat = planes.reshape(len(planes), -1)
    along = cv2.sepFilter2D(
        flat, -1, np.ones(1, np.float32), weights, borderType=cv2.BORDER_REPLICATE
    )
    return along.reshape(values.shape)


class _CaseLayers(Layers):
    """The section's tissue, changed as the case's volume is."""

    def __init__(self, spec: Spec, *args):
        super().__init__(*args)
        self._spec = spec

    def tissue(self, rows: range, depth: int) -> tuple[np.ndarray, Tissue]:
        y = self.y_um(rows)
        points = self._points(depth, y, self.x_um)
        points -= self._phantom.center_um[:, None, None].astype(np.float32)
        local = np.einsum("kd,dyx->kyx", self._phantom.rotation.astype(np.float32), points)
        inside = np.flatnonzero(in_reach(self._phantom, local))
        values = {name: f.ravel()[inside] for name, f in self._at_depth(depth).at(y).items()}
        local = local.reshape(3, -1)[:, inside]
        found = tissue(self._phantom, local, values, self.pixel_um)
        return inside, _changed(self._spec, found, local, values)


def _pair(spec: Spec, phantom: Phantom, number: int, seed, corner, shape) -> CasePair:
    """A section of the volume: the first along the screw, the second across, without cortex."""
    rng = np.random.default_rng([*seed, 20, number])
    azimuth = rng.uniform(0, 2 * np.pi)
    normal = (
        np.array([np.cos(azimuth), np.sin(azimuth), 0.03])
        if number == 0
        else np.array([0.05, 0.03, 1.0])
    )
    normal /= np.linalg.norm(normal)
    down = np.array([0.0, 0.0, -1.0]) if number == 0 else np.array([0.0, 1.0, 0.0])
    down -= (down @ normal) * normal
    down /= np.linalg.norm(down)
    right = np.cross(down, normal)
    centre = 120.0 * normal if number == 0 else np.array([0.0, 0.0, -500.0])
    u, v = phantom.rotation.T @ right, phantom.rotation.T @ down
    origin = phantom.rotation.T @ centre + phantom.center_um - FIELD_UM / 2 * (u + v)
    frame = SectionMap(origin - corner, u, v)
    edges = tuple(n * spec.voxel_um for n in shape[::-1])
    grid = common_grid(frame, frame, (FIELD_UM, FIELD_UM), edges, spec.voxel_um)
    in_block = SectionMap(grid.to_volume.origin_um + corner, u, v)
    layers = _CaseLayers(spec, phantom, in_block, grid.shape, spec.voxel_um, THICKNESS_UM)
    staining = draw_staining(spec.stain, phantom.material, seed)
    rigid, _, soft, _, labels = layers.stained(range(grid.shape[0]), staining)
    gone = _lost(spec, labels, rng)
    value = np.where(gone[..., None], 0, rigid + soft)
    light = 1 + 0.03 * np.linspace(-1, 1, grid.shape[1])[None, :, None]
    rgb = np.power(np.float32(10), -value) * staining.background * light
    rgb = cv2.GaussianBlur(rgb, (0, 0), 0.6) + 1.2 * rng.standard_normal(rgb.shape)
    slide = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    slide_labels = np.where(gone, Label.AIR, labels)
    if spec.stain != "toluidine_blue":  # the laser leaves the screw out
        slide_labels = np.where(labels == Label.IMPLANT, Label.AIR, slide_labels)
    return CasePair(grid.to_volume, slide, labels, slide_labels.astype(np.uint8))


def _lost(spec: Spec, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Holes of a section that lost two pieces of its bone, bool (y, x)."""
    gone = np.zeros(labels.shape, np.uint8)
    bone = np.argwhere(is_in(labels, MATURE))
    for _ in range(2 * spec.holes):
        y, x = bone[rng.integers(len(bone))]
        cv2.circle(gone, (int(x), int(y)), round(HOLE_UM / spec.voxel_um), 1, -1)
    return (gone > 0) & (labels != Label.IMPLANT)
