"""The sheet's ``view_axis``: which face of a section is up, where the specimen mirrors itself."""

import numpy as np
import pytest
import sections
from sheets import write_sheet
from workspace import make_workspace, snakemake

from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.search import single
from virtual_staining.register.search.block.axis_search import search_axes
from virtual_staining.register.search.starts import (
    face_view,
    frame_normals,
    spread_frames,
    view_vector,
)
from virtual_staining.register.similarity import pose as poses
from virtual_staining.settings.register import RegisterSettings

SHAPE, PIXEL_UM = (84, 76), 50.0
SIZE_UM = (SHAPE[1] * PIXEL_UM, SHAPE[0] * PIXEL_UM)
QUICK = RegisterSettings(
    coarse_um=200, fine_um=100, colour_classes=5, section_thickness_um=0,
    scan_rotations=1000, scan_beam=(300, 50, 12, 3), searches=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def symmetric():
    """A section of a specimen whose left half is the mirror image of its right, and its place."""
    labels = sections.phantom_labels()
    half = labels.shape[2] // 2
    labels[:, :, half:] = labels[:, :, :half][:, :, ::-1]
    truth, _ = sections.oblique_map(SIZE_UM, stretch=((1.0, 0.0), (0.0, 1.0)))
    slide = sections.cut(labels, truth, SHAPE, PIXEL_UM)
    section = sections.scales_of(sections.phantom_ct(labels), slide, SIZE_UM, n_classes=5)
    width_um = labels.shape[2] * sections.VOXEL_UM
    flip = np.array([-1, 1, 1])
    reflected = SectionMap(
        truth.origin_um * flip + [width_um, 0, 0], truth.u * flip, truth.v * flip
    )
    return section, truth, reflected


def error_um(pose: np.ndarray, truth: SectionMap) -> float:
    points = np.random.default_rng(0).uniform(0.1, 0.9, (300, 2)) * SIZE_UM
    off = poses.to_map(pose, SIZE_UM).to_volume(points) - truth.to_volume(points)
    return float(np.percentile(np.linalg.norm(off, axis=1), 95))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_section_that_fits_from_both_sides_is_found_on_the_side_named(symmetric, mirrored):
    section, *maps = symmetric
    truth = maps[mirrored]
    assert maps[0].normal @ maps[1].normal < 0
    axis = int(np.abs(truth.normal).argmax())
    name = "xyz"[axis] + ("+" if truth.normal[axis] > 0 else "-")
    result = single.search_everywhere(section, QUICK, view_vector(name))
    assert error_um(result.pose, truth) < sections.VOXEL_UM
    assert result.confidence > 0.5


def test_without_a_view_axis_such_a_section_is_unsure(symmetric):
    section, *maps = symmetric
    result = single.search_everywhere(section, QUICK)
    assert min(error_um(result.pose, truth) for truth in maps) < sections.VOXEL_UM
    assert result.margin < 0.03
    assert result.confidence < 0.5


@pytest.mark.parametrize("view_axis", ["z+", "z-"])
def test_a_block_is_searched_from_the_side_named(symmetric, view_axis):
    section, *_ = symmetric
    view = view_vector(view_axis)
    few = RegisterSettings(**{**vars(QUICK), "scan_rotations": 200})
    for stacks in search_axes([section, section], few, 0, view):
        assert all(stack.axis @ view > 0 for stack in stacks)


def test_half_of_all_orientations_look_along_an_axis():
    normals = frame_normals(spread_frames(2000, np.random.default_rng(0)))
    for axis in "xyz":
        ahead, behind = (face_view(normals, view_vector(axis + sign)) for sign in "+-")
        assert (ahead != behind).all()
        assert abs(ahead.sum() - 1000) < 100
    assert face_view(normals, view_vector("")).all()


def test_axes_are_named_in_the_volumes_x_y_z():
    assert [view_vector(name).tolist() for name in ("x+", "y-", "z+")] == [
        [1, 0, 0],
        [0, -1, 0],
        [0, 0, 1],
    ]


def test_sheet_refuses_what_is_no_axis_and_a_block_seen_from_two_sides(tmp_path):
    with pytest.raises(InputError, match=r"line 2 \(sample 'a'\).*view_axis"):
        read_sheet(write_sheet(tmp_path, {"sample": "a", "view_axis": "up"}))
    rows = [
        {"sample": "a", "block": "B", "view_axis": "z+"},
        {"sample": "b", "block": "B", "view_axis": ""},
    ]
    with pytest.raises(InputError, match=r"block 'B' has different view_axis values: 'z\+', ''"):
        read_sheet(write_sheet(tmp_path, *rows))


@pytest.mark.workflow
def test_the_view_axis_reaches_sections_and_blocks(tmp_path):
    sheet = write_sheet(
        tmp_path,
        {"sample": "a", "block": "B", "view_axis": "z-"},
        {"sample": "b", "block": "B", "view_axis": "z-"},
        {"sample": "c", "view_axis": "x+"},
        {"sample": "d"},
    )
    make_workspace(tmp_path, {"samples": str(sheet), "results": "results"})
    done = snakemake(tmp_path, "-n", "-p", "results/02_register/registration.csv")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "--block B --volume a --view-axis=z- " in done.stdout
    assert "--sample c --volume a --view-axis=x+ " in done.stdout
    assert "--sample d --volume a --view-axis= " in done.stdout
