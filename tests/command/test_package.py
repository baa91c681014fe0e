"""A generator as a file to give away: its facts, packages of the zoo, staining without a study."""

import json
import subprocess
import sys
import zipfile

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from train_cases import STAIN, fold_arguments, make_pair, tiny, trained, write_fold

from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.generator_file import (
    load_trained_on,
    state_trained_on,
    write_generator,
)
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.cli import main
from virtual_staining.models.build import build_model
from virtual_staining.predict.alarm import verdict
from virtual_staining.predict.single_slice import is_single_slice, write_stack
from virtual_staining.readers.open_raw import open_volume

MODEL = "pix2pix"
LEVELS = {"bone_mean": 30000.0, "background_mean": 10000.0}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of four pairs whose training of one epoch is made up: weights and history."""
    root = tmp_path_factory.mktemp("study")
    beyond = {"norm": "pixel", "grey_levels": 4, "head": "full", "texture": True}
    settings = tiny(MODEL, generator="unet", dropout=0.0, **beyond)
    write_fold(root, settings)
    folder = trained(root, MODEL)
    folder.best.mkdir(parents=True)
    model = build_model(settings, torch.device("cpu"))
    write_generator(folder.best / "last.pt", settings, model.trained_weights(), 2, "last")
    folder.history.write_text("epoch,train_l1,validation_l1\n1,0.5,0.4\n2,0.3,0.25\n")
    command = ["package", "complete", "--weights", str(folder.best / "last.pt"), "--model", MODEL]
    command += [*fold_arguments(root), "--normalize", json.dumps(LEVELS), "--mask", "{}"]
    assert main([*command, "--section-thickness-um", "40", "--out", str(folder.generator)]) == 0
    return root


@pytest.fixture
def generator(study):
    return trained(study, MODEL).generator


def test_the_file_says_what_the_networks_were_trained_on(generator, capsys):
    facts = load_trained_on(generator)
    assert (facts.stain, facts.voxel_size_um, facts.section_thickness_um) == (STAIN, 20.0, 40.0)
    assert (facts.training, facts.validation) == (("s0", "s1"), ("s2",))
    assert facts.validation_losses == {"l1": 0.25}
    assert facts.normalize_settings.bone_mean == 30000
    content = torch.load(generator, weights_only=True)
    assert content["format"] == 4
    assert main(["package", "show", "--model", str(generator)]) == 0
    assert json.loads(capsys.readouterr().out)["trained_on"]["training"] == ["s0", "s1"]


def test_grey_levels_that_training_showed_are_known(generator):
    pairs = load_trained_on(generator).grey_pairs
    same, strange = make_pair(0), make_pair(3)
    assert pairs.unknown_fraction(same.ct, same.mask, 20.0) < 0.2
    assert pairs.unknown_fraction(strange.ct + np.uint16(25000), strange.mask, 20.0) > 0.9


# The zoo's library leaves files open, which would end later tests with a warning.
VALIDATE = """
import sys
from bioimageio.spec import load_model_description
model = load_model_description(sys.argv[1], perform_io_checks=True)
print(model.validation_summary.status, model.license)
"""


def python(*arguments):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(study, out):
    command = ["-m", "virtual_staining", "package", "export", "--hash-samples"]
    command += ["--model", str(trained(study, MODEL).generator), "--author", "A Person"]
    command += ["--example", str(study / "03_normalize/s3/ct.tif"), "--licence", "CC-BY-4.0"]
    python(*command, "--out", str(out))
    return out


@pytest.fixture(scope="module")
def package(study, tmp_path_factory):
    return exported(study, tmp_path_factory.mktemp("package") / "model.zip")


def test_the_same_generator_makes_the_same_package(study, package, tmp_path):
    """In another folder and at another time."""
    again = exported(study, tmp_path / "again.zip")
    with zipfile.ZipFile(package) as one, zipfile.ZipFile(again) as two:
        for name in one.namelist():
            assert one.read(name) == two.read(name), name
    assert package.read_bytes() == again.read_bytes()


def test_a_package_passes_the_zoos_validator(package):
    assert python("-c", VALIDATE, str(package)).split() == ["valid-format", "CC-BY-4.0"]


def test_a_package_makes_the_same_colours(generator, package):
    with zipfile.ZipFile(package) as held:
        plane, stained = (np.load(held.open(name)) for name in ("input.npy", "output.npy"))
    generators = load_generators(generator, torch.device("cpu"))
    x = generators.ct_to_network(plane[0, 0])[None]
    with torch.inference_mode():
        expected = (generators.networks["slide"](x) + 1) * 127.5
    np.testing.assert_allclose(stained, expected.numpy(), atol=0.1)


def test_the_generator_comes_out_of_a_package_without_loss(generator, package, tmp_path):
    take = ["package", "import", "--package", str(package)]
    assert main([*take, "--out", str(tmp_path / "back.pt")]) == 0
    old, new = (torch.load(path, weights_only=True) for path in (generator, tmp_path / "back.pt"))
    for name, value in old["generators"]["forward"].items():
        assert torch.equal(value, new["generators"]["forward"][name])
    facts = load_trained_on(tmp_path / "back.pt")
    assert facts.licence == "CC-BY-4.0"
    assert "s0" not in facts.training and len(set(facts.training)) == 2


@pytest.mark.parametrize(("content", "words"), [(b"no zip", "holds no generator.pt"), (None, "no")])
def test_what_is_no_package_is_refused(content, words, tmp_path, capsys):
    if content is not None:
        (tmp_path / "x.zip").write_bytes(content)
    out = tmp_path / "back.pt"
    assert main(["package", "import", "--package", f"{tmp_path}/x.zip", "--out", str(out)]) == 1
    assert words in capsys.readouterr().err
    assert not out.exists()


def predicted(generator, source, out, *more):
    command = ["predict", "--model", str(generator), "--input", str(source), "--threads", "1"]
    return main([*command, *more, "--output", str(out)])


@pytest.fixture
def slice_file(tmp_path):
    tifffile.imwrite(tmp_path / "slice.tif", make_pair(3, (64, 64)).ct)
    return tmp_path / "slice.tif"


def test_a_slice_is_stained_without_a_study(generator, slice_file, tmp_path):
    more = ["--voxel-size-um", "20", "--levels", "10000", "30000"]
    assert predicted(generator, slice_file, tmp_path / "out", *more) == 0
    image = tifffile.imread(tmp_path / "out/slide.tif")
    assert image.shape == (64, 64, 3)
    levels = open_rgba(tmp_path / "out/rgba.ome.zarr")
    assert levels[0].voxel_size_um == 20
    about = json.loads((tmp_path / "out/predict.json").read_text())
    assert about["stain"] == STAIN


@pytest.mark.parametrize("white_zero", [False, True])
def test_a_slice_keeps_its_greys_and_the_size_that_it_states(white_zero, tmp_path):
    ct = make_pair(3, (64, 64)).ct
    photometric = "miniswhite" if white_zero else "minisblack"
    tifffile.imwrite(
        tmp_path / "slice.tif",
        65535 - ct if white_zero else ct,
        photometric=photometric,
        resolution=(500, 500),
        resolutionunit="CENTIMETER",
    )
    assert is_single_slice(tmp_path / "slice.tif")
    write_stack(tmp_path / "slice.tif", 3, tmp_path / "stack.ome.tif")
    stack = open_volume(str(tmp_path / "stack.ome.tif"))
    np.testing.assert_array_equal(stack.read(0, 3), [ct] * 3)
    assert stack.voxel_size_um == pytest.approx((20, 20, 20))


@pytest.mark.parametrize("suffix", [".TIFF", ".png", ".jp2"])
def test_a_slice_of_any_format_is_one(suffix, tmp_path):
    ct = make_pair(3, (64, 64)).ct
    path = tmp_path / f"slice{suffix}"
    if suffix == ".TIFF":
        tifffile.imwrite(path, ct)
    else:
        encode = imagecodecs.png_encode if suffix == ".png" else imagecodecs.jpeg2k_encode
        path.write_bytes(encode(ct, level=0))
    assert is_single_slice(path)
    write_stack(path, 2, tmp_path / "stack.ome.tif")
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/stack.ome.tif").read(0, 2), [ct] * 2)


def test_numbers_that_cannot_be_are_refused_before_the_ct_is_read(generator, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "flat.tif", np.full((64, 64), 7, np.uint16))
    for more, words in (
        (("--voxel-size-um", "-5"), "predict: --voxel-size-um: '-5' is not a size"),
        (("--levels", "30000", "10000"), "predict: --levels: 30000 and 10000 must be"),
        (("--levels", "nan", "3"), "predict: --levels: nan and 3 must be"),
        (("--voxel-size-um", "20"), "flat.tif: every pixel is 7; the file holds no image"),
    ):
        assert predicted(generator, tmp_path / "flat.tif", tmp_path / "out", *more) == 1
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_in_place_of_a_generator_is_named(study, slice_file, tmp_path, capsys):
    folder = trained(study, MODEL).best
    assert predicted(folder, slice_file, tmp_path / "out", "--voxel-size-um", "20") == 1
    assert f"{folder}: is a folder; give the generator.pt in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("unknown", "words"),
    [(0.01, ""), (0.2, "20% of the stained tissue"), (float("nan"), "nothing was stained")],
)
def test_a_scan_unlike_the_training_planes_is_said(unknown, words):
    sentence = verdict(unknown)
    assert words in sentence and bool(sentence) == bool(words)


def test_another_voxel_size_is_refused_with_both_sizes(generator, slice_file, tmp_path, capsys):
    assert predicted(generator, slice_file, tmp_path / "out", "--voxel-size-um", "10") == 1
    assert "10 x 10 x 10 µm; the networks were trained on 20 µm" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_does_not_say_is_refused(study, slice_file, tmp_path, capsys):
    bare = trained(study, MODEL).best / "last.pt"
    assert predicted(bare, slice_file, tmp_path / "out", "--voxel-size-um", "20") == 1
    assert "does not say what its networks were trained on" in capsys.readouterr().err


def test_wrong_facts_are_refused(generator, tmp_path, capsys):
    path = tmp_path / "g.pt"
    state_trained_on(generator, load_trained_on(generator), path)
    content = torch.load(path, weights_only=True)
    del content["trained_on"]["stain"]
    torch.save(content, path)
    assert main(["package", "show", "--model", str(path)]) == 1
    assert "g.pt: trained_on: does not say" in capsys.readouterr().err
