"""Exported volumes, read by programs that know nothing of this one."""

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.cli import main

VOXEL_UM = 12.5


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    folder = StainedVolumeFolder(tmp_path_factory.mktemp("export"))
    rgba = np.random.default_rng(0).integers(0, 256, (4, 70, 20, 30)).astype(np.uint8)
    write_rgba(folder, [rgba], rgba.shape[1:], VOXEL_UM, (1.0, 0.0), "z")
    return folder.zarr, rgba


def export(volume, *arguments):
    return main(["export", "--volume", str(volume), *map(str, arguments)])


def test_nrrd_is_read_by_itk(volume, tmp_path):
    path, rgba = volume
    out = tmp_path / "v.nrrd"
    assert export(path, "--form", "nrrd", "--out", out) == 0
    image = sitk.ReadImage(str(out))
    assert image.GetNumberOfComponentsPerPixel() == 4 and image.GetSize() == (30, 20, 70)
    np.testing.assert_allclose(image.GetSpacing(), VOXEL_UM / 1000)
    np.testing.assert_allclose(image.GetOrigin(), VOXEL_UM / 2000)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), np.moveaxis(rgba, 0, -1))


def test_slices_hold_the_planes_in_order(volume, tmp_path):
    path, rgba = volume
    out = tmp_path / "slices"
    assert export(path, "--form", "slices", "--out", out) == 0
    names = sorted(file.name for file in out.glob("*.png"))
    assert names[0] == "0000.png" and len(names) == 70
    for z in (0, 63, 64, 69):
        with Image.open(out / names[z]) as image:
            assert image.mode == "RGBA"
            np.testing.assert_array_equal(np.asarray(image), np.moveaxis(rgba[:, z], 0, -1))
            assert image.info["dpi"][0] == pytest.approx(25400 / VOXEL_UM, rel=1e-4)
    assert float((out / "voxel_size_um.txt").read_text()) == VOXEL_UM


def test_a_folder_of_other_files_is_not_replaced(volume, tmp_path, capsys):
    """An earlier export is."""
    mine = tmp_path / "Documents"
    mine.mkdir()
    (mine / "0000.png").touch()
    assert export(volume[0], "--form", "slices", "--level", 1, "--out", mine) == 0
    (mine / "thesis.txt").touch()
    before = sorted(mine.iterdir())
    assert export(volume[0], "--form", "slices", "--level", 1, "--out", mine) == 1
    assert "Documents: is a folder that holds thesis.txt, which would be" in capsys.readouterr().err
    assert sorted(mine.iterdir()) == before
    (tmp_path / "v.nrrd").mkdir()
    assert export(volume[0], "--form", "nrrd", "--level", 1, "--out", tmp_path / "v.nrrd") == 1
    assert "v.nrrd: is a folder, and a file is to be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--form", "nrrd", "--level", 99, "--out", "v.nrrd"), "has levels 0 to"),
        (("--form", "nrrd", "--out", "v.tif"), "must end in .nrrd"),
        (("--form", "slices", "--out", "v.nrrd"), "must end in .nrrd"),
    ],
)
def test_wrong_arguments_end_in_a_sentence(
    volume, tmp_path, monkeypatch, capsys, arguments, sentence
):
    monkeypatch.chdir(tmp_path)
    assert export(volume[0], *arguments) == 1
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
