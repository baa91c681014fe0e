"""What goes wrong with a section between the saw and the microscope."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from virtual_staining.cohort.specimen.fields import basis
from virtual_staining.cohort.specimen.labels import BONE, RIGID, Label, is_in

DROPLET_ABSORBANCE = np.array([0.55, 0.5, 0.16], np.float32)


@dataclass(frozen=True)
class Artefacts:
    """Artefacts of one slide, at its pixels.

    ``missing`` and ``crack`` (y, x) uint8, 255 where tissue has gone or bone is cracked;
    ``droplet`` and ``dust`` (y, x) uint8 strength; ``pieces`` outlines of the missing pieces
    (n, 2) in slide µm; ``shift_um`` a (2, k, k) coarse displacement of soft tissue;
    ``saw`` absorbance factors along ``saw_direction``, one every ``saw_step_um``.
    """

    missing: np.ndarray
    crack: np.ndarray
    droplet: np.ndarray
    dust: np.ndarray
    pieces: list[np.ndarray]
    shift_um: np.ndarray
    shift_step_um: float
    saw: np.ndarray
    saw_direction: tuple[float, float]
    saw_step_um: float


def draw_artefacts(
    coarse: np.ndarray,
    coarse_um: float,
    shape: tuple[int, int],
    pixel_um: float,
    soft_shift_um: float,
    seed: tuple[int, ...],
) -> Artefacts:
    """Draw a slide's artefacts where tissue allows them.

    Parameters
    ----------
    coarse : ndarray, shape (y, x), uint8
        Labels of the section on a coarse grid of ``coarse_um``.
    shape, pixel_um
        Size and pixel of the slide.
    soft_shift_um : float
        Largest displacement of soft tissue, µm.
    seed : tuple of int
    """
    rng = np.random.default_rng([*seed, 7000])
    size_um = np.array(shape[::-1]) * pixel_um
    pieces = _pieces(coarse, coarse_um, rng)
    missing = np.zeros(shape, np.uint8)
    for outline in pieces:
        cv2.fillPoly(missing, [np.rint(outline / pixel_um).astype(np.int32)], 255)
    crack = _lines(_cracks(coarse, coarse_um, rng), (5, 16), shape, pixel_um, rng)
    droplet, dust = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for _ in range(rng.integers(1, 7)):
        _disc(droplet, rng.uniform(0, 1, 2) * size_um, rng.uniform(10, 45), pixel_um, rng)
    droplet = cv2.GaussianBlur(droplet, (0, 0), max(0.8, 4 / pixel_um))
    for _ in range(rng.integers(8, 30)):
        _disc(dust, rng.uniform(0, 1, 2) * size_um, rng.uniform(3, 9), pixel_um, rng)
    fibres = [_walk(rng.uniform(0, 1, 2) * size_um, 15, 30.0, 0.5, rng) for _ in range(2)]
    dust = np.maximum(dust, _lines(fibres, (4, 8), shape, pixel_um, rng))
    shift_step = 500.0
    knots = int(np.ceil(size_um.max() / shift_step)) + 8
    shift = rng.standard_normal((2, knots, knots)).astype(np.float32)
    # the spline of white noise has a standard deviation near 0.5; 3 of them reach the limit
    shift *= soft_shift_um / 1.5
    angle = rng.uniform(0, np.pi)
    saw_step = 22.0
    marks = rng.standard_normal(int(3 * size_um.max() / saw_step)) * (rng.uniform(0.015, 0.05))
    marks = ndimage.gaussian_filter1d(marks, 0.7)
    return Artefacts(
        *(missing, crack, droplet, dust, pieces),
        shift_um=np.clip(shift, -soft_shift_um, soft_shift_um),
        shift_step_um=shift_step,
        saw=(1 + marks).astype(np.float32),
        saw_direction=(float(np.cos(angle)), float(np.sin(angle))),
        saw_step_um=saw_step,
    )


def soft_shift(artefacts: Artefacts, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
    """Displacement (2, y, x) µm along x and y of the soft tissue at slide rows and columns."""
    step, knots = artefacts.shift_step_um, artefacts.shift_um.shape[1]
    rows, columns = (basis(np.asarray(p) + 3 * step, step, knots) for p in (y_um, x_um))
    return np.stack([rows @ plane @ columns.T for plane in artefacts.shift_um])


def saw_marks(artefacts: Artefacts, y_um: np.ndarray, x_um: np.ndarray) -> np.ndarray:
    """Factor (y, x) on the absorbance: the section is thinner along the saw's marks."""
    along, across = artefacts.saw_direction
    position = (x_um[None, :] * along + y_um[:, None] * across) / artefacts.saw_step_um
    middle = artefacts.saw.size / 3
    index = np.arange(artefacts.saw.size)
    return np.interp(position + middle, index, artefacts.saw).astype(np.float32)


def _pieces(coarse: np.ndarray, coarse_um: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Outlines of up to two bites out of the tissue's edge, in slide µm."""
    tissue = ndimage.binary_fill_holes(is_in(coarse, (*RIGID, Label.MARROW, Label.SOFT)))
    edge = np.argwhere(tissue & ~ndimage.binary_erosion(tissue, iterations=2, border_value=1))
    pieces = []
    for _ in range(rng.integers(1, 3) if len(edge) else 0):
        centre = (edge[rng.integers(len(edge))][::-1] + 0.5) * coarse_um
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radius = 1 + ndimage.gaussian_filter1d(rng.standard_normal(48), 2, mode="wrap") * 0.6
        radius = rng.uniform(180, 420) * np.clip(radius, 0.4, 1.6)
        pieces.append(centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))
    return pieces


def _cracks(coarse: np.ndarray, coarse_um: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Wandering lines that start in bone, in slide µm."""
    bone = np.argwhere(is_in(coarse, BONE))
    count = rng.integers(1, 5) if len(bone) else 0
    starts = ((bone[rng.integers(len(bone))][::-1] + 0.5) * coarse_um for _ in range(count))
    return [_walk(start, int(rng.integers(12, 40)), 35.0, 0.35, rng) for start in starts]


def _walk(
    start: np.ndarray, steps: int, step_um: float, bend: float, rng: np.random.Generator
) -> np.ndarray:
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, steps))
    return start + step_um * np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), 0)


def _lines(
    lines: list[np.ndarray],
    width_um: tuple[float, float],
    shape: tuple[int, int],
    pixel_um: float,
    rng: np.random.Generator,
) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    for line in lines:
        width = max(1, round(rng.uniform(*width_um) / pixel_um))
        points = np.rint(line / pixel_um * 16).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, width, cv2.LINE_AA, 4)
    return mask


def _disc(mask: np.ndarray, centre: np.ndarray, radius_um: float, pixel_um: float, rng) -> None:
    axes = np.maximum(1, np.rint(radius_um * rng.uniform(0.6, 1.2, 2) / pixel_um)).astype(int)
    where = np.rint(centre / pixel_um).astype(int)
    cv2.ellipse(
        mask, where.tolist(), axes.tolist(), rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA
    )
