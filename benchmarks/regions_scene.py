"""Attenuation and labels of a case's block, with what the cohort lacks: media, glass, pieces."""

from dataclasses import replace

import cv2
import numpy as np
from regions_specs import Spec

from virtual_staining.cohort.specimen import attenuation as physics
from virtual_staining.cohort.specimen.fields import GridFields
from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.phantom import (
    TUBE_WALL_UM,
    Phantom,
    Tissue,
    attenuation,
    in_reach,
    tissue,
)

GAP_UM = 250.0  # half the width of the gap between two pieces
MATURE = (Label.CORTICAL, Label.TRABECULAR)
# Wet and embedded matter, which the dry cohort lacks; glass has magnesium for silicon.
EXTRA = {
    "resin": physics.Material({"H": 0.0805, "C": 0.5998, "O": 0.3196}, 1.18),
    "water": physics.Material({"H": 0.1119, "O": 0.8881}, 1.0),
    "fat": physics.Material({"H": 0.119, "C": 0.772, "O": 0.109}, 0.92),
    "glass": physics.Material({"Mg": 0.47, "O": 0.53}, 2.2),
}


def attenuation_of(spec: Spec, energy_kev: float) -> np.ndarray:
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


def changed(spec: Spec, found: Tissue, local: np.ndarray, fields: dict) -> Tissue:
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


def scene(spec, phantom: Phantom, table, voxel_um: float, part) -> tuple[np.ndarray, np.ndarray]:
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
        found = changed(spec, tissue(phantom, local, here, voxel_um), local, here)
        label, value = outside.copy(), table[outside]
        matter = found.label != Label.AIR
        label.ravel()[inside[matter]] = found.label[matter]
        value.ravel()[inside[matter]] = attenuation(table, found)[matter]
        values.append(value)
        labels.append(label)
    return np.stack(values), np.stack(labels)


def enlarged(error: np.ndarray, edge: int, part) -> np.ndarray:
    """The coarse error at the voxels of a part of the block."""
    ratio, last = len(error) / edge, len(error) - 1.001
    positions = [np.clip((np.arange(edge)[s] + 0.5) * ratio - 0.5, 0, last) for s in part]
    low = positions[0].astype(int)
    share = (positions[0] - low).astype(np.float32)[:, None, None]
    y, x = (p.astype(np.float32) for p in np.meshgrid(*positions[1:], indexing="ij"))
    planes = np.stack([cv2.remap(plane, x, y, cv2.INTER_LINEAR) for plane in error])
    return (1 - share) * planes[low] + share * planes[low + 1]


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur along all three axes, sigma in voxels."""
    weights = cv2.getGaussianKernel(9, sigma, cv2.CV_32F)
    planes = np.stack([cv2.sepFilter2D(plane, -1, weights, weights, borderType=cv2.BORDER_REPLICATE)
                       for plane in values])  # fmt: skip
    flat = planes.reshape(len(planes), -1)
    along = cv2.sepFilter2D(
        flat, -1, np.ones(1, np.float32), weights, borderType=cv2.BORDER_REPLICATE
    )
    return along.reshape(values.shape)
