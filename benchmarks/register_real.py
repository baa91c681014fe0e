"""Real sections for the registration benchmark: a mouse brain, and a bone sliced obliquely."""

from pathlib import Path

import cv2
import numpy as np
import tifffile
from register_cases import Case
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.example.anchoring import anchoring_to_pose
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.similarity import pose as poses

BRAIN_VOXEL_UM = 100.0
BONE_VOXEL_UM = 19.5
BONE_SLICE_PX = 150
NOISE = 3  # grey levels of the slice's noise, of 255


def sections_of(folder: Path) -> list[dict]:
    """Return the entries of ``planes.json`` whose pictures lie in the folder."""
    entries = read_json(folder / "planes.json")["slices"]
    return [entry for entry in entries if (folder / "sections" / entry["filename"]).is_file()]


def brain_case(folder: Path, entry: dict) -> Case:
    """One stained section and the tomogram of another brain."""
    picture = cv2.imread(str(folder / "sections" / entry["filename"]), cv2.IMREAD_UNCHANGED)
    opacity = picture[..., 3:] / 255 if picture.shape[2] == 4 else 1.0
    slide = (picture[..., 2::-1] * opacity + 255 * (1 - opacity)).astype(np.uint8)
    values, pixel_um = anchoring_to_pose(entry["anchoring"], (entry["width"], entry["height"]))
    size_um = (slide.shape[1] * pixel_um, slide.shape[0] * pixel_um)
    truth = pose_to_map(**values, slide_size_um=size_um)
    return Case(
        name=Path(entry["filename"]).stem[-4:],
        material="brain",
        volume=tifffile.imread(folder / "volume_ccf_100um.tiff"),
        voxel_um=BRAIN_VOXEL_UM,
        slide=slide,
        size_um=size_um,
        truth=truth,
        tissue_um=np.array([size_um]) / 2,
        rough=poses.from_map(truth, size_um),
    )


def brain_errors(case: Case, pose: np.ndarray, mirror: bool = False) -> tuple[float, float]:
    """Return the angle between the planes (degrees) and the section centre's distance (µm).

    The sign of the normal plays no part, because brains are symmetric and the picture may show the
    section flipped. With ``mirror``, a flipped section is compared after a reflection at the
    middle of the brain (the middle of the volume), which takes it to its mirror image.
    """
    section = poses.to_map(pose, case.size_um)
    if mirror and section.normal @ case.truth.normal < 0:
        width_um = case.volume.shape[2] * case.voxel_um
        flip = np.array([-1, 1, 1])
        origin = section.origin_um * flip + [width_um, 0, 0]
        section = SectionMap(origin, section.u * flip, section.v * flip)
    cosine = min(abs(float(section.normal @ case.truth.normal)), 1.0)
    center = section.to_volume(case.tissue_um)[0] - case.truth.to_volume(case.tissue_um)[0]
    return float(np.degrees(np.arccos(cosine))), float(np.linalg.norm(center))


def bone_case(folder: Path, index: int, seed: int) -> Case:
    """A random oblique slice of the bone, in colours that do not follow its grey values."""
    slices = sorted(folder.rglob("*.tif"))
    volume = np.stack([tifffile.imread(path) for path in slices]).astype(np.uint16) * 256
    rng = np.random.default_rng([seed, index])
    size_um = (BONE_SLICE_PX * BONE_VOXEL_UM,) * 2
    frame = Rotation.random(rng=rng).as_matrix()
    middle = np.array(volume.shape[::-1]) * BONE_VOXEL_UM / 2
    center = middle + rng.uniform(-400, 400, 3)
    truth = pose_to_map(center, frame[:, 0], frame[:, 1], size_um)
    slide, inside = _slice(volume, truth, size_um, rng)
    rows, columns = np.nonzero(inside[::4, ::4])
    return Case(
        name=f"slice-{index:02d}",
        material="bone",
        volume=volume,
        voxel_um=BONE_VOXEL_UM,
        slide=slide,
        size_um=size_um,
        truth=truth,
        tissue_um=(4 * np.stack([columns, rows], 1) + 0.5) * BONE_VOXEL_UM,
        rough=poses.from_map(truth, size_um),
    )


def _slice(
    volume: np.ndarray, section: SectionMap, size_um: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a plane and colour it by curves with humps and noise; also return what is inside."""
    y, x = np.indices((BONE_SLICE_PX, BONE_SLICE_PX))
    points = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * BONE_VOXEL_UM
    index = (section.to_volume(points) / BONE_VOXEL_UM - 0.5)[:, ::-1].T
    grey = map_coordinates(volume.astype(np.float32), index, order=1, mode="nearest") / 65280
    inside = ((index >= 0) & (index <= np.array(volume.shape)[:, None] - 1)).all(0)
    grey = np.where(inside, grey, 0)
    curves = [4 * grey * (1 - grey), 1 - grey, np.sin(4 * grey) ** 2]
    colour = np.stack([250 - 190 * curve for curve in curves], -1)
    colour += rng.normal(0, NOISE, colour.shape)
    shape = (BONE_SLICE_PX, BONE_SLICE_PX)
    return np.clip(colour, 0, 255).astype(np.uint8).reshape(*shape, 3), inside.reshape(shape)
