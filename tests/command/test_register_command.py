"""The register command: files, first poses, refusals, and a real section."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import sections
import tifffile

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.example.anchoring import anchoring_to_pose
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.result.flags import flag_result
from virtual_staining.register.rough_pose import fit_rigid, read_initial_pose
from virtual_staining.register.search.confidence import SectionResult
from virtual_staining.register.search.single import search_near
from virtual_staining.register.similarity.mutual_information import score_poses
from virtual_staining.register.similarity.pose import CENTER, frame_angle_deg, from_map, to_map
from virtual_staining.settings.register import RegisterSettings

SIZE_UM = (3800.0, 4200.0)
QUICK = {"mode": "initial_pose", "coarse_um": 200, "fine_um": 50, "fan_starts": 1024,
         "fan_deg": 8, "fan_um": 400, "fan_beam": [48, 24, 6, 2], "colour_classes": 6}  # fmt: skip


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """An ingested volume and section, the truth, a rough pose, and the command's output."""
    folder = tmp_path_factory.mktemp("register")
    truth, rigid = sections.oblique_map(SIZE_UM)
    labels = sections.phantom_labels()
    omezarr.write_volume_pyramid(
        folder / "ct.ome.zarr", sections.phantom_ct(labels), sections.VOXEL_UM
    )
    slide = sections.cut(labels, truth, (210, 190), 20.0)
    slides.write_slide_pyramid(folder / "slide.ome.tif", slide, 20.0, full_pixel_um=4.0,
                         full_shape_px=(1050, 950))  # fmt: skip
    rough = {"center_um": (rigid.to_volume([[1900, 2100]])[0] + [120, -90, 80]).tolist(),
             "u": (rigid.u + 0.04 * rigid.v).tolist(), "v": rigid.v.tolist()}  # fmt: skip
    (folder / "pose.json").write_text(json.dumps(rough))
    out = folder / "out"
    assert main(arguments(folder, folder / "pose.json", out)) == 0
    return SimpleNamespace(folder=folder, truth=truth, out=out)


def arguments(folder, pose, out) -> list[str]:
    return [
        "register",
        "section",
        "--ct",
        str(folder / "ct.ome.zarr"),
        "--slide",
        str(folder / "slide.ome.tif"),
        f"--initial-pose={pose}",
        "--settings",
        json.dumps(QUICK),
        "--sample",
        "S-1",
        "--volume",
        "V-1",
        "--out",
        str(out),
    ]


def test_output_contract(case):
    transform = json.loads((case.out / "transform.json").read_text())
    images = {name: read_image(case.out / f"{name}.tif") for name in ("ct", "slide", "valid")}
    height, width = transform["pair_shape_px"]
    assert (images["ct"].dtype, images["ct"].shape) == (np.uint16, (height, width))
    assert (images["slide"].dtype, images["slide"].shape) == (np.uint8, (height, width, 3))
    assert set(np.unique(images["valid"])) <= {0, 255}
    assert images["valid"].shape == (height, width)
    assert images["valid"].mean() > 128
    known = {"volume": "V-1", "sample": "S-1", "pair_pixel_um": 50.0, "flags": [], "unsure": False,
             "slide_px_to_um": [[4, 0, 0], [0, 4, 0]]}  # fmt: skip
    assert known.items() <= transform.items()
    for key in (
        "mutual_information",
        "margin",
        "agreeing",
        "searches",
        "confidence",
        "bone_dice",
        "scale_x",
        "scale_y",
        "shear",
        "rotation_deg",
    ):
        assert np.isfinite(transform[key])
    assert sorted(p.name for p in case.out.iterdir()) == [
        "ct.tif",
        "qc.png",
        "slide.tif",
        "slide_to_volume.tfm",
        "transform.json",
        "valid.tif",
    ]
    assert cv2.imread(str(case.out / "qc.png")).std() > 10


def test_transforms_agree_and_are_true(case):
    transform = json.loads((case.out / "transform.json").read_text())
    pair = SectionMap.from_dict(transform["pair_to_volume"])
    slide = SectionMap.from_dict(transform["slide_to_volume"])
    assert np.stack([pair.u, pair.v]) @ np.stack([pair.u, pair.v]).T == pytest.approx(np.eye(2))
    matrix = np.array(transform["pair_to_slide"])
    points = np.random.default_rng(0).uniform(0, 3000, (50, 2))
    in_slide = points @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(slide.to_volume(in_slide), pair.to_volume(points), atol=1e-6)
    errors = np.linalg.norm(slide.to_volume(points) - case.truth.to_volume(points), axis=1)
    assert np.percentile(errors, 95) < sections.VOXEL_UM


def test_pair_shows_the_same_tissue(case):
    ct, slide = (read_image(case.out / f"{n}.tif") for n in ("ct", "slide"))
    screw_ct, screw_slide = ct > 32000, slide.max(2) < 60
    assert screw_ct.sum() > 200
    assert 2 * (screw_ct & screw_slide).sum() / (screw_ct.sum() + screw_slide.sum()) > 0.93


