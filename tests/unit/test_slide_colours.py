"""Which image of a slide is read, and how its stored samples become 8-bit colours."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from raw_slides import write_bytes, write_czi, write_tiff

from virtual_staining.errors import InputError
from virtual_staining.ingest.rgb import RgbReader, glass_rgb, opaque_alpha, significant_bits
from virtual_staining.readers.open_raw import open_slide

GLASS, TISSUE = (242, 240, 234), (150, 60, 160)


@pytest.fixture
def section():
    image = np.full((60, 80, 3), GLASS, np.uint8)
    image[20:40, 30:60] = TISSUE
    return image


def read(path):
    slide = open_slide(path)
    return RgbReader(slide)(0, slide.shape[0])


@pytest.fixture
def several(section, tmp_path):
    """An overview, the slide and a thumbnail larger than the overview."""
    path = tmp_path / "s.ome.tif"
    images = (
        ("macro", section[::4, ::4], 2.0),
        ("scan", section, 0.5),
        ("left", section[:30], 0.7),
    )
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, image, um in images:
            sizes = {"PhysicalSizeX": um, "PhysicalSizeY": um}
            tif.write(image, photometric="rgb", metadata={"axes": "YXS", "Name": name, **sizes})
    return path


def test_the_largest_image_is_the_slide_or_the_one_that_is_named(several, section):
    np.testing.assert_array_equal(read(several), section)
    assert open_slide(several).pixel_size_um == (0.5, 0.5)
    for named in ("2", "left"):
        slide = open_slide(f"{several}::{named}")
        assert (slide.shape, slide.pixel_size_um) == ((30, 80, 3), (0.7, 0.7))
    with pytest.raises(
        InputError, match=r"s\.ome\.tif: has no brightfield image 7; its images are ::0 \(macro"
    ):
        open_slide(f"{several}::7")


def test_overviews_are_no_slides_and_equal_images_are_to_be_named(section, tmp_path):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name in ("label image", "Macro"):
            tif.write(section, photometric="rgb", metadata={"axes": "YXS", "Name": name})
    with pytest.raises(InputError, match=r"nothing but overviews, ::0 \(label image\), ::1 \(Mac"):
        open_slide(path)
    assert open_slide(f"{path}::Macro").shape == section.shape
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, image in (("macrophages labelled", section), ("x", section[:9])):
            tif.write(image, photometric="rgb", metadata={"axes": "YXS", "Name": name})
    assert open_slide(path).shape == section.shape
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name in ("a", "b"):
            tif.write(section, photometric="rgb", metadata={"axes": "YXS", "Name": name})
    with pytest.raises(InputError, match=r"same size; write .* ::0 \(a\), ::1 \(b\)"):
        open_slide(path)


@pytest.mark.parametrize("names", [["Red", "Green", "Blue"], ["blue", "red", "green"]])
def test_three_named_channels_are_colours(names, section, tmp_path):
    stored = [section[..., ["red", "green", "blue"].index(name.lower())] for name in names]
    metadata = {"axes": "CYX", "Channel": {"Name": names}}
    tifffile.imwrite(tmp_path / "s.ome.tif", np.stack(stored), ome=True, photometric="minisblack",
                     metadata=metadata)  # fmt: skip
    np.testing.assert_array_equal(read(tmp_path / "s.ome.tif"), section)


def test_palette(section, tmp_path):
    numbers = (section[..., 1] == TISSUE[1]).astype(np.uint8)
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 0], colours[:, 1] = np.array(GLASS) * 257, np.array(TISSUE) * 257
    tifffile.imwrite(tmp_path / "s.tif", numbers, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read(tmp_path / "s.tif"), section)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_of_a_camera_in_16(bits, section, tmp_path, caplog):
    stored = (section.astype(float) * (2**bits - 1) / 255).round().astype(np.uint16)
    stored[:4] = 65535  # padding
    stored[50:52, 5:20] = (65535, 0, 0)  # a scale bar
    found = read(write_tiff(tmp_path / "s.tif", stored))
    np.testing.assert_allclose(found[4:50].astype(int), section[4:50], atol=1)
    assert (found[:4] == 255).all()
    assert (f"colours use {bits} of 16 bits" in caplog.text) == (bits < 16)


def test_significant_bits_are_those_of_the_metadata_unless_values_are_larger():
    dark = np.full((20, 20, 3), 300, np.uint16)
    assert significant_bits(dark, 12, "s") == 12
    assert significant_bits(dark, 0, "s") == 10
    assert significant_bits(dark * 100, 12, "s") == 16
    assert significant_bits(dark.astype(np.uint8), 0, "s") == 8


def test_czi_of_12_bits(section, tmp_path):
    found = read(write_czi(tmp_path / "s.czi", section.astype(np.uint16) * 16))
    np.testing.assert_allclose(found.astype(int), section, atol=2)


@pytest.mark.parametrize("kind", ["unspecified", "assocalpha", "unassalpha"])
def test_kinds_of_fourth_samples(kind, section, tmp_path, caplog):
    alpha = np.full((60, 80), 255, np.uint8)
    alpha[:10] = 128
    rgb = section.astype(float)
    if kind == "assocalpha":
        rgb = rgb * alpha[..., None] / 255
    stored = np.dstack([rgb.round(), alpha]).astype(np.uint8)
    found = read(write_tiff(tmp_path / "s.tif", stored, extrasamples=[kind]))
    np.testing.assert_allclose(found.astype(int), section, atol=1)
    assert ("they are left out" in caplog.text) == (kind == "unspecified")


@pytest.mark.parametrize("value", [0, 128])
def test_alpha_that_is_the_same_everywhere_says_nothing(value, section, tmp_path, caplog):
    stored = np.dstack([section, np.full((60, 80), value, np.uint8)])
    path = write_bytes(tmp_path / "s.png", imagecodecs.png_encode(stored))
    np.testing.assert_array_equal(read(path), section)
    assert f"its alpha is {value} everywhere" in caplog.text


def test_a_section_without_glass_gets_white(section, tmp_path):
    tissue = section[..., 1] == TISSUE[1]
    stored = np.dstack([section * tissue[..., None], tissue * np.uint8(255)])
    found = read(write_bytes(tmp_path / "s.png", imagecodecs.png_encode(stored)))
    np.testing.assert_array_equal(found, np.where(tissue[..., None], section, 255))
    assert glass_rgb(section, 255).tolist() == list(GLASS)
    assert opaque_alpha(np.array([0, 4095], np.uint16), 4095, "s") == 4095


def test_several_colour_images_in_one(section, tmp_path):
    """As Fiji and tifffile write pages of one size."""
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, np.stack([section] * 3), photometric="rgb", metadata=None)
    with pytest.raises(InputError, match=r"several RGB images in one; save the one that is"):
        open_slide(path)


@pytest.mark.parametrize(("name", "encode"), [("s.jpg", "png_encode"), ("s.png", "bmp_encode")])
def test_the_content_of_a_picture_tells_its_format(name, encode, section, tmp_path):
    path = tmp_path / name
    path.write_bytes(getattr(imagecodecs, encode)(section))
    np.testing.assert_array_equal(open_slide(path).read(0, len(section)), section)


def differences_of(rgb):
    """Return Y, Cb and Cr of RGB, by the formulae of JFIF."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    stored = [light, 128 + (blue - light) / 1.772, 128 + (red - light) / 1.402]
    return np.stack(stored, -1).round().astype(np.uint8)


