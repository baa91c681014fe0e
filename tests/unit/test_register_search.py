"""The search: mutual information, local climbs, known truths."""

import numpy as np
import pytest
import sections
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from virtual_staining.imaging.ct_plane import thickness_offsets
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.result.flags import bone_dice
from virtual_staining.register.search import single
from virtual_staining.register.search.coarse_to_fine import (
    ScoredPoses,
    best_with_rival,
    climb,
    coarse_to_fine,
    margin_to_rival,
)
from virtual_staining.register.search.confidence import confidence
from virtual_staining.register.search.scan import stretches_up_to
from virtual_staining.register.search.scan_kernel import (
    BinnedSection,
    BinnedVolume,
    Positions,
    scan_positions,
)
from virtual_staining.register.search.starts import around_guess, near_guess, super_fibonacci
from virtual_staining.register.similarity import pose as poses
from virtual_staining.register.similarity.mutual_information import (
    information,
    joint_histogram,
    score_poses,
)
from virtual_staining.settings.register import RegisterSettings

SETTINGS = RegisterSettings()
BINS = SETTINGS.grey_bins
SHAPE, PIXEL_UM = (210, 190), 20.0
SIZE_UM = (SHAPE[1] * PIXEL_UM, SHAPE[0] * PIXEL_UM)


@pytest.fixture(scope="module")
def labels():
    return sections.phantom_labels()


@pytest.fixture(scope="module")
def ct(labels):
    return sections.phantom_ct(labels)


def section_of(labels, ct, truth):
    slide = sections.cut(labels, truth, SHAPE, PIXEL_UM)
    return sections.scales_of(ct, slide, SIZE_UM)


def refine(section, starts, beam):
    """Combine two searches, from the even and the odd starts."""
    searches = []
    for some in (starts[::2], starts[1::2]):
        scored = ScoredPoses(some, score_poses(section.scales[0], BINS, some))
        coarse = single.all_but_finest(section.scales)
        searches.append(coarse_to_fine(coarse, scored, beam, section.size_um, SETTINGS))
    return single.combine(searches, section, 2, SETTINGS)


def off_by(section: SectionMap, degrees: float, shift_um: float, size_um=SIZE_UM) -> np.ndarray:
    turn = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, -0.64, 0.48])).as_matrix()
    center = section.to_volume(np.array([size_um]) / 2)[0] + shift_um * np.array([0.48, 0.6, -0.64])
    return poses.from_map(pose_to_map(center, turn @ section.u, turn @ section.v, size_um), size_um)


def errors_um(pose: np.ndarray, truth: SectionMap, size_um=SIZE_UM) -> np.ndarray:
    grid = np.random.default_rng(0).uniform(0.1, 0.9, (300, 2)) * size_um
    difference = poses.to_map(pose, size_um).to_volume(grid) - truth.to_volume(grid)
    return np.linalg.norm(difference, axis=1)


def reference_histogram(scale, pose):
    """Count as the kernel does, with scipy's interpolation and numpy's add.at."""
    section = poses.to_map(pose, SIZE_UM)
    y, x = np.indices(scale.labels.shape)
    points = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * scale.pixel_um
    grey = np.zeros(len(points))
    for offset in scale.offsets_um:
        index = (section.to_volume(points) + offset * section.normal) / scale.voxel_um - 0.5
        values = map_coordinates(scale.volume.astype(float), index.T[::-1], order=1, mode="nearest")
        outside = ((index < -0.5) | (index > np.array(scale.volume.shape[::-1]) - 0.5)).any(1)
        grey += np.where(outside, scale.air, values) / len(scale.offsets_um)
    position = grey * (BINS - 1.001) / 255
    low = position.astype(int)
    counts = np.zeros((scale.n_classes, BINS))
    np.add.at(counts, (scale.labels.ravel(), low), 1 - (position - low))
    np.add.at(counts, (scale.labels.ravel(), low + 1), position - low)
    return counts


