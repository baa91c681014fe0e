"""The quality-control picture: information around a pose, the place in the volume, panels."""

import cv2
import numpy as np
import pytest
import sections
from matplotlib.figure import Figure
from pictures import has_colour, read_rgb

from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.result.landscape import landscape
from virtual_staining.register.result.placement import draw_placement, plane_in_box
from virtual_staining.register.result.qc import draw_qc
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.mutual_information import score_poses

SIZE_UM = (3800.0, 4200.0)
BOX_UM = np.array([2000.0, 3000, 4000])


@pytest.fixture(scope="module")
def case():
    """Return the coarse scale of a phantom and the section's true map."""
    truth, _ = sections.oblique_map(SIZE_UM)
    labels = sections.phantom_labels()
    slide = sections.cut(labels, truth, (210, 190), 20.0)
    return sections.scales_of(sections.phantom_ct(labels), slide, SIZE_UM).scales[0], truth


def test_landscape_peaks_at_the_truth_and_moves_with_it(case):
    scale, truth = case
    true_pose = poses.from_map(truth, SIZE_UM)
    tilts, offsets, information = landscape(scale, 32, true_pose, SIZE_UM, steps=13)
    assert information.shape == (13, 13)
    assert offsets == pytest.approx(np.linspace(-600, 600, 13))
    assert tilts[-1] == pytest.approx(np.degrees(600 / (0.35 * np.hypot(*SIZE_UM))))
    row, column = np.unravel_index(information.argmax(), information.shape)
    assert (abs(row - 6) <= 1, abs(column - 6) <= 1) == (True, True)
    assert information[6, 6] == score_poses(scale, 32, true_pose[None])[0]
    off = true_pose.copy()
    off[poses.CENTER] += 300 * truth.normal
    row, column = np.unravel_index(
        landscape(scale, 32, off, SIZE_UM, steps=13)[2].argmax(), (13, 13)
    )
    assert abs(column - 3) <= 1  # 300 µm back along the normal


def test_landscape_rows_are_tilts_about_x(case):
    scale, truth = case
    true_pose = poses.from_map(truth, SIZE_UM)
    tilts, _, information = landscape(scale, 32, true_pose, SIZE_UM, steps=5)
    x_axis, y_axis = true_pose[poses.X_AXIS], true_pose[poses.Y_AXIS]
    turn = np.radians(tilts[4])
    tilted = true_pose.copy()
    normal = np.cross(x_axis, y_axis)
    tilted[poses.Y_AXIS] = np.cos(turn) * y_axis + np.sin(turn) * normal
    expected = score_poses(scale, 32, tilted[None])[0]
    assert information[4, 2] == pytest.approx(expected, abs=1e-5)


def section(origin, u, v) -> SectionMap:
    return SectionMap(*(np.array(values, float) for values in (origin, u, v)))


@pytest.mark.parametrize(
    ("plane", "corners", "area_um2"),
    [
        (section([9, 9, 1000], [1, 0, 0], [0, 1, 0]), 4, 2000 * 3000),
        (section([0, 0, 0], [1, 0, 1], [0, 1, 0]), 4, 2000 * np.sqrt(2) * 3000),
        (section([500, 0, 0], [-1, 1, 0], [-1, 0, 1]), 3, 500**2 * np.sqrt(3) / 2),
        (section([0, 0, -1], [1, 0, 0], [0, 1, 0]), 0, 0),
        (section([3500, 0, 0], [-1, 1, 0], [-1, 0, 1]), 5, None),
        (section([1000, 1500, 2000], [2, -3, 0], [2, 0, -4]), 6, None),
    ],
    ids=["flat", "through an edge", "corner cut off", "beside", "five", "six"],
)
def test_a_plane_cuts_the_box_in_a_polygon(plane, corners, area_um2):
    polygon = plane_in_box(plane, BOX_UM)
    assert polygon.shape == (corners, 3)
    assert ((polygon > -1e-3) & (polygon < BOX_UM + 1e-3)).all()
    assert (polygon - plane.origin_um) @ plane.normal == pytest.approx(0, abs=1e-3)
    on_walls = (np.abs(polygon) < 1e-3) | (np.abs(polygon - BOX_UM) < 1e-3)
    assert (on_walls.sum(1) >= 2).all()  # corners lie on the box's edges
    if corners:
        sides = np.roll(polygon, -1, 0) - polygon
        turns = np.cross(sides, np.roll(sides, -1, 0)) @ plane.normal
        assert len(set(np.sign(turns))) == 1  # in order: convex
    if area_um2:
        spokes = polygon - polygon[0]
        parts = np.cross(spokes[1:-1], spokes[2:])
        assert np.linalg.norm(parts.sum(0)) / 2 == pytest.approx(area_um2, rel=1e-6)