@pytest.mark.parametrize("mirrored", [False, True])
def test_landmarks_give_the_pose(tmp_path, mirrored):
    _, rigid = sections.oblique_map(SIZE_UM, mirrored)
    pixels = np.array([[100.0, 100], [800, 150], [300, 1000], [700, 900]])
    points = rigid.to_volume(pixels * 4.0)
    rows = np.hstack([pixels, points])
    header = "slide_x_px,slide_y_px,volume_x_um,volume_y_um,volume_z_um"
    np.savetxt(tmp_path / "marks.csv", rows, delimiter=",", header=header, comments="", fmt="%.9g")
    pose = read_initial_pose(tmp_path / "marks.csv", SIZE_UM, 4.0 * np.eye(2, 3))
    section = to_map(pose, SIZE_UM)
    assert section.origin_um == pytest.approx(rigid.origin_um, abs=0.01)
    assert section.u == pytest.approx(rigid.u, abs=1e-5)
    assert section.v == pytest.approx(rigid.v, abs=1e-5)


def test_noisy_landmarks_still_give_a_rigid_pose():
    _, rigid = sections.oblique_map(SIZE_UM)
    rng = np.random.default_rng(2)
    marks = rng.uniform(0, 4000, (8, 2))
    fitted = fit_rigid(marks, rigid.to_volume(marks) + rng.normal(0, 50, (8, 3)))
    assert fitted.u @ fitted.v == pytest.approx(0, abs=1e-12)
    assert fitted.normal @ rigid.normal > np.cos(np.radians(3))


HEADER = "slide_x_px,slide_y_px,volume_x_um,volume_y_um,volume_z_um\n"
BAD_POSES = {
    "pose.json": [
        ('{"u": [1,0,0], "v": [0,1,0]}', "center_um"),
        ('{"center_um": [1,2], "u": [1,0,0], "v": [0,1,0]}', "center_um"),
        ('{"center_um": [1,2,3], "u": [1,0,0], "v": [1,0.1,0]}', "right angles"),
        ('{"center_um": [1,2,NaN], "u": [1,0,0], "v": [0,1,0]}', "finite"),
        ("{", "not valid JSON"),
    ],
    "marks.csv": [
        ("slide_x_px,slide_y_px\n1,2\n", "volume_x_um"),
        (HEADER + "0,0,0,0,0\n9,9,9,9,9\n", "at least 3"),
        (HEADER + "0,0,0,0,0\n5,5,5,5,0\n9,9,9,9,0\n", "one line"),
        (HEADER + "0,0,0,0,0\n9,0,90,0,0\n0,9,0,90,0\n", "pixel size"),
        (HEADER + "0,0,0,0,0\n9,0,here,0,0\n0,9,0,90,0\n", "volume_x_um"),
        ("", "no landmarks are known"),
    ],
    "pose.txt": [("", ".json")],
}


@pytest.mark.parametrize(
    ("name", "text", "word"), [(n, *case) for n, cases in BAD_POSES.items() for case in cases]
)
def test_bad_first_poses_are_refused_by_name(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=word) as caught:
        read_initial_pose(tmp_path / name, SIZE_UM, np.eye(2, 3))
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["none.json", "none.csv"])
def test_missing_first_pose_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="no such file"):
        read_initial_pose(tmp_path / name, SIZE_UM, np.eye(2, 3))


def test_no_first_pose_is_refused(case, tmp_path, capsys):
    assert main(arguments(case.folder, "", tmp_path / "out")) == 1
    assert "S-1: initial_pose" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_auto_needs_no_first_pose(case, tmp_path):
    quick = json.dumps(QUICK | {"mode": "auto", "scan_rotations": 1000, "scan_beam": [300, 30, 6]})
    line = arguments(case.folder, "", tmp_path / "out")
    line[line.index("--settings") + 1] = quick
    assert main(line) == 0
    transform = json.loads((tmp_path / "out" / "transform.json").read_text())
    points = np.random.default_rng(0).uniform(400, 3400, (50, 2))
    slide = SectionMap.from_dict(transform["slide_to_volume"])
    errors = np.linalg.norm(slide.to_volume(points) - case.truth.to_volume(points), axis=1)
    assert np.percentile(errors, 95) < sections.VOXEL_UM
    assert transform["flags"] == []


def test_fixed_takes_the_pose_as_it_is(case, tmp_path):
    line = arguments(case.folder, case.folder / "pose.json", tmp_path / "out")
    line[line.index("--settings") + 1] = json.dumps(QUICK | {"mode": "fixed"})
    assert main(line) == 0
    transform = json.loads((tmp_path / "out" / "transform.json").read_text())
    slide = SectionMap.from_dict(transform["slide_to_volume"])
    given = json.loads((case.folder / "pose.json").read_text())
    assert slide.to_volume([[1900, 2100]])[0] == pytest.approx(given["center_um"])
    assert slide.normal == pytest.approx(np.cross(given["u"], given["v"]), abs=1e-3)
    searched = json.loads((case.out / "transform.json").read_text())
    assert 0 < transform["mutual_information"] < searched["mutual_information"]