@pytest.mark.parametrize("shift_um", [0.0, 1900.0])
def test_kernel_counts_like_scipy_inside_and_outside(labels, ct, shift_um):
    truth, rigid = sections.oblique_map(SIZE_UM)
    slide = sections.cut(labels, truth, SHAPE, PIXEL_UM)
    scale = sections.scales_of(ct, slide, SIZE_UM, coarse_um=100.0, thickness_um=220.0).scales[-1]
    pose = poses.from_map(rigid, SIZE_UM)
    pose[poses.CENTER] += [shift_um, 0, 0]
    counts = np.empty((6, BINS), np.float32)
    joint_histogram(scale, pose, counts)
    expected = reference_histogram(scale, pose)
    assert len(scale.offsets_um) == 4
    assert counts.sum() == pytest.approx(scale.labels.size, rel=1e-4)  # every pixel counts
    assert np.abs(counts - expected).sum() < 0.002 * scale.labels.size


def test_information_of_known_tables():
    assert information(np.eye(4, dtype=np.float32)) == pytest.approx(np.log(4))
    assert information(np.ones((4, 5), np.float32)) == pytest.approx(0, abs=1e-7)


def test_a_plane_wholly_outside_carries_no_information(labels, ct):
    truth, rigid = sections.oblique_map(SIZE_UM)
    pose = poses.from_map(rigid, SIZE_UM)
    pose[poses.CENTER] += 30_000.0
    score = score_poses(section_of(labels, ct, truth).scales[0], BINS, pose[None])
    assert score[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("mirrored", [False, True])
def test_finds_the_plane_and_the_distortion(labels, ct, mirrored):
    truth, rigid = sections.oblique_map(SIZE_UM, mirrored)
    starts = around_guess(off_by(rigid, 3, 300), 10, 400, 2048)
    result = refine(section_of(labels, ct, truth), starts, (64, 32, 8, 2))
    assert np.percentile(errors_um(result.pose, truth), 95) < 0.5 * sections.VOXEL_UM
    assert poses.to_map(result.pose, SIZE_UM).normal @ truth.normal > np.cos(np.radians(0.5))
    assert result.pose[poses.STRETCH] == pytest.approx([0.02, -0.015, 0.01], abs=0.006)
    assert result.margin > 0.05


def test_finds_a_partial_field(labels, ct):
    shape = (150, 90)
    size_um = (shape[1] * PIXEL_UM, shape[0] * PIXEL_UM)
    truth, rigid = sections.oblique_map(size_um)
    section = sections.scales_of(ct, sections.cut(labels, truth, shape, PIXEL_UM), size_um)
    starts = around_guess(off_by(rigid, 3, 300, size_um), 8, 400, 2048)
    result = refine(section, starts, (64, 32, 8, 2))
    assert np.percentile(errors_um(result.pose, truth, size_um), 95) < sections.VOXEL_UM


def test_margin_is_small_when_two_planes_look_the_same():
    tissue = np.zeros((64, 64, 64), int)
    tissue[:, 20:44, 26:] = 2
    tissue[:, 24:34, 30:40] = 4  # the same along z: every plane across it fits as well
    size_um = (3000.0, 3000.0)
    truth = pose_to_map([1600.0, 1600, 1600], [1, 0, 0], [0, 1, 0], size_um)
    slide = sections.cut(tissue, truth, (100, 100), 30.0)
    section = sections.scales_of(sections.phantom_ct(tissue), slide, size_um, n_classes=3)
    starts = around_guess(poses.from_map(truth, size_um), 5, 600, 512)
    assert refine(section, starts, (32, 16, 8, 4)).margin < 0.02


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_section_is_found_without_a_first_guess(labels, ct, mirrored):
    truth, _ = sections.oblique_map(SIZE_UM, mirrored)
    quick = RegisterSettings(scan_rotations=1000, scan_beam=(300, 50, 12, 3))
    result = single.search_everywhere(section_of(labels, ct, truth), quick)
    assert np.percentile(errors_um(result.pose, truth), 95) < 0.5 * sections.VOXEL_UM
    assert result.agreeing >= 2
    assert result.confidence > 0.9


def test_a_section_of_another_specimen_is_unsure(labels):
    truth, _ = sections.oblique_map(SIZE_UM)
    other = sections.phantom_ct(sections.phantom_labels(seed=11))
    quick = RegisterSettings(scan_rotations=500, scan_beam=(200, 40, 8, 3), searches=3)
    result = single.search_everywhere(section_of(labels, other, truth), quick)
    assert result.searches == 3
    assert result.confidence < 0.5


def test_a_climb_never_leaves_the_bounds_of_the_stretch(labels, ct):
    truth, rigid = sections.oblique_map(SIZE_UM)  # stretched by 0.02 and -0.015
    start = poses.from_map(rigid, SIZE_UM)[None]
    settings = RegisterSettings(max_scale=0.01 / 1.2, max_shear=0.002 / 1.2)
    scale = section_of(labels, ct, truth).scales[0]
    pose = climb(scale, start, poses.AFFINE, SIZE_UM, settings).best
    assert max(abs(pose[poses.SCALE_X]), abs(pose[poses.SCALE_Y])) <= 0.01
    assert abs(pose[poses.SHEAR]) <= 0.002
    assert pose[poses.SCALE_X] > 0.005


def test_large_stretches_are_scanned_only_where_allowed():
    assert stretches_up_to(0.05).tolist() == [0]
    assert stretches_up_to(0.25) == pytest.approx([-0.2, -0.1, 0, 0.1, 0.2])


def test_scan_counts_exactly_what_lies_on_a_grid_plane():
    volume = np.random.default_rng(0).integers(0, 5, (20, 20, 20), dtype=np.uint8)
    labels = volume[7, 4:14, 6:16].astype(np.uint16)  # bins of one plane are the classes
    frames = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    middle_um = np.array([100.0, 100.0, 105.0])
    best, scores = scan_positions(
        BinnedVolume(volume, 10.0, 0, 5),
        BinnedSection(labels * np.uint16(5), np.array([10.0, 10.0])),
        Positions(middle_um, 10.0, 1, np.array([5, 5]), np.array([4])),
        frames,
        1,
    )
    # centre of the columns, of the rows, and of plane 7
    assert best[0, 0, poses.CENTER] == pytest.approx([110, 90, 75])
    share = np.bincount(labels.ravel()) / labels.size
    assert scores[0, 0] == pytest.approx(-(share * np.log(share)).sum())


def search_with(pose, rival, margin):
    return [ScoredPoses(np.stack([pose, rival]), np.array([1.0, 1.0 - margin]))]


def test_searches_go_on_until_two_agree_and_no_rival_is_near(labels, ct):
    truth, rigid = sections.oblique_map(SIZE_UM)
    section = section_of(labels, ct, truth)
    here, there = poses.from_map(rigid, SIZE_UM), off_by(rigid, 60, 500)
    sure, unsure = search_with(here, there, 0.3), search_with(here, there, 0.01)
    astray = [ScoredPoses(np.stack([there]), np.array([0.5]))]
    for searches, count in (
        ([sure, sure, sure], 2),
        ([sure, astray, sure, sure], 3),
        ([unsure, unsure, unsure], 3),
    ):
        waiting = iter(searches)
        result = single.combine(waiting, section, 2, SETTINGS)
        assert result.searches == count
        assert len(list(waiting)) == len(searches) - count  # later searches were not asked for


def test_confidence_falls_with_the_margin_and_without_agreement():
    assert confidence(0.10, 2) > 0.9 > confidence(0.05, 2) > confidence(0.0, 2)
    assert confidence(0.0, 3) < 0.05
    assert confidence(0.09, 2) > 0.5 > confidence(0.09, 1)
    assert confidence(1.0, 1) == pytest.approx(1)


def test_bone_dice_of_known_tables():
    histogram = np.zeros((3, 32), np.float32)
    histogram[0, 3] = histogram[1, 28] = 500
    assert bone_dice(histogram) == pytest.approx(1)
    histogram[2, 3], histogram[2, 28] = 100, 200  # a class that lies half on soft tissue
    assert bone_dice(histogram) == pytest.approx(2 * 700 / (700 + 800))
    assert np.isnan(bone_dice(np.eye(1, 32, dtype=np.float32)))


def test_results_stay_within_the_trust_around_the_guess():
    guess = poses.from_map(sections.oblique_map(SIZE_UM)[1], SIZE_UM)
    starts = around_guess(guess, 30, 900, 500)
    near = starts[near_guess(starts, guess, 15, 450)]
    assert 0 < len(near) < 250
    assert np.abs(near[:, poses.CENTER] - guess[poses.CENTER]).max() <= 450
    assert max(poses.frame_angle_deg(guess, pose) for pose in near) <= 15


def test_margin_compares_with_the_best_pose_elsewhere():
    here = poses.from_map(sections.oblique_map(SIZE_UM)[1], SIZE_UM)
    close, away = here.copy(), here.copy()
    close[poses.CENTER] += [50, 0, 0]
    away[poses.CENTER] += [900, 0, 0]
    coarse = ScoredPoses(np.stack([here, away]), np.array([1.0, 0.8]))
    fine = ScoredPoses(np.stack([here, close]), np.array([2.0, 1.9]))
    assert margin_to_rival(here, [coarse, fine], SIZE_UM) == pytest.approx(0.2)
    assert margin_to_rival(here, [fine], SIZE_UM) == 1


def test_a_rival_is_always_kept():
    here = poses.from_map(sections.oblique_map(SIZE_UM)[1], SIZE_UM)
    many = np.repeat(here[None], 6, 0)
    many[:, poses.CENTER.start] += [0, 60, 120, 180, 240, 900]
    candidates = ScoredPoses(many, np.array([1.0, 0.95, 0.9, 0.85, 0.8, 0.1]))
    assert best_with_rival(candidates, 2, 50, SIZE_UM).tolist() == [0, 1, 5]


def test_super_fibonacci_leaves_no_orientation_far_away():
    grid = super_fibonacci(2000)
    probes = Rotation.random(50, rng=1)
    nearest = [np.degrees((grid.inv() * probe).magnitude()).min() for probe in probes]
    assert max(nearest) < 16
    assert len(np.unique(np.round(grid.as_matrix(), 9), axis=0)) == 2000


def test_starts_hold_the_guess_and_keep_their_bounds():
    guess = poses.from_map(sections.oblique_map(SIZE_UM)[1], SIZE_UM)
    starts = around_guess(guess, 12, 400, 1000)
    assert starts[0] == pytest.approx(guess)
    assert starts.shape == (1000, 12)
    assert np.abs(starts[:, poses.CENTER] - guess[poses.CENTER]).max() <= 400
    angles = np.array([poses.frame_angle_deg(guess, start) for start in starts])
    assert 11 < angles.max() <= 12 + 1e-6
    cosines = (starts[:, poses.X_AXIS] * starts[:, poses.Y_AXIS]).sum(1)
    assert cosines == pytest.approx(0, abs=1e-9)


def test_pose_and_map_are_inverse():
    truth, rigid = sections.oblique_map(SIZE_UM, mirrored=True)
    pose = poses.from_map(truth, SIZE_UM)
    again = poses.to_map(pose, SIZE_UM)
    for key in ("origin_um", "u", "v"):
        assert getattr(again, key) == pytest.approx(getattr(truth, key))
    assert poses.from_map(rigid, SIZE_UM)[poses.STRETCH] == pytest.approx([0, 0, 0], abs=1e-9)


def test_decomposition_gives_scale_and_shear():
    pose = poses.from_map(SectionMap(np.zeros(3), np.array([1.03, 0, 0]), np.array([0, 0, 0.98])),
                          SIZE_UM)  # fmt: skip
    assert pose[poses.STRETCH] == pytest.approx([0.03, -0.02, 0], abs=1e-9)
    sheared = SectionMap(np.zeros(3), np.array([1.0, 0, 0]), np.array([0.02, 1, 0]))
    assert poses.from_map(sheared, SIZE_UM)[poses.SHEAR] == pytest.approx(0.02, rel=0.02)


def test_moving_keeps_the_frame_orthonormal():
    pose = poses.from_map(sections.oblique_map(SIZE_UM)[1], SIZE_UM)
    step = np.array([10.0, -20, 30, 200, -300, 100, 5, -5, 8])
    out = poses.moved(pose, step, 1000.0)
    frame = np.stack([out[poses.X_AXIS], out[poses.Y_AXIS]])
    assert frame @ frame.T == pytest.approx(np.eye(2), abs=1e-12)
    assert out[poses.STRETCH] == pytest.approx([0.005, -0.005, 0.008])
    angle = np.degrees(np.linalg.norm(step[3:6]) / 1000)
    assert poses.frame_angle_deg(pose, out) == pytest.approx(angle)


def test_thickness_is_sampled_once_a_voxel():
    assert thickness_offsets(40, 5) == pytest.approx(np.arange(8) * 5 - 17.5)
    assert thickness_offsets(40, 100) == pytest.approx([0])
    assert thickness_offsets(0, 5) == pytest.approx([0])
