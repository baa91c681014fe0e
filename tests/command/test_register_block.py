"""Sections cut parallel from one block: their common search, files, refusals, the plan."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sections
from scipy.spatial.transform import Rotation
from sheets import write_sheet
from workspace import make_workspace, snakemake

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.artefacts.storage.atomic import read_json, write_json
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.block_plane import flag_block, read_block_plane
from virtual_staining.register.inputs import read_section, read_volume
from virtual_staining.register.search import single
from virtual_staining.register.search.block.block_search import agreement, face_clarity
from virtual_staining.register.search.block.stack import (
    Stack,
    axis_angle_deg,
    best_of_both_faces,
    distinct_axes,
)
from virtual_staining.register.search.coarse_to_fine import ScoredPoses
from virtual_staining.register.search.starts import frames_across, spread_axes
from virtual_staining.register.similarity import pose as poses
from virtual_staining.settings.register import RegisterSettings

PIXEL_UM = 25.0
SHAPES = [(70, 60), (120, 110), (64, 70)]  # two of them partial fields
ORDERS = ["9", "-", "4"]  # counted from the other end
OFFSETS_UM = [-600.0, 0.0, 500.0]
FLIPPED = poses.UPRIGHT * [1, 1, 1, 1, 1, 1, 1, -1, 1, 1, 1, 1]
QUICK = {
    "coarse_um": 200, "fine_um": 50, "colour_classes": 5, "section_thickness_um": 0,
    "scan_rotations": 400, "scan_step_um": 400, "searches": 2,
}  # fmt: skip


def size_of(shape):
    return shape[1] * PIXEL_UM, shape[0] * PIXEL_UM


def block_maps() -> list[SectionMap]:
    """Parallel planes, each with a turn and a shift of its own; the third is turned over."""
    frame = Rotation.from_euler("zyx", [25, 35, -20], degrees=True).as_matrix()
    rng = np.random.default_rng(7)
    maps = []
    for k, (shape, offset) in enumerate(zip(SHAPES, OFFSETS_UM, strict=True)):
        own = frame @ Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        shift = frame[:, :2] @ rng.uniform(-400, 400, 2) + offset * frame[:, 2]
        u = own[:, 0] * (-1 if k == 2 else 1)
        maps.append(pose_to_map(np.array([2380, 2250, 2200]) + shift, u, own[:, 1], size_of(shape)))
    return maps


@pytest.fixture(scope="module")
def block(tmp_path_factory):
    """An ingested volume, three sections of one block, and their planes.json."""
    folder = tmp_path_factory.mktemp("block")
    labels = sections.phantom_labels()
    omezarr.write_volume_pyramid(
        folder / "ct.ome.zarr", sections.phantom_ct(labels), sections.VOXEL_UM
    )
    for k, (truth, shape) in enumerate(zip(block_maps(), SHAPES, strict=True)):
        slide = sections.cut(labels, truth, shape, PIXEL_UM)
        path = folder / f"s{k}.ome.tif"
        slides.write_slide_pyramid(
            path, slide, PIXEL_UM, full_pixel_um=PIXEL_UM, full_shape_px=shape
        )
    assert main(block_arguments(folder, [0, 1, 2])) == 0
    return folder


def block_arguments(folder, numbers, out="planes.json"):
    return [
        *("register", "block", "--ct", str(folder / "ct.ome.zarr")),
        *("--slides", *[str(folder / f"s{k}.ome.tif") for k in numbers]),
        *("--samples", *[f"S-{k}" for k in numbers]),
        *("--settings", json.dumps(QUICK), "--block", "B", "--volume", "V"),
        *("--orders", *ORDERS[: len(numbers)]),
        *("--out", str(folder / out)),
    ]


def section_arguments(folder, k, planes, out):
    return [
        *("register", "section", "--ct", str(folder / "ct.ome.zarr")),
        *("--slide", str(folder / f"s{k}.ome.tif"), "--sample", f"S-{k}", "--volume", "V"),
        *(f"--block-planes={planes}", "--settings", json.dumps({**QUICK, "mode": "auto"})),
        *("--out", str(folder / out)),
    ]


def errors_um(section: SectionMap, k: int) -> np.ndarray:
    grid = np.random.default_rng(0).uniform(0.1, 0.9, (300, 2)) * size_of(SHAPES[k])
    return np.linalg.norm(section.to_volume(grid) - block_maps()[k].to_volume(grid), axis=1)


def section_of(block, k):
    settings = RegisterSettings(**QUICK)
    volume = read_volume(omezarr.open_volume_pyramid(block / "ct.ome.zarr"), settings)
    return read_section(slides.open_slide_pyramid(block / f"s{k}.ome.tif"), volume, settings)


def test_the_block_finds_every_plane_where_a_section_alone_does_not(block):
    planes = read_json(block / "planes.json")
    assert planes["confidence"] > 0.9
    assert planes["agreeing"] == 2
    for k in range(3):
        own = planes["sections"][f"S-{k}"]
        off = errors_um(SectionMap.from_dict(own["slide_to_volume"]), k)
        assert np.percentile(off, 95) < 0.8 * sections.VOXEL_UM
        assert own["confidence"] > 0.5 and own["in_order"]
    truth = block_maps()
    assert truth[2].normal @ truth[0].normal < -0.99  # the third is flipped
    assert axis_angle_deg(np.array(planes["axis"]), truth[0].normal) < 1  # most lie like the first
    section = section_of(block, 2)
    alone = single.search_everywhere(section, RegisterSettings(**QUICK))
    assert np.percentile(errors_um(poses.to_map(alone.pose, section.size_um), 2), 95) > 500
    assert alone.confidence < 0.5


def test_a_review_turns_a_section_over_within_its_blocks_plane(block):
    """planes.json with the other face: a direction of view brings the section to its truth."""
    values = read_json(block / "planes.json")
    entry = values["sections"]["S-1"]
    truth = block_maps()[1]
    size_um = np.array(size_of(SHAPES[1]))
    wrong = SectionMap(truth.to_volume([[size_um[0], 0]])[0], -truth.u, truth.v)  # mirrored
    entry["slide_to_volume"] = wrong.to_dict()
    write_json(block / "wrong.json", values)
    words = section_arguments(block, 1, block / "wrong.json", "turned")
    view = ",".join(f"{number:.3f}" for number in truth.normal)
    assert main([*words, f"--view-axis={view}"]) == 0
    transform = read_json(block / "turned" / "transform.json")
    found = SectionMap.from_dict(transform["slide_to_volume"])
    assert found.normal @ truth.normal > 0.999
    assert np.percentile(errors_um(found, 1), 95) < 0.8 * sections.VOXEL_UM
    assert not transform["unsure"]


def test_a_section_takes_its_plane_from_the_block(block):
    assert main(section_arguments(block, 2, block / "planes.json", "out")) == 0
    transform = read_json(block / "out" / "transform.json")
    planes = read_json(block / "planes.json")
    own = planes["sections"]["S-2"]
    for key in ("origin_um", "u", "v"):
        assert np.allclose(transform["slide_to_volume"][key], own["slide_to_volume"][key])
    assert transform["mutual_information"] == pytest.approx(own["mutual_information"], rel=1e-3)
    assert transform["confidence"] == min(own["confidence"], planes["confidence"])
    assert transform["margin"] == own["margin"]
    assert (transform["flags"], transform["unsure"]) == ([], False)
    shared = transform["block"]
    assert (shared["name"], shared["margin"]) == ("B", planes["margin"])
    assert shared["alone_tilt_deg"] < 5
    assert shared["alone_shift_um"] < 3 * sections.VOXEL_UM
    assert read_image(block / "out" / "ct.tif").shape == tuple(transform["pair_shape_px"])


def test_doubts_about_a_blocks_plane_are_flagged(block, tmp_path):
    planes = read_json(block / "planes.json")
    planes["confidence"] = 0.2
    known = planes["sections"]["S-1"]["slide_to_volume"]
    normal = np.cross(known["u"], known["v"])
    known["origin_um"] = (np.array(known["origin_um"]) + 260 * normal).tolist()
    (tmp_path / "planes.json").write_text(json.dumps(planes))
    settings, section = RegisterSettings(**QUICK), section_of(block, 1)
    plane = read_block_plane(tmp_path / "planes.json", "S-1", section, settings)
    assert plane.section.confidence == 0.2
    assert plane.alone_shift_um > 150
    unsure, leaves = flag_block(plane, settings)
    assert "block B shares is unsure: confidence 0.20" in unsure
    assert f"moves by {plane.alone_shift_um:.0f} µm" in leaves
    either = replace(plane, clarity=0.1, section=replace(plane.section, margin=0.01))
    assert "flipped; give view_axis" in flag_block(either, settings)[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"sections": {"S-0": {}}}', "sections: S-1: holds no plane"),
        ('{"sections": {"S-1": {"slide_to_volume": {"u": 1}}}}', "S-1: slide_to_volume"),
        ("[]", "planes.json: must hold a JSON object.*; delete the file"),
        ('{"format": 2}', "format: 2 is unknown"),
        ('{"sections"', "planes.json"),
    ],
)
def test_planes_that_cannot_be_read_are_refused(block, tmp_path, text, words):
    (tmp_path / "planes.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_block_plane(tmp_path / "planes.json", "S-1", None, RegisterSettings())


def test_one_section_is_no_block(block, capsys):
    assert main(block_arguments(block, [0], "one.json")) != 0
    assert "block B: slides: 1 for 1 samples" in capsys.readouterr().err
    assert not (block / "one.json").exists()


def test_axes_are_even_and_frames_face_along_and_against_them():
    axes, turns = spread_axes(2000, np.random.default_rng(0))
    spacing = np.degrees(np.sqrt(2 * np.pi / len(axes)))
    probes = Rotation.random(500, rng=np.random.default_rng(1)).apply([0, 0, 1])
    nearest = np.degrees(np.arccos(np.abs(probes @ axes.T).max(1)))
    assert nearest.max() < spacing
    assert abs(360 / turns - spacing) < 2
    assert 1800 < len(axes) * turns * 2 < 2300
    frames = frames_across(axes, turns).reshape(len(axes), turns, 2, 2, 3)
    assert np.allclose(frames @ frames.swapaxes(-1, -2), np.eye(2))
    normals = np.cross(frames[..., 0, :], frames[..., 1, :])
    assert np.allclose(normals, axes[:, None, None] * np.array([1, -1])[:, None])


def test_a_section_counts_as_flipped_only_if_it_fits_clearly_better():
    up, down = poses.UPRIGHT, FLIPPED + 9 * np.eye(12)[2]
    scores = np.array([[1.0, 0.5], [1.0, 0.5], [1.0, 1.03], [1.0, 1.2]])
    stack = Stack(np.array([[up, down]] * 4), scores)
    assert stack.best[:, 2].tolist() == [0, 0, 0, 9]
    assert stack.total == pytest.approx((3 + 1.2 * 0.94) / 4)


def test_the_margin_is_that_of_the_finest_scale_with_another_axis():
    def across(x, y, score):
        pose = np.array([0, 0, 0, *np.cross([0, 1, 0], [x, y, 1]), 0, 1.0, 0, 0, 0, 0])
        pose[poses.X_AXIS] /= np.linalg.norm(pose[poses.X_AXIS])
        normal = np.array([x, y, 1]) / np.linalg.norm([x, y, 1])
        pose[poses.Y_AXIS] = np.cross(normal, pose[poses.X_AXIS])
        return Stack(pose[None, None].repeat(2, 1), np.full((1, 2), score))

    best, near, far = across(0, 0, 1.0), across(0.05, 0, 0.9), across(1, 0, 0.8)
    assert axis_angle_deg(best.axis, far.axis) == pytest.approx(45)
    searches = [[[best, far], [best]], [[near], [far, near]]]
    by_scale = [[best, far, near], [best, near]]
    assert agreement(best, by_scale, searches) == (1, pytest.approx(0.2 / 1.0))
    assert agreement(best, [[best, near]], searches) == (1, 1.0)
    assert distinct_axes([far, near, best]) == [best, far]


@pytest.mark.parametrize(("flipped_score", "expected"), [(1.0, 0.0), (0.8, 1.0)])
def test_clarity_is_zero_if_the_flipped_block_fits_as_well(flipped_score, expected):
    up, down = poses.UPRIGHT, FLIPPED
    stack = Stack(np.array([[up, down]] * 3), np.array([[1.0, flipped_score]] * 3))
    flipped = Stack(np.array([[down, up]] * 3), np.array([[flipped_score, 1.0]] * 3))
    assert face_clarity(stack, [[stack, flipped], [stack]]) == pytest.approx(expected)
    assert face_clarity(stack, [[stack]]) == 1.0
    assert np.allclose(stack.penalized(0.5)[:, 1], flipped_score * 0.97)


def test_the_best_pose_of_a_face_fills_up():
    up, down = poses.UPRIGHT, FLIPPED
    far = up + np.eye(12)[2] * 900
    candidates = ScoredPoses(np.stack([down, up, up, far]), np.array([3.0, 1, 2, 0.5]))
    axis = np.array([0, 0, 1.0])
    kept, scores = best_of_both_faces(candidates, axis, (1000.0, 1000.0), 2)
    assert np.array_equal(kept, [up, far, down, down])
    assert scores.tolist() == [2, 0.5, 3, 3]


def test_sheet_refuses_a_block_in_two_volumes_and_a_block_without_slide(tmp_path):
    rows = [{"sample": "a", "block": "B"}, {"sample": "b", "block": "B", "volume": "w.tif"}]
    with pytest.raises(InputError, match=r"block 'B' has sections of the volumes a, b"):
        read_sheet(write_sheet(tmp_path, *rows))
    with pytest.raises(InputError, match="'a' has a block but no slide"):
        read_sheet(write_sheet(tmp_path, {"sample": "a", "block": "B", "slide": ""}))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"block": "", "block_order": "1"}], "'s0' has a block_order but no block"),
        ([{"block_order": "2"}, {"block_order": "2"}], "block 'B' has two sections with block_ord"),
        ([{"block_order": "0"}], "block_order: '0' must be a whole number from 1"),
        ([{"block_order": "1.5"}], "block_order: '1.5' must be a whole number from 1"),
    ],
)
def test_sheet_refuses_orders_that_are_none(tmp_path, rows, words):
    rows = [{"sample": f"s{k}", "block": "B", **row} for k, row in enumerate(rows)]
    with pytest.raises(InputError, match=words):
        read_sheet(write_sheet(tmp_path, *rows))


@pytest.mark.workflow
def test_only_sections_without_a_first_guess_search_with_their_block(tmp_path):
    sheet = write_sheet(
        tmp_path,
        {"sample": "a", "block": "B"},
        {"sample": "b", "block": "B", "stain": "t"},
        {"sample": "c", "block": "B", "register_mode": "initial_pose", "initial_pose": "c.json"},
        {"sample": "d", "block": "alone"},
        {"sample": "e"},
    )
    (tmp_path / "c.json").touch()
    make_workspace(tmp_path, {"samples": str(sheet), "results": "results"})
    done = snakemake(tmp_path, "-n", "-p", "results/02_register/registration.csv")
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("rule search_block:") == 1
    assert "--samples a b --orders - - --block B --volume a" in done.stdout
    planes = "--block-planes=results/02_register/blocks/B/planes.json --sample"
    with_block = {s: f"{planes} {s} " in done.stdout for s in "abcde"}
    assert with_block == {"a": True, "b": True, "c": False, "d": False, "e": False}
    assert "--block-planes= --sample d " in done.stdout