def test_a_pose_beside_the_volume_is_refused_and_writes_nothing(case, tmp_path, capsys):
    far = {"center_um": [90000, 0, 0], "u": [0, 1, 0], "v": [0, 0, 1]}
    (tmp_path / "far.json").write_text(json.dumps(far))
    assert main(arguments(case.folder, tmp_path / "far.json", tmp_path / "out")) == 1
    assert "misses the volume" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    results = Results(tmp_path)
    folder = results.registered("S").path
    line = [*arguments(case.folder, tmp_path / "far.json", folder), "--failed", "drop"]
    assert main(line) == 0  # with register.failed: drop the later jobs pass the failure on
    assert "misses the volume" in failure_of(folder / "transform.json")
    assert {path.name for path in folder.iterdir() if not path.stat().st_size} == {
        "ct.tif", "slide.tif", "valid.tif", "slide_to_volume.tfm", "qc.png"
    }  # fmt: skip
    files, out = results.registered("S"), results.normalized("S").path
    line = ["normalize", "--ct", str(files.ct), "--slide", str(files.slide)]
    line += ["--valid", str(files.valid), "--transform", str(files.transform)]
    assert main([*line, "--settings", "{}", "--out", str(out)]) == 0
    line = ["mask", "--results", str(tmp_path), "--sample", "S"]
    assert main([*line, "--settings", "{}", "--normalize", "{}"]) == 0
    assert "misses the volume" in failure_of(results.normalized("S").stats)
    assert not any(p.stat().st_size for p in (results.mask("S").mask, results.normalized("S").ct))


def test_an_earlier_result_can_be_fixed_and_stays_as_it_is(case, tmp_path):
    line = arguments(case.folder, case.out / "transform.json", tmp_path / "out")
    line[line.index("--settings") + 1] = json.dumps(QUICK | {"mode": "fixed"})
    assert main(line) == 0
    again, first = (json.loads((folder / "transform.json").read_text())
                    for folder in (tmp_path / "out", case.out))  # fmt: skip
    for key in ("origin_um", "u", "v"):
        assert again["slide_to_volume"][key] == pytest.approx(first["slide_to_volume"][key])
    assert (again["confidence"], again["searches"], again["unsure"]) == (1, 0, False)


def result_with(scale_x=0.0, scale_y=0.0, shear=0.0, confidence=0.9) -> SectionResult:
    pose = np.array([0, 0, 0, 1, 0, 0, 0, 1, 0, scale_x, scale_y, shear])
    return SectionResult(pose, 1.0, 0.1, 2, 2, confidence)


@pytest.mark.parametrize(
    ("result", "tissue", "word"),
    [
        (result_with(scale_x=0.06), 0.5, "scale_x"),
        (result_with(scale_y=-0.06), 0.5, "scale_y"),
        (result_with(shear=-0.07), 0.5, "shear"),
        (result_with(confidence=0.2), 0.5, "confidence"),
        (result_with(), 0.001, "no tissue"),
    ],
)
def test_doubts_are_flagged(result, tissue, word):
    flags = flag_result(result, tissue, RegisterSettings())
    assert len(flags) == 1
    assert word in flags[0]


def test_a_sound_result_has_no_flags():
    assert flag_result(result_with(0.03, -0.03, 0.04), 0.5, RegisterSettings()) == []


def test_a_real_section_stays_by_its_plane_and_gains_information(shared_data):
    folder = shared_data / "mouse-brain-2d3d"
    planes = json.loads((folder / "planes.json").read_text())
    name, anchoring = first_plane(planes)
    slide = cv2.imread(str(folder / "sections" / name), cv2.IMREAD_COLOR)[..., ::-1].copy()
    values, pixel_um = anchoring_to_pose(anchoring, (slide.shape[1], slide.shape[0]))
    size_um = (slide.shape[1] * pixel_um, slide.shape[0] * pixel_um)
    volume = tifffile.imread(folder / "volume_ccf_100um.tiff")
    section = sections.scales_of(volume, slide, size_um, 160.0, 8, voxel_um=100.0)
    guess = from_map(pose_to_map(**values, slide_size_um=size_um), size_um)
    settings = RegisterSettings(fan_deg=8, fan_starts=1024, fan_beam=(64, 32, 8, 4))
    result = search_near(guess, section, settings)
    before = score_poses(section.scales[-1], 32, guess[None])[0]
    assert result.mutual_information > before
    assert before > 0.2
    assert frame_angle_deg(guess, result.pose) < 10
    assert np.linalg.norm(result.pose[CENTER] - guess[CENTER]) < 1000


def first_plane(planes) -> tuple[str, list[float]]:
    entry = planes["slices"][len(planes["slices"]) // 2]
    return entry["filename"], entry["anchoring"]