def test_the_slide_is_drawn_where_it_lies(case):
    scale, truth = case
    axes = Figure().add_subplot(projection="3d")
    draw_placement(axes, scale.volume, scale.voxel_um, truth, SIZE_UM)
    lines = {line.get_label(): np.array(line.get_data_3d()).T for line in axes.lines}
    width, height = SIZE_UM
    corners = [[0, 0], [width, 0], [width, height], [0, height], [0, 0]]
    assert lines["slide"] == pytest.approx(truth.to_volume(corners) / 1000)
    assert lines["its upper edge"] == pytest.approx(truth.to_volume([[0, 0], [width, 0]]) / 1000)
    assert lines["its upper left corner"] == pytest.approx(truth.origin_um[None] / 1000)
    shown = np.array([axes.get_xlim3d(), axes.get_ylim3d(), axes.get_zlim3d()]).T
    everything = np.vstack([lines["slide"], np.array(scale.volume.shape[::-1]) * 0.2])
    assert (everything > shown[0] - 1e-6).all()
    assert (everything < shown[1] + 1e-6).all()


@pytest.mark.parametrize("flagged", [False, True])
def test_picture_has_six_panels_and_red_titles_mean_flags(case, tmp_path, flagged):
    scale, truth = case
    around = (np.linspace(-6, 6, 5), np.linspace(-600, 600, 5), np.add.outer(*[np.arange(5.0)] * 2))
    rng = np.random.default_rng(0)
    pair = (
        rng.integers(0, 60000, (40, 50), np.uint16),
        rng.integers(0, 255, (40, 50, 3), np.uint8),
        np.indices((40, 50))[0] > 3,
    )
    placed = (scale.volume, scale.voxel_um, truth, SIZE_UM)
    draw_qc(tmp_path / "qc.png", *pair, "a title", flagged, around, placed)
    image = cv2.imread(str(tmp_path / "qc.png")).astype(int)
    height, width = image.shape[:2]
    for row in (slice(0, height // 2), slice(height // 2, None)):
        for part in range(3):
            panel = image[row, part * width // 3 : (part + 1) * width // 3]
            assert panel.std() > 20
    title = image[:30]
    assert (title[..., 2] - title[..., 0] > 100).any() == flagged


def test_an_empty_volume_is_drawn_all_the_same(tmp_path):
    flat = (np.arange(3.0), np.arange(3.0), np.zeros((3, 3)))
    placed = (np.zeros((8, 8, 8), np.uint8), 100.0, section([0, 0, 0], [1, 0, 0], [0, 1, 0]),
              (500.0, 500.0))  # fmt: skip
    blank = (np.zeros((9, 9), np.uint16), np.zeros((9, 9, 3), np.uint8), np.ones((9, 9), bool))
    draw_qc(tmp_path / "qc.png", *blank, "nothing", True, flat, placed)
    image = read_rgb(tmp_path / "qc.png")
    assert image.shape == (1050, 1500, 3)
    assert has_colour(image[:30], "crimson", pixels=5, tolerance=80)


@pytest.mark.parametrize("shape", [(1, 36, 36), (2, 400, 400), (36, 36, 1)])
def test_a_thin_volume_is_drawn(shape):
    axes = Figure().add_subplot(projection="3d")
    grey = np.arange(np.prod(shape), dtype="f4").reshape(shape)
    plane = section([0, 0, 0.5], [1, 0, 0], [0, 1, 0])
    draw_placement(axes, grey, 1.0, plane, (5.0, 5.0))
    assert len(axes.collections) >= 4  # three walls, the box
