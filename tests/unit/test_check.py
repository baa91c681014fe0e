"""The check: what was understood of each file, what would be refused, and what the run takes."""

import json
import re

import numpy as np
import pytest
import tifffile
from raw_volumes import SHAPE, write_folder, write_itk

from virtual_staining import cli
from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.check.command import read_study
from virtual_staining.check.estimate import estimate
from virtual_staining.check.headers import read_headers
from virtual_staining.check.machine import core_speed
from virtual_staining.check.understood import File, Sample
from virtual_staining.errors import InputError
from virtual_staining.settings.study import Study

HEAD = "sample\tvolume\tslide\tstain\tmaterial\trole\tvoxel_size_um\tslide_pixel_um\tannotations"
CONFIG = {"ingest": {"voxel_size_um": 5.0, "slide_pixel_um": 1.0}}
VOLUME = np.random.default_rng(0).integers(1, 60000, SHAPE).astype("u2")


def write_slide(path, height=60, width=80, unit="µm"):
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype("u1")
    sizes = {f"PhysicalSize{axis}": 1.0 for axis in "XY"}
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    metadata = {"axes": "YXS", **sizes, **units}
    tifffile.imwrite(path, image, photometric="rgb", ome=True, metadata=metadata)


def write_regions(path, scale=1.0):
    def feature(name, left, top):
        right, bottom = scale * (left + 20), scale * (top + 20)
        left, top = scale * left, scale * top
        ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "geometry": geometry,
                "properties": {"classification": {"name": name}}}  # fmt: skip

    features = [feature("Bone", 5, 5), feature("Bone", 40, 5), feature("Background", 5, 30)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


@pytest.fixture
def study(tmp_path):
    """A folder of files, and a writer of a sheet of them."""
    write_folder(tmp_path / "scan", VOLUME)
    write_itk(tmp_path / "ct.mha", VOLUME)
    write_slide(tmp_path / "s.ome.tif")
    write_regions(tmp_path / "s.geojson")

    def sheet(*rows):
        lines = ["\t".join(row.split("|")) for row in rows]
        path = tmp_path / "samples.tsv"
        path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
        return path

    return sheet


def headers(sheet):
    return read_headers(read_sheet(sheet), Study.model_validate(CONFIG))


def test_what_was_understood_of_a_sample(study):
    (sample,) = headers(study("A|ct.mha|s.ome.tif|he|Ti|test|||s.geojson"))
    volume, slide, drawn = sample.files
    assert (volume.container, volume.dtype, volume.axes) == ("MetaImage", "uint16", "z, y, x")
    assert (volume.shape, volume.size_um) == (SHAPE, (5.0, 5.0, 5.0))
    assert volume.origin == "file, in millimetres"
    assert "names no unit" in volume.warnings[0]
    assert volume.size_mm == pytest.approx((0.06, 0.05, 0.07))
    assert (slide.container, slide.axes, slide.origin) == ("TIFF", "y, x, RGB", "file")
    assert (slide.shape, slide.size_um, slide.warnings) == ((60, 80), (1.0, 1.0), [])
    assert drawn.regions == "Bone 2, Background 1"
    assert (sample.mode, sample.errors) == ("auto", [])


def test_what_is_drawn_on_the_ct_is_told_and_not_held_against_the_slide(study, tmp_path):
    write_regions(tmp_path / "ct.geojson", scale=4.0)
    sheet = study("A|ct.mha|s.ome.tif|he|Ti|test|||s.geojson!")
    lines = sheet.read_text().splitlines()
    sheet.write_text(f"{lines[0]}\tannotations_ct\n{lines[1]}\tct.geojson\n")
    (sample,) = headers(sheet)
    drawn = [file for file in sample.files if file.container == "GeoJSON"]
    assert [file.column for file in drawn] == ["annotations", "annotations_ct"]
    assert [file.regions for file in drawn] == ["Bone 2, Background 1"] * 2
    assert [file.warnings + file.errors for file in drawn] == [[], []]


@pytest.mark.parametrize(
    ("cell", "origin"),
    [("5", "sheet and file, in millimetres"), ("6", "sheet, against the file's 5,5,5")],
)
def test_where_a_size_came_from(study, cell, origin):
    (sample,) = headers(study(f"A|ct.mha|||||{cell}||"))
    assert sample.files[0].origin == origin


def test_a_shared_volume_is_read_once(study, monkeypatch):
    opened = []
    from virtual_staining.check import headers as module

    real = module.open_volume
    monkeypatch.setattr(module, "open_volume", lambda path: opened.append(path) or real(path))
    samples = headers(study("A|scan|s.ome.tif|he|Ti|test|5||", "B|scan|s.ome.tif|he|Ti|test|5||"))
    assert len(opened) == 1
    assert [sample.volume_id for sample in samples] == ["A", "A"]


def test_volumes_of_two_sizes_are_told_apart_and_a_refusal_is_told_once(study):
    sheet = study("A|scan|s.ome.tif|he|Ti|test|5||", "B|scan|s.ome.tif|he|Ti|test|0.005||")
    lines = sheet.read_text().splitlines()
    ids = ("volume_id", "A", "B")
    sheet.write_text("".join(f"{a}\t{b}\n" for a, b in zip(lines, ids, strict=True)))
    good, wrong = headers(sheet)
    assert good.errors == []
    assert len(wrong.errors) == 1
    assert "0.005 may be millimetres" in wrong.errors[0]


def broken(folder):
    """Files with a fault that a header shows: row of the sheet, and what is said of it."""
    (folder / "cut.tif").write_bytes(b"II*\0\x08\0\0\0")
    tifffile.imwrite(folder / "plane.tif", VOLUME[:1], photometric="minisblack")
    write_slide(folder / "metres.ome.tif", unit="mm")
    write_slide(folder / "large.ome.tif", height=1500, width=1500)
    write_regions(folder / "far.geojson", scale=4.0)
    write_regions(folder / "bad.geojson")
    bad = (folder / "bad.geojson").read_text().replace('"Bone"', '"Bnoe"')
    (folder / "bad.geojson").write_text(bad)
    yield "A|scan|||||0.005||", "✗", "0.005 may be millimetres: write voxel_size_um in µm"
    yield "A|cut.tif|||||5||", "✗", "cut.tif: "
    yield "A|plane.tif|||||5||", "✗", "plane.tif: "
    yield "A|scan|||||5||bad.geojson", "✗", "unknown class 'Bnoe'"
    yield "A|nothing.tif|||||5||", "✗", "nothing.tif: no such file"
    yield "A|scan|||||||", "✗", "scan: its metadata gives no size in µm; set voxel_size_um"
    yield "A|scan|metres.ome.tif|he|Ti|test|5||", "✗", "the slide is .* times larger"
    yield "A|scan|large.ome.tif|he|Ti|test|5||", "✗", "the slide is .* times larger"
    yield "A|scan|s.ome.tif|he|Ti|test|5|2|", "✗", "slide_pixel_um is 2,2 µm in the sheet but"
    yield "A|scan|s.ome.tif|he|Ti|test|5|2!|", "!", "slide_pixel_um is 2,2 µm as the sheet says"
    yield (
        "A|scan|s.ome.tif|he|Ti|test|5||far.geojson",
        "!",
        "of Bone .* outside the slide.s 80 x",
    )
    yield "A|scan|s.ome.tif|he|Ti|test|5||bad.geojson", "✗", "unknown class 'Bnoe'"


def test_every_fault_that_a_header_shows_is_told(study, tmp_path, capsys):
    for row, mark, words in broken(tmp_path):
        status = cli.main(["check", str(study(row)), "--config", json.dumps(CONFIG)])
        out, err = capsys.readouterr()
        assert re.search(rf"^  {mark} .*{words}", out, re.MULTILINE), (row, out)
        assert status == int(mark == "✗"), row
        assert ("1 of 1 samples would be refused (A)" in err) == bool(status), row
        assert "WARNING" not in err


def test_table_and_page_say_the_same(study, tmp_path, capsys):
    sheet = study("A|ct.mha|s.ome.tif|he|Ti|test|||s.geojson", "B|cut.tif|||||5||")
    (tmp_path / "cut.tif").write_bytes(b"<script>")
    page = tmp_path / "new" / "check.html"
    arguments = ["check", str(sheet), "--config", json.dumps(CONFIG), "--page", str(page)]
    assert cli.main(arguments) == 1
    out, text = capsys.readouterr().out, page.read_text(encoding="utf-8")
    for words in ("MetaImage", "12 × 10 × 14", "0.06 × 0.05 × 0.07", "he, Ti, test, auto",
                  "Bone 2, Background 1", "file, in millimetres", "registered pairs"):  # fmt: skip
        assert words in out, words
        assert words in text, words
    assert "1 would be refused" in text
    assert "<script" not in text
    assert "http" not in text  # one file, nothing from elsewhere
    assert "in all about 1 min" in out


def test_the_run_is_estimated_from_the_working_size(study):
    sheet = study(*(f"S{n}|ct.mha|s.ome.tif|he|Ti|crossval|||" for n in range(6)))
    samples = headers(sheet)
    fine = Study.model_validate({**CONFIG, "split": {"folds": 3}, "stain": {"volumes": "all"}})
    ingest = fine.ingest.model_copy(update={"voxel_size_um": 10})
    coarse = fine.model_copy(update={"ingest": ingest})
    needs = {need.stage: need for need in estimate(samples, fine)}
    assert needs.keys() >= {"tables and figures"}
    fewer = {need.stage: need for need in estimate(samples, coarse)}
    assert needs["ingest"].jobs == 7  # one volume, six slides
    assert needs["stained volumes"].disk_bytes == pytest.approx(
        8 * fewer["stained volumes"].disk_bytes
    )
    assert needs["training, without a GPU"].jobs == 3 * len(fine.models)
    alone = {need.stage for need in estimate(samples[:2], fine)}
    assert alone == {"ingest", "registered pairs"}  # too few for folds: nothing is trained


def needs_of(profile, voxels, voxel_um, speed, repository, monkeypatch):
    """Return what a profile's fourteen samples take on two cores of a machine of this speed."""
    monkeypatch.setattr("virtual_staining.check.estimate.core_speed", lambda: speed)
    monkeypatch.setattr("virtual_staining.check.estimate.cpu_count", lambda: 2)
    monkeypatch.chdir(repository)
    names = [f"{role}-{n}" for role, count in (("crossval", 11), ("test", 3)) for n in range(count)]
    samples = [
        Sample(name, name, "tb", "Mg", name.partition("-")[0], "auto", [
            File("volume", "ct", shape=(voxels,) * 3, size_um=(voxel_um,) * 3),
            File("slide", "s.tif", shape=(4 * voxels,) * 2, size_um=(voxel_um / 4,) * 2),
        ]) for name in names
    ]  # fmt: skip
    return estimate(samples, read_study(f"profiles/{profile}/study.yaml"))


@pytest.mark.parametrize("speed", [1.0, 0.25])
def test_the_estimate_goes_with_the_cores_and_their_speed(speed, repository, monkeypatch):
    """The demo took 17 minutes on two cores of the machine whose speeds the estimate holds."""
    needs = needs_of("demo", 300, 20.0, speed, repository, monkeypatch)
    assert 11 < speed * 60 * sum(need.hours for need in needs) < 25


def test_the_training_of_finer_voxels_takes_what_was_measured(repository, monkeypatch):
    """A training took 565 s of a processor (mean of two) whose speed was then .66."""
    needs = needs_of("hour", 600, 10.0, 0.66, repository, monkeypatch)
    (training,) = [need for need in needs if need.stage.startswith("training")]
    assert 565 / 2 < 2 * 3600 * training.hours / training.jobs < 565 * 2


def test_this_machine_has_a_speed():
    assert 0.01 < core_speed() < 100


def test_configuration_of_a_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_study("") == Study()
    (tmp_path / "config.yaml").write_text("ingest:\n  voxel_size_um: 7\n")
    assert read_study("").ingest.voxel_size_um == 7
    assert read_study('{"ingest": {"voxel_size_um": 8}}').ingest.voxel_size_um == 8
    (tmp_path / "bad.yaml").write_text("ingest: [")
    for config, words in (("bad.yaml", "bad.yaml: cannot be read"), ("none.yaml", "cannot be read"),
                          ("{", "--config: cannot be read")):  # fmt: skip
        with pytest.raises(InputError, match=words):
            read_study(config)
    with pytest.raises(InputError, match="models: unknown model 'pix3pix'"):
        read_study('{"models": ["pix3pix"], "stain": {"model": "pix3pix"}}')


def test_an_aligned_pair_is_held_against_its_slide(study, tmp_path):
    sheet = tmp_path / "pairs.tsv"
    sheet.write_text(
        "sample\tct_image\tslide\tstain\tmaterial\trole\n"
        "a\ta.tif\ts.ome.tif\the\tTi\tcrossval\nb\tb.tif\ts.ome.tif\the\tTi\ttest\n"
    )
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 80), "u2"))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((80, 60), "u2"))
    first, second = headers(sheet)
    assert first.errors == [] and first.file("volume") is None and first.mode == "fixed"
    (said,) = second.errors
    assert "b.tif: ct_image has 80 x 60 pixels, the slide 60 x 80" in said
    assert [need.jobs for need in estimate([first, second], Study())][:2] == [2, 2]