@pytest.mark.parametrize("compression", [None, "lzw", 33003])
def test_brightness_and_colour_differences_become_rgb(section, tmp_path, compression):
    kind = "rgb" if compression == 33003 else "ycbcr"  # Aperio's number says it by itself
    path = tmp_path / "s.tif"
    tifffile.imwrite(
        path,
        differences_of(section),
        photometric=kind,
        subsampling=(1, 1),
        compression=compression,
        tile=(32, 32),
    )
    assert np.abs(read(path).astype(int) - section).max() <= 2


def test_jpeg_with_few_colours_is_rgb(section, tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(
        path,
        section,
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 98},
        subsampling=(2, 2),
        tile=(32, 32),
    )
    far = np.zeros((60, 80), bool)
    far[24:36, 34:56] = far[:12] = True  # from the edges, which the colours' blocks blur
    assert np.abs(read(path).astype(int) - section)[far].max() <= 6


def test_fewer_colour_differences_than_pixels_are_refused_without_jpeg(section, tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, differences_of(section), photometric="ycbcr", subsampling=(1, 1))
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages.first.tags["YCbCrSubSampling"].overwrite((2, 2))
    with pytest.raises(InputError, match=r"s\.tif: holds YCBCR pixels in a rare form.*as RGB"):
        open_slide(path)


@pytest.mark.parametrize(("white", "right"), [(255, True), (235, False)])
def test_brightness_that_does_not_begin_at_0_is_refused(section, tmp_path, white, right):
    path = tmp_path / "s.tif"
    levels = (0, 1, white, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    tifffile.imwrite(
        path,
        differences_of(section),
        photometric="ycbcr",
        subsampling=(1, 1),
        extratags=[(532, 5, 6, levels, True)],
    )
    if right:
        assert np.abs(read(path).astype(int) - section).max() <= 2
    else:
        with pytest.raises(InputError, match="black that is not 0"):
            open_slide(path)
