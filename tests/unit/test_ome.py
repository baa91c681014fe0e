"""OME-TIFF files of equal content are equal byte for byte, and name no machine."""

import numpy as np
import pytest
from ome_types import from_tiff

from virtual_staining import __version__
from virtual_staining.artefacts.rgba import rgba_tiff
from virtual_staining.artefacts.slide import write_slide_pyramid
from virtual_staining.cohort.raw_files import SLIDE_FILES, write_slide


def slide(folder, image):
    write_slide_pyramid(folder / "slide.ome.tif", image, 2.5)
    return folder / "slide.ome.tif"


def raw_slide(folder, image):
    write_slide(folder, "ome_tiff", image, 0.5)
    return folder / SLIDE_FILES["ome_tiff"]


def colour_volume(folder, image):
    planes = np.moveaxis(np.dstack([image, image[..., :1]]), -1, 0)[:, None]
    with rgba_tiff(folder / "rgba.tif", planes.shape[1:], 5.0) as append:
        append(planes)
    return folder / "rgba.tif"


@pytest.mark.parametrize("write", [slide, raw_slide, colour_volume])
def test_equal_content_gives_equal_bytes(write, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (300, 270, 3), dtype=np.uint8)
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(write(tmp_path / name, image.copy()))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    ome = from_tiff(paths[0])
    assert ome.creator == f"virtual_staining {__version__}"
    assert ome.uuid.startswith("urn:uuid:")


@pytest.mark.parametrize("write", [slide, raw_slide])
def test_other_content_has_another_identity(write, tmp_path):
    image = np.zeros((40, 50, 3), np.uint8)
    first = from_tiff(write(tmp_path, image)).uuid
    image[3, 4] = 1
    assert from_tiff(write(tmp_path, image)).uuid != first
