"""Stained sections of a case's block."""

from dataclasses import dataclass

import cv2
import numpy as np
from regions_scene import MATURE, changed
from regions_specs import Spec

from virtual_staining.cohort.dyes import draw_staining
from virtual_staining.cohort.specimen.labels import Label, is_in
from virtual_staining.cohort.specimen.phantom import Phantom, Tissue, in_reach, tissue
from virtual_staining.cohort.synthetic_slide import Layers
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.result.pair_grid import common_grid

FIELD_UM, THICKNESS_UM = 5600.0, 40.0
HOLE_UM = 350.0


@dataclass(frozen=True)
class CasePair:
    """A section on its pair's grid: slide (y, x, 3), the CT's labels and the slide's (y, x)."""

    to_volume: SectionMap
    slide: np.ndarray
    ct_labels: np.ndarray
    slide_labels: np.ndarray


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
        return inside, changed(self._spec, found, local, values)


def draw_pair(spec: Spec, phantom: Phantom, number: int, seed, corner, shape) -> CasePair:
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
