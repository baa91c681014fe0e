"""The slide: the section averaged through its thickness, stained, damaged and photographed."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from virtual_staining.cohort.damage import (
    DROPLET_ABSORBANCE,
    Artefacts,
    draw_artefacts,
    saw_marks,
    soft_shift,
)
from virtual_staining.cohort.deformation import Deformation, surface_points
from virtual_staining.cohort.dyes import Staining, absorbance
from virtual_staining.cohort.specimen.fields import PlaneFields
from virtual_staining.cohort.specimen.labels import RIGID, Label, is_in
from virtual_staining.cohort.specimen.phantom import Phantom, Tissue, in_reach, tissue
from virtual_staining.imaging.geometry import SectionMap

DEPTHS = (-0.4, -0.2, 0.0, 0.2, 0.4)
"""Sampled depths as shares of the thickness; the middle one gives the labels.

In a section of 40 µm they lie 8 µm apart, a lacuna's least diameter, so that lacunae and canals
that cross the section obliquely are smeared as in transmitted light.
"""
BAND_ROWS = 256
COARSE_UM = 40.0


@dataclass(frozen=True)
class Slide:
    """A finished slide: ``rgb`` (y, x, 3) uint8, ``labels`` (y, x) uint8, missing ``pieces``."""

    rgb: np.ndarray
    labels: np.ndarray
    pieces: list[np.ndarray]


class Layers:
    """The section's tissue on rows of the slide, before damage.

    Parameters
    ----------
    phantom : Phantom
    plane : SectionMap
        Slide to volume, affine distortion included.
    shape : (rows, columns)
    pixel_um, thickness_um : float
    deformation : Deformation, optional
        Departure from that plane; none by default.
    """

    def __init__(
        self,
        phantom: Phantom,
        plane: SectionMap,
        shape: tuple[int, int],
        pixel_um: float,
        thickness_um: float,
        deformation: Deformation | None = None,
    ):
        self.shape, self.pixel_um, self.thickness_um = shape, pixel_um, thickness_um
        self.x_um = (np.arange(shape[1]) + 0.5) * pixel_um
        self._phantom, self._plane, self._deformation = phantom, plane, deformation
        self._fields: dict[int, PlaneFields] = {}

    def y_um(self, rows: range) -> np.ndarray:
        """Slide y of the rows' centres, µm."""
        return (np.arange(rows.start, rows.stop) + 0.5) * self.pixel_um

    def tissue(self, rows: range, depth: int) -> tuple[np.ndarray, Tissue]:
        """Flat indices of the pixels that may hold tissue at one depth, and what is there."""
        y = self.y_um(rows)
        points = self._points(depth, y, self.x_um)
        points -= self._phantom.center_um[:, None, None].astype(np.float32)
        turn = self._phantom.rotation.astype(np.float32)
        local = np.einsum("kd,dyx->kyx", turn, points)
        inside = np.flatnonzero(in_reach(self._phantom, local))
        values = {name: f.ravel()[inside] for name, f in self._at_depth(depth).at(y).items()}
        points = local.reshape(3, -1)[:, inside]
        return inside, tissue(self._phantom, points, values, self.pixel_um)

    def _points(self, depth: int, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
        """Volume points (3, y, x) µm of the section at one depth."""
        below = DEPTHS[depth] * self.thickness_um
        return surface_points(self._plane, self._deformation, y_um, x_um, below)

    def _at_depth(self, depth: int) -> PlaneFields:
        """The fields at one depth, made when first asked for."""
        if depth not in self._fields:
            size = tuple(n * self.pixel_um for n in self.shape[::-1])
            points_of = partial(self._points, depth)
            self._fields[depth] = PlaneFields(self._phantom.lattices, points_of, size, self.x_um)
        return self._fields[depth]

    def labels(self, rows: range) -> np.ndarray:
        """Labels (rows, x) uint8 in the section's middle."""
        out = np.zeros((len(rows), self.shape[1]), np.uint8)
        inside, found = self.tissue(rows, DEPTHS.index(0.0))
        out.ravel()[inside] = found.label
        return out

    def stained(self, rows: range, staining: Staining) -> tuple[np.ndarray, ...]:
        """Absorbance of rigid and of soft tissue (rows, x, 3), their shares (rows, x), labels."""
        size = (len(rows), self.shape[1])
        rigid, soft = (np.zeros((*size, 3), np.float32) for _ in range(2))
        rigid_share, soft_share = (np.zeros(size, np.float32) for _ in range(2))
        labels = np.zeros(size, np.uint8)
        weight = np.float32(1 / len(DEPTHS))
        for depth, share in enumerate(DEPTHS):
            inside, found = self.tissue(rows, depth)
            value = absorbance(staining, found, self.thickness_um) * weight
            fixed = is_in(found.label, RIGID)
            for layer, part, here in (
                (rigid, rigid_share, fixed),
                (soft, soft_share, ~fixed & (found.label != Label.AIR)),
            ):
                layer.reshape(-1, 3)[inside[here]] += value[here]
                part.ravel()[inside[here]] += weight
            if share == 0:
                labels.ravel()[inside] = found.label
        return rigid, rigid_share, soft, soft_share, labels


def render_slide(
    phantom: Phantom,
    plane: SectionMap,
    deformation: Deformation | None,
    size_um: tuple[float, float],
    pixel_um: float,
    thickness_um: float,
    soft_shift_um: float,
    staining: Staining,
    seed: tuple[int, ...],
) -> Slide:
    """Make the slide, a band of rows at a time.

    Parameters
    ----------
    phantom : Phantom
    plane : SectionMap
        Slide to volume, affine distortion included.
    deformation : Deformation or None
        The section's departure from that plane; None for a flat section.
    size_um : (width, height)
        Field of view, µm.
    pixel_um, thickness_um, soft_shift_um : float
        Slide pixel, section thickness, largest shift of soft tissue, µm.
    staining : Staining
    seed : tuple of int
    """
    shape = (round(size_um[1] / pixel_um), round(size_um[0] / pixel_um))
    coarse_shape = tuple(int(np.ceil(n * pixel_um / COARSE_UM)) for n in shape)
    coarse = Layers(phantom, plane, coarse_shape, COARSE_UM, thickness_um, deformation)
    artefacts = draw_artefacts(
        coarse.labels(range(coarse_shape[0])), COARSE_UM, shape, pixel_um, soft_shift_um, seed
    )
    light = _Light(shape, pixel_um, staining.background, seed)
    layers = Layers(phantom, plane, shape, pixel_um, thickness_um, deformation)
    rgb, labels = np.empty((*shape, 3), np.uint8), np.empty(shape, np.uint8)
    halo = int(np.ceil(soft_shift_um / pixel_um)) + 2
    for start in range(0, shape[0], BAND_ROWS):
        rows = range(start, min(start + BAND_ROWS, shape[0]))
        wide = range(start - halo, rows.stop + halo)
        value, labels[rows.start : rows.stop] = _damaged(layers, wide, rows, staining, artefacts)
        rgb[rows.start : rows.stop] = light.photograph(value, rows, artefacts.dust)
    return Slide(rgb, labels, artefacts.pieces)


def _damaged(
    layers: Layers, wide: range, rows: range, staining: Staining, artefacts: Artefacts
) -> tuple[np.ndarray, np.ndarray]:
    """Absorbance and labels of rows with soft tissue moved, pieces lost, cracks and droplets."""
    rigid, rigid_share, soft, soft_share, label = layers.stained(wide, staining)
    y_um, x_um = layers.y_um(rows), layers.x_um
    halo = rows.start - wide.start
    inner = slice(halo, halo + len(rows))
    shift = (soft_shift(artefacts, y_um, x_um) / layers.pixel_um).astype(np.float32)
    source_x = np.arange(x_um.size, dtype=np.float32)[None, :] + shift[0]
    source_y = np.arange(halo, halo + len(rows), dtype=np.float32)[:, None] + shift[1]
    moved, moved_share = (
        cv2.remap(image, source_x, source_y, cv2.INTER_LINEAR) for image in (soft, soft_share)
    )
    is_rigid = is_in(label, RIGID)
    soft_label = cv2.remap(
        np.where(is_rigid, 0, label).astype(np.uint8), source_x, source_y, cv2.INTER_NEAREST
    )
    room = np.minimum(1, (1 - rigid_share[inner]) / np.maximum(moved_share, 1e-3))
    # cracks open the bone only; whatever moved out of the way of bone leaves an empty gap
    cut = slice(rows.start, rows.stop)
    gap = 1 - 0.9 * (artefacts.crack[cut] / np.float32(255)) * (label[inner] != Label.IMPLANT)
    value = rigid[inner] * gap[..., None] + moved * np.maximum(room, 0)[..., None]
    value *= saw_marks(artefacts, y_um, x_um)[..., None]
    label = np.where(is_rigid[inner], label[inner], soft_label).astype(np.uint8)
    gone = (artefacts.missing[cut] > 0) & (label != Label.IMPLANT)  # the screw never breaks
    value[gone], label[gone] = 0, Label.AIR
    value += artefacts.droplet[cut, :, None] / np.float32(255) * DROPLET_ABSORBANCE
    return value, label


class _Light:
    """Lamp, optics and camera: a tinted, uneven field with the seams of image tiling."""

    def __init__(self, shape, pixel_um: float, background: np.ndarray, seed: tuple[int, ...]):
        self._seed, self._background = (*seed, 8000), background
        rng = np.random.default_rng(self._seed)
        self._slope = rng.uniform(-0.03, 0.03, 2)
        self._bowl = rng.uniform(0.0, 0.04)
        self._vignette = rng.uniform(0.0, 0.012)
        self._tile_px = 1100 / pixel_um
        self._shape = shape
        self._blur = 0.6

    def photograph(self, value: np.ndarray, rows: range, dust: np.ndarray) -> np.ndarray:
        """RGB (rows, x, 3) uint8 of an absorbance (rows, x, 3)."""
        y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(self._shape[1])[None, :]
        v, h = 2 * y / self._shape[0] - 1, 2 * x / self._shape[1] - 1
        lamp = 1 + self._slope[0] * h + self._slope[1] * v - self._bowl * (h**2 + v**2) / 2
        ty, tx = ((p / self._tile_px) % 1 - 0.5 for p in (y, x))
        lamp = lamp - self._vignette * 4 * (tx**2 + ty**2)
        image = np.power(np.float32(10), -value) * (
            1 - 0.75 * dust[rows.start : rows.stop, :, None] / np.float32(255)
        )
        image = cv2.GaussianBlur(image, (0, 0), self._blur)
        image *= (lamp[..., None] * self._background).astype(np.float32)
        rng = np.random.default_rng([*self._seed, rows.start])
        image += 1.2 * rng.standard_normal(image.shape, np.float32)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)
