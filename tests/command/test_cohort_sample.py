"""Whole samples: raw files, truth and annotations agree."""

import dataclasses
import json

import cv2
import h5py
import numpy as np
import pytest
import tifffile

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.cli import main
from virtual_staining.cohort.deformation import Deformation
from virtual_staining.cohort.sample import make_sample
from virtual_staining.cohort.sample_list import sample_specs, sample_table
from virtual_staining.cohort.section_plane import cut_section, rough_pose
from virtual_staining.cohort.specimen.labels import BONE, RIGID, Label, is_in
from virtual_staining.cohort.specimen.phantom import make_phantom
from virtual_staining.cohort.synthetic_slide import Layers
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.settings.cohort import CohortSettings

COUNTS = {
    "toluidine_blue": {"crossval": {"Mg": 1, "Ti": 1, "PEEK": 1}},
    "hematoxylin_eosin": {"crossval": {"Mg": 1}},
}
SETTINGS = CohortSettings(
    stains=COUNTS,
    voxel_size_um=75,
    slide_pixel_um=15,
    partial_fraction=0.25,
    annotated_fraction=1.0,
    mirrored_fraction=0.5,
)
SEED = 4


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The folder of a small cohort with all materials, stains and formats."""
    folder = tmp_path_factory.mktemp("cohort")
    for spec in sample_specs(SETTINGS, SEED):
        make_sample(spec, SETTINGS, folder / spec.sample)
    return folder


def read_volume(path):
    text = str(path)
    if "::" in text:
        file, dataset = text.split("::")
        with h5py.File(file) as store:
            return store[dataset][()]
    return tifffile.imread(sorted(path.glob("*.tif")) if path.is_dir() else path)


def read_slide(path):
    return cv2.imread(str(path))[..., ::-1] if path.suffix == ".png" else tifffile.imread(path)


def test_the_sheets_files_are_there_and_readable(cohort):
    for row, spec in zip(
        sample_table(SETTINGS, SEED).itertuples(), sample_specs(SETTINGS, SEED), strict=True
    ):
        volume = read_volume(cohort / row.volume)
        assert volume.shape == (80, 80, 80) and volume.dtype == spec.ct_dtype
        slide = read_slide(cohort / row.slide)
        size_mm = SETTINGS.partial_field_mm if spec.partial else SETTINGS.full_field_mm
        assert slide.shape == (round(size_mm[1] / 0.015), round(size_mm[0] / 0.015), 3)
        assert slide.dtype == np.uint8
        assert (cohort / row.annotations).is_file() and (cohort / row.initial_pose).is_file()
        labels = tifffile.imread(cohort / spec.sample / "labels_slide.tif")
        assert labels.shape == slide.shape[:2]


def test_ome_tiff_is_a_pyramid_with_its_pixel_size(cohort):
    with tifffile.TiffFile(cohort / "Mg-01" / "slide.ome.tif") as slide:
        assert slide.is_ome and 'PhysicalSizeX="15' in slide.ome_metadata
        levels = slide.series[0].levels
        assert len(levels) > 1 and levels[1].shape[0] == levels[0].shape[0] // 2
        assert slide.pages[0].is_tiled


def test_same_seed_same_sample(cohort, tmp_path):
    spec = sample_specs(SETTINGS, SEED)[0]
    make_sample(spec, SETTINGS, tmp_path / "again")
    for name in ("slide.ome.tif", "labels_slide.tif"):
        first, second = (tifffile.imread(f / name) for f in (cohort / "Mg-01", tmp_path / "again"))
        assert np.array_equal(first, second)
    volumes = [read_volume(f / "ct") for f in (cohort / "Mg-01", tmp_path / "again")]
    assert np.array_equal(*volumes)
    other = dataclasses.replace(spec, seed=(SEED + 1, spec.seed[1]))
    make_sample(other, SETTINGS, tmp_path / "other")
    assert not np.array_equal(volumes[0], read_volume(tmp_path / "other" / "ct"))


def test_truth_maps_rigid_labels_onto_the_phantom(cohort):
    for spec in sample_specs(SETTINGS, SEED):
        truth = read_json(cohort / spec.sample / "truth.json")
        plane = SectionMap.from_dict(truth["slide_to_volume"])
        labels = tifffile.imread(cohort / spec.sample / "labels_slide.tif")
        phantom = make_phantom(spec.material, 6000.0, spec.seed)
        deformation = Deformation.from_dict(truth["deformation"])
        layers = Layers(phantom, plane, labels.shape, 15, 40, deformation)
        middle = layers.labels(range(labels.shape[0]))
        kept = is_in(labels, RIGID)
        assert np.array_equal(labels[kept], middle[kept])
        assert kept.sum() > 0.75 * is_in(middle, RIGID).sum()  # some pieces have gone


def test_slide_follows_the_volume_through_the_truth(cohort):
    """Bone is bright in CT where the truth maps the slide's bone, and not 300 µm beside it."""
    spec = sample_specs(SETTINGS, SEED)[0]
    truth = read_json(cohort / "Mg-01" / "truth.json")
    plane = SectionMap.from_dict(truth["slide_to_volume"])
    labels = tifffile.imread(cohort / "Mg-01" / "labels_slide.tif")
    volume = read_volume(cohort / "Mg-01" / "ct").astype(float)
    grey = (volume - truth["scan"]["background"]) / (
        truth["scan"]["bone"] - truth["scan"]["background"]
    )
    y, x = np.nonzero(labels == Label.CORTICAL)
    points = plane.to_volume((np.stack([x, y], 1) + 0.5) * 15)
    index = np.floor(points / 75).astype(int)[:, ::-1]
    index = index[((index >= 0) & (index < 80)).all(1)]
    assert spec.material == "Mg"
    assert np.median(grey[tuple(index.T)]) == pytest.approx(1, abs=0.12)


