"""The real-data example's sheet and poses."""

import numpy as np
import pytest

from virtual_staining.artefacts.sheet import missing_files, read_sheet
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.cli import main
from virtual_staining.example.anchoring import anchoring_to_pose


def test_anchoring_of_a_plain_coronal_plane():
    # The picture spans the whole CCF width and height at y = 264: its middle.
    pose, pixel_um = anchoring_to_pose([456, 264, 320, -456, 0, 0, 0, 0, -320], (1140, 800))
    np.testing.assert_allclose(pose["center_um"], [456 * 12.5, 320 * 12.5, 264 * 25])
    np.testing.assert_allclose(pose["u"], [1, 0, 0])
    np.testing.assert_allclose(pose["v"], [0, 1, 0])
    assert pixel_um == pytest.approx(10.0)


def test_sheet_of_the_real_files(shared_data, tmp_path, capsys):
    data = shared_data / "mouse-brain-2d3d"
    assert main(["example", "--data", str(data), "--sections", "3", "--out", str(tmp_path)]) == 0
    sheet = read_sheet(tmp_path / "samples.tsv")
    assert len(sheet) == 3
    assert not missing_files(sheet)
    assert set(sheet["volume_id"]) == {"brain"}
    for sample in sheet.index:
        pose = read_json(sheet.loc[sample, "initial_pose"])
        assert np.linalg.norm(pose["u"]) == pytest.approx(1)
        assert abs(pose["u"][0]) > 0.9  # coronal: the picture's x axis runs left to right
    age = (tmp_path / "samples.tsv").stat().st_mtime_ns
    main(["example", "--data", str(data), "--sections", "3", "--out", str(tmp_path)])
    assert (tmp_path / "samples.tsv").stat().st_mtime_ns == age


def test_folder_without_the_files(tmp_path, capsys):
    assert main(["example", "--data", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "volume_ccf_100um.tiff: no such file" in capsys.readouterr().err


def test_a_file_in_place_of_the_folder_is_no_failed_download(tmp_path, capsys):
    (tmp_path / "out").touch()
    assert main(["example", "--out", str(tmp_path / "out")]) == 1
    assert "out/download: a part of this path is a file and not a folder" in capsys.readouterr().err