def test_distortion_stays_within_its_limits():
    settings = SETTINGS.model_copy(update={"stains": {s: {"crossval": {"Mg": 40}} for s in COUNTS}})
    phantom = make_phantom("Mg", 6000.0, (1, 1))
    largest = {}
    for spec in sample_specs(settings, SEED):
        section = cut_section(phantom, spec, settings)
        (sx, shear), (zero, sy) = section.affine
        limit = 0.01 if spec.stain == "toluidine_blue" else 0.04
        assert abs(sx - 1) <= 0.03 and abs(sy - 1) <= 0.03 and abs(shear) <= limit and zero == 0
        largest[spec.stain] = max(largest.get(spec.stain, 0), abs(shear))
        frame = np.stack([section.u, section.v, section.cut_normal])
        assert np.allclose(frame @ frame.T, np.eye(3))
        assert np.linalg.det(frame) == pytest.approx(-1 if spec.mirrored else 1)
        angle = np.degrees(np.arcsin(abs(section.cut_normal @ phantom.rotation[2])))
        assert angle <= settings.plane_tilt_deg + 1e-6
    assert largest["hematoxylin_eosin"] > 0.02 > largest["toluidine_blue"] > 0.005


def test_any_plane_is_oblique_in_every_direction():
    settings = SETTINGS.model_copy(
        update={"plane": "any", "stains": {"toluidine_blue": {"crossval": {"Mg": 60}}}}
    )
    phantom = make_phantom("Mg", 6000.0, (1, 1))
    axis = phantom.rotation[2]
    cosines = [
        abs(cut_section(phantom, s, settings).cut_normal @ axis)
        for s in sample_specs(settings, SEED)
    ]
    assert min(cosines) < 0.2 and max(cosines) > 0.8


def test_first_pose_is_rough_but_near():
    phantom = make_phantom("Mg", 6000.0, (1, 1))
    for spec in sample_specs(SETTINGS, SEED):
        section = cut_section(phantom, spec, SETTINGS)
        pose = rough_pose(section, spec, SETTINGS)
        rotation = np.stack([pose["u"], pose["v"], np.cross(pose["u"], pose["v"])], 1)
        true = np.stack([section.u, section.v, np.cross(section.u, section.v)], 1)
        angle = np.degrees(np.arccos((np.trace(rotation @ true.T) - 1) / 2))
        distance = np.linalg.norm(np.array(pose["center_um"]) - section.center_um)
        assert 1 < angle <= 3 + 1e-6
        assert 100 < distance <= 300 + 1e-6


def test_annotations_hold_their_class(cohort):
    seen = set()
    for spec in sample_specs(SETTINGS, SEED):
        labels = tifffile.imread(cohort / spec.sample / "labels_slide.tif")
        regions = json.loads((cohort / spec.sample / "annotations.geojson").read_text())
        assert regions["type"] == "FeatureCollection"
        for feature in regions["features"]:
            name = feature["properties"]["classification"]["name"]
            ring = np.array(feature["geometry"]["coordinates"][0])
            assert np.array_equal(ring[0], ring[-1])
            inside = np.zeros(labels.shape, np.uint8)
            cv2.fillPoly(inside, [np.floor(ring).astype(np.int32)], 1)
            found = labels[inside > 0]
            seen.add(name)
            if name == "Bone":
                assert is_in(found, (*BONE, Label.VESSEL)).mean() > 0.9
            elif name == "Background":
                assert (found == Label.AIR).mean() > 0.97
            else:
                assert (found == Label.AIR).mean() > 0.4
    assert seen == {"Bone", "Background", "Exclude"}


def test_colours_follow_the_stain(cohort):
    def mean(sample, label):
        slide = next((cohort / sample).glob("slide.*"))
        labels = tifffile.imread(cohort / sample / "labels_slide.tif")
        core = cv2.erode((labels == label).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return np.median(read_slide(slide)[core], axis=0)

    red, green, blue = mean("Mg-01", Label.CORTICAL)
    assert blue > red > green  # purple
    red, green, blue = mean("Mg-01", Label.WOVEN)
    assert blue > 1.5 * red and blue > 1.2 * green  # bright blue
    for sample in ("Mg-01", "Ti-01", "PEEK-01"):
        assert mean(sample, Label.IMPLANT).max() < 30  # black
    red, green, blue = mean("HE-Mg-01", Label.CORTICAL)
    assert red > 1.2 * blue > 1.2 * green  # deep pink
    assert mean("HE-Mg-01", Label.IMPLANT).min() > 200  # the screw is not on the slide


def test_colour_is_not_a_function_of_grey(cohort):
    """Knowing the CT grey exactly leaves much of the stained bone's colour open."""
    truth = read_json(cohort / "Mg-01" / "truth.json")
    plane = SectionMap.from_dict(truth["slide_to_volume"])
    slide = tifffile.imread(cohort / "Mg-01" / "slide.ome.tif").astype(float)
    volume = read_volume(cohort / "Mg-01" / "ct").astype(float)
    y, x = np.indices(slide.shape[:2]).reshape(2, -1)[:, ::3]
    index = np.floor(plane.to_volume((np.stack([x, y], 1) + 0.5) * 15) / 75).astype(int)[:, ::-1]
    here = ((index >= 0) & (index < 80)).all(1)
    labels = tifffile.imread(cohort / "Mg-01" / "labels_slide.tif")[y, x]
    here &= is_in(labels, (*RIGID, Label.MARROW, Label.SOFT)) & (labels != Label.IMPLANT)
    grey, colour = volume[tuple(index[here].T)], slide[y[here], x[here]]
    tissue = grey > truth["scan"]["background"] + 0.5 * (
        truth["scan"]["bone"] - truth["scan"]["background"]
    )
    grey, colour = grey[tissue], colour[tissue]
    edges = np.unique(np.quantile(grey, np.linspace(0, 1, 33)))
    bins = np.digitize(grey, edges[1:-1])
    within = sum(colour[bins == b].var(0).sum() * (bins == b).sum() for b in np.unique(bins))
    assert within / len(colour) > 0.5 * colour.var(0).sum()


def test_command_writes_the_sheet_and_refuses_unknown_samples(tmp_path, capsys):
    values = json.dumps({"stains": COUNTS})
    arguments = ["--settings", values, "--seed", "4"]
    assert main(["cohort", "sheet", *arguments, "--out", str(tmp_path / "samples.tsv")]) == 0
    assert len((tmp_path / "samples.tsv").read_text().splitlines()) == 5
    wrong = ["cohort", "sample", *arguments, "--sample", "Mg-09", "--out", str(tmp_path / "x")]
    assert main(wrong) == 1
    assert "Mg-09" in capsys.readouterr().err and not (tmp_path / "x").exists()
