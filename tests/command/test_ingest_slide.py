"""Raw slides of each container, good and damaged, brought to the working pixel size."""

import json
import re

import imagecodecs
import numpy as np
import openslide
import pytest
import tifffile
from nd2_file import write_nd2
from ome_types import from_tiff
from pair_phantom import rectangle
from raw_slides import (
    BAD,
    CONTAINERS,
    SHAPE,
    as_stored,
    write_bytes,
    write_czi,
    write_oriented,
    write_tiff,
    write_tiles,
)

from virtual_staining.artefacts import slide
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.ingest.convert_slide import reduce_slide
from virtual_staining.ingest.rgb import RgbReader, glass_rgb
from virtual_staining.readers.annotations import class_masks
from virtual_staining.readers.open_raw import open_slide
from virtual_staining.readers.tiff_metadata import tiff_size_um


@pytest.fixture
def truth():
    image = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.uint8)
    image[:20] = (250, 240, 230)
    return image


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_is_read_as_rgb(container, truth, tmp_path):
    raw = open_slide(CONTAINERS[container](tmp_path, truth))
    read = RgbReader(raw)
    found = np.concatenate([read(0, 17), read(17, 60)])
    np.testing.assert_allclose(found.astype(int), truth, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_orientation_tags_are_obeyed(suffix, orientation, truth, tmp_path):
    smooth = np.repeat(np.repeat(truth[::8, ::8], 8, 0), 8, 1)[:60]
    raw = open_slide(write_oriented(tmp_path / f"s.{suffix}", smooth, orientation))
    assert raw.shape == smooth.shape
    found = np.concatenate([raw.read(0, 17), raw.read(17, 60)]).astype(int)
    np.testing.assert_allclose(found, smooth, atol=10 if suffix == "jpg" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_polygons_follow_their_slide_when_it_is_turned(suffix, orientation, tmp_path):
    """What is drawn on the stored pixels is found on the same tissue of the upright slide."""
    upright = np.full((60, 80, 3), 240, np.uint8)
    upright[10:20, 50:72] = (160, 40, 160)
    raw = write_oriented(tmp_path / f"s.{suffix}", upright, orientation)
    y, x = np.nonzero(as_stored(upright, orientation)[..., 1] == 40)
    left, right, top, bottom = (int(n) for n in (x.min(), x.max() + 1, y.min(), y.max() + 1))
    drawn = tmp_path / "a.geojson"
    drawn.write_text(json.dumps([rectangle("Bone", left, top, right, bottom)]))
    out = tmp_path / "slide.ome.tif"
    assert ingest(raw, out, "0.5", '{"slide_pixel_um": 1}') == 0
    (level,) = slide.open_slide_pyramid(out)
    # The pair is the slide itself in pixels of 1 µm.
    found = class_masks(drawn, ["Bone"], slide.stored_to_um(out), level.shape[:2])["Bone"]
    np.testing.assert_array_equal(found, level.read()[..., 1] < 140)


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_compressed_slides(subsampling, tmp_path):
    ramp = np.linspace(0, 200, 128)[:, None, None] + np.zeros((128, 192, 1)) + (0, 20, 40)
    image = ramp.astype(np.uint8)
    options = {"compression": "jpeg", "compressionargs": {"level": 95}, "tile": (64, 64)}
    tiff = write_tiff(tmp_path / "s.tif", image, subsampling=subsampling, **options)
    jpeg = write_bytes(tmp_path / "s.jpg", imagecodecs.jpeg8_encode(image, 95))
    for path in (tiff, jpeg):
        found = RgbReader(open_slide(path))(0, 128)
        np.testing.assert_allclose(found.astype(int), image, atol=4)


def test_transparency_is_flattened_on_the_background(truth, tmp_path):
    alpha = np.full((60, 80, 1), 255, np.uint8)
    alpha[30:40] = 0
    alpha[40:50] = 128
    path = write_bytes(tmp_path / "s.png", imagecodecs.png_encode(np.dstack([truth, alpha])))
    found = RgbReader(open_slide(path))(0, 60).astype(int)
    np.testing.assert_array_equal(found[:30], truth[:30])
    assert (found[30:40] == (250, 240, 230)).all()
    half = truth[40:50] * (128 / 255) + np.array([250, 240, 230]) * (127 / 255)
    np.testing.assert_allclose(found[40:50], half, atol=0.51)
    assert glass_rgb(np.zeros((4, 4, 4), np.uint8), 255) is None


def test_area_average_is_exact_and_independent_of_bands(truth, tmp_path, monkeypatch):
    raw = open_slide(write_tiff(tmp_path / "s.tif", truth))
    found = reduce_slide(raw, 0.5, 2.0)[0]
    expected = truth.reshape(15, 4, 20, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, atol=0.501)
    odd = reduce_slide(raw, 0.7, 2.5)[0]
    monkeypatch.setattr("virtual_staining.ingest.convert_slide.BAND_BYTES", 1)
    np.testing.assert_array_equal(reduce_slide(raw, 0.7, 2.5)[0], odd)


def ingest(path, out, size="0.5", settings='{"slide_pixel_um": 2}'):
    return main(
        f"ingest slide --pixel-size-um={size}".split()
        + f"--slide\t{path}\t--settings\t{settings}\t--out\t{out}".split("\t")
    )


def test_command_writes_a_pyramid_with_its_sizes(truth, tmp_path):
    big = np.tile(truth, (20, 20, 1))
    out = tmp_path / "slide.ome.tif"
    assert ingest(write_tiff(tmp_path / "s.tif", big), out) == 0
    levels = slide.open_slide_pyramid(out)
    assert [level.shape for level in levels] == [(300, 400, 3), (150, 200, 3)]
    assert [level.pixel_size_um for level in levels] == [2.0, 4.0]
    assert (slide.full_pixel_um(out), slide.full_shape_px(out)) == (0.5, (1200, 1600))
    pairs = levels[0].read().reshape(150, 2, 200, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(levels[1].read(), pairs, atol=0.51)
    with tifffile.TiffFile(out) as tif:
        assert tif.is_ome and tiff_size_um(tif, "YX") == (2.0, 2.0)
        assert tif.pages.first.resolution == (5000.0, 5000.0)
        assert tif.pages.first.is_tiled


def test_viewers_read_the_pyramid_and_its_um(truth, tmp_path):
    """OpenSlide's own reading, OME's schema, and the sub-image layout of Bio-Formats and QuPath."""
    out = tmp_path / "slide.ome.tif"
    assert ingest(write_tiff(tmp_path / "s.tif", np.tile(truth, (20, 20, 1))), out) == 0
    stored = slide.open_slide_pyramid(out)[0].read()
    viewer = openslide.OpenSlide(out)
    assert viewer.dimensions == (400, 300)
    assert [viewer.properties[f"openslide.mpp-{axis}"] for axis in "xy"] == ["2", "2"]
    region = np.asarray(viewer.read_region((300, 200), 0, (100, 100)))[..., :3]
    np.testing.assert_array_equal(region, stored[200:300, 300:400])
    pixels = from_tiff(out).images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value) == (2.0, "µm")
    assert (pixels.size_x, pixels.size_y, pixels.size_c, pixels.type.value) == (
        400,
        300,
        3,
        "uint8",
    )
    with tifffile.TiffFile(out) as tif:
        (page,) = tif.pages  # the coarser levels hang below it
        assert [sub.shape for sub in page.pages] == [(150, 200, 3)]
        assert page.pages[0].subfiletype == 1 and page.pages[0].is_tiled
        assert page.pages[0].resolution == (2500.0, 2500.0)


def test_coarser_slides_keep_their_pixels(truth, tmp_path):
    out = tmp_path / "slide.ome.tif"
    assert ingest(write_tiff(tmp_path / "s.tif", truth), out, "3.5") == 0
    (level,) = slide.open_slide_pyramid(out)
    assert level.pixel_size_um == slide.full_pixel_um(out) == 3.5
    np.testing.assert_array_equal(level.read(), truth)


@pytest.mark.parametrize("kind", BAD)
def test_unusable_slide_is_refused_with_what_it_holds(kind, tmp_path, capsys):
    image, match = BAD[kind]
    path = tmp_path / "s.tif"
    if image is not None:
        rgb = image.shape[-1] == 3
        tag = [(274, "H", 1, 9 if "tag" in kind else 1, True)]
        photometric = "rgb" if rgb else "minisblack"
        tifffile.imwrite(path, image, photometric=photometric, extratags=tag)
    assert ingest(path, tmp_path / "out.ome.tif") == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert str(path) in message and re.search(match, message)
    assert not (tmp_path / "out.ome.tif").exists()


def test_axes_of_a_huge_slide_are_not_exchanged(truth, tmp_path, monkeypatch):
    monkeypatch.setattr("virtual_staining.readers.orientation.EXCHANGED_BYTES", 1000)
    path = write_oriented(tmp_path / "s.tif", truth, 6)
    with pytest.raises(InputError, match=r"s\.tif: its orientation tag .* save it upright"):
        open_slide(path)


@pytest.mark.parametrize("name", ["s.png", "s.jpg", "s.tif", "grey.png", "s.doc"])
def test_damaged_slide_is_refused_by_name(name, truth, tmp_path, capsys):
    path = tmp_path / name
    if name == "s.tif":
        write_tiff(path, truth)
        path.write_bytes(path.read_bytes()[:-500])
    elif name == "grey.png":
        path.write_bytes(imagecodecs.png_encode(truth[..., 0].copy()))
    else:
        encode = imagecodecs.jpeg8_encode if name == "s.jpg" else imagecodecs.png_encode
        path.write_bytes(encode(truth)[:900])
    assert ingest(path, tmp_path / "out.ome.tif") == 1
    found = {
        "s.tif": "truncated",
        "s.jpg": "truncated",
        "grey.png": "not RGB; export",
        "s.doc": "not a known slide container",
    }
    message = capsys.readouterr().err.splitlines()[-1]
    assert found.get(name, "cannot be decoded") in message and str(path) in message


def test_fluorescence_of_microscopes_is_refused_with_what_it_holds(truth, tmp_path):
    with pytest.raises(InputError, match=r"s\.czi: holds 2 along C of Gray16 pixels"):
        open_slide(write_czi(tmp_path / "s.czi", truth[..., 0].astype(np.uint16)))
    two = truth[..., :2].astype(np.uint16)
    with pytest.raises(InputError, match=r"s\.nd2: holds 2 C x 60 Y x 80 X of uint16, not one RGB"):
        open_slide(write_nd2(tmp_path / "s.nd2", two, 2, 0.5))


def tile(image, **place):
    """A tile as ``write_tiles`` takes it, blue first."""
    return np.ascontiguousarray(image[..., ::-1]), place


@pytest.mark.parametrize("axis", ["Z", "C", "T", "R", "I", "H", "V", "B"])
def test_czi_of_two_planes_is_refused_whatever_they_differ_in(axis, truth, tmp_path):
    written = axis if axis in "ZC" else "T"  # the writer knows no others
    tiles = [tile(truth, plane={written: 0}), tile(truth[::-1], plane={written: 1})]
    path = write_tiles(tmp_path / "s.czi", tiles)
    entry = b"%c\0\0\0"
    path.write_bytes(path.read_bytes().replace(entry % ord(written), entry % ord(axis)))
    with pytest.raises(InputError, match=rf"s\.czi: holds 2 along {axis} of Bgr24"):
        open_slide(path)


def test_a_scene_of_a_czi_is_that_scene_alone(truth, tmp_path):
    """Scenes overlap where the areas that were scanned do."""
    tiles = [tile(truth, scene=0), tile(truth[::-1], scene=1, location=(40, 10))]
    path = write_tiles(tmp_path / "s.czi", tiles)
    for number, image in enumerate([truth, truth[::-1]]):
        np.testing.assert_array_equal(open_slide(f"{path}::{number}").read(0, 60), image)
    assert open_slide(path).shape == (70, 120, 3)
    with pytest.raises(InputError, match=r"has no scene 2; its scenes are \[0, 1\]"):
        open_slide(f"{path}::2")


def test_scenes_far_apart_are_refused_before_they_are_read(truth, tmp_path):
    tiles = [tile(truth, scene=0), tile(truth, scene=1, location=(2_000_000, 1_000_000))]
    with pytest.raises(InputError, match="header says 1000060 x 2000080 x 3 values, 6 TB"):
        open_slide(write_tiles(tmp_path / "s.czi", tiles))


@pytest.mark.parametrize("compression", ["zstd0:", "zstd1:", "uncompressed:"])
@pytest.mark.parametrize("factor", [1, 257])
def test_compressed_czi(compression, factor, truth, tmp_path):
    image = truth.astype("u1" if factor == 1 else "u2") * factor
    tiles = [tile(image, compression_options=compression)]
    found = open_slide(write_tiles(tmp_path / "s.czi", tiles)).read(0, 60)
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("pixel_um", [0.0, -0.5])
def test_microscope_without_a_size(pixel_um, truth, tmp_path):
    assert open_slide(write_czi(tmp_path / "s.czi", truth, pixel_um)).pixel_size_um is None
    assert open_slide(write_nd2(tmp_path / "s.nd2", truth, 1, pixel_um)).pixel_size_um is None


def test_nd2_that_was_not_calibrated_gives_no_size(truth, tmp_path):
    path = write_nd2(tmp_path / "s.nd2", truth, 1, 0.5, calibrated=False)
    assert open_slide(path).pixel_size_um is None


@pytest.mark.parametrize("compression", ["lossless", "none"])
def test_nd2_of_rows_with_a_rest(compression, truth, tmp_path):
    """Rows fill whole words: 79 pixels take 237 bytes of 240."""
    image = np.ascontiguousarray(truth[:, :79])
    path = write_nd2(tmp_path / "s.nd2", image[..., ::-1], 1, 0.5, rest=3, compression=compression)
    np.testing.assert_array_equal(open_slide(path).read(0, 60), image)


@pytest.mark.parametrize("compression", ["lossless", "none"])
def test_nd2_of_a_frame_that_is_too_short(compression, truth, tmp_path):
    """Of which nd2 returns zeros, or what lies behind it in the file."""
    path = write_nd2(tmp_path / "s.nd2", truth, 1, 0.5, compression=compression, missing=3)
    with pytest.raises(InputError, match=r"s\.nd2: (truncated: its frame has 14397|.*damaged)"):
        open_slide(path)


@pytest.mark.parametrize("name", ["Height", "Width", "WidthBytes"])
def test_nd2_whose_header_says_more_than_its_frame(name, truth, tmp_path):
    path = write_nd2(tmp_path / "s.nd2", truth, 1, 0.5)
    start = f'<ui{name} runtype="lx_uint32" value="'.encode()
    before, after = path.read_bytes().split(start)
    number = after[: after.index(b'"')]
    path.write_bytes(before + start + b"99".rjust(len(number), b"0") + after[len(number) :])
    with pytest.raises(InputError, match=r"s\.nd2: truncated: its frame has 14400 bytes"):
        open_slide(path)


def test_nd2_compressed_with_loss_is_refused(truth, tmp_path):
    path = write_nd2(tmp_path / "s.nd2", truth, 1, 0.5, compression="lossy")
    with pytest.raises(InputError, match=r"s\.nd2: is compressed with loss"):
        open_slide(path)


@pytest.mark.parametrize("suffix", ["czi", "nd2", "mrxs"])
@pytest.mark.parametrize("kept", [0, 100, 0.6])
def test_cut_microscope_file_is_refused_by_name(suffix, kept, truth, tmp_path):
    path = tmp_path / f"s.{suffix}"
    if suffix == "czi":
        write_czi(path, truth)
    else:
        write_nd2(path, truth, 1, 0.5)
    data = path.read_bytes()
    path.write_bytes(data[: kept if kept > 1 else int(kept * len(data))])
    why = "empty" if kept == 0 else "not a known slide" if suffix == "mrxs" else "is it damaged"
    with pytest.raises(InputError, match=f"s.{suffix}: .*{why}"):
        slide = open_slide(path)
        slide.read(0, 60)


def test_microscope_metadata_gives_the_pixel_size(truth, tmp_path):
    assert open_slide(write_czi(tmp_path / "s.czi", truth)).pixel_size_um == (0.5, 0.5)
    assert open_slide(write_nd2(tmp_path / "s.nd2", truth, 1, 0.44)).pixel_size_um == (0.44, 0.44)
    assert open_slide(write_nd2(tmp_path / "n.nd2", truth, 1, 1.0)).pixel_size_um is None


def test_openslide_and_tifffile_see_the_same_pixels(shared_data):
    path = shared_data / "slide-containers" / "CMU-1-Small-Region.svs"
    found = RgbReader(open_slide(path))(500, 700)
    with tifffile.TiffFile(path) as tif:
        wanted = tif.series[0].asarray()[500:700]
    np.testing.assert_allclose(found.astype(int), wanted, atol=2)


def test_pixel_sizes_of_sheet_and_metadata(truth, tmp_path, capsys):
    meta = {"axes": "YXS", "PhysicalSizeX": 0.44, "PhysicalSizeY": 0.44}
    path = write_tiff(tmp_path / "s.ome.tif", truth, metadata=meta)
    out = tmp_path / "slide.ome.tif"
    assert ingest(path, out, "") == 0
    assert slide.full_pixel_um(out) == 0.44
    assert ingest(path, out, "0.88") == 1
    assert "0.88,0.88 µm in the sheet but 0.44,0.44 µm" in capsys.readouterr().err
    assert ingest(write_tiff(tmp_path / "plain.tif", truth), out, "") == 1
    assert "set slide_pixel_um in the sheet" in capsys.readouterr().err
    assert ingest(tmp_path / "plain.tif", out, "0.5,0.6") == 1
    assert "not square" in capsys.readouterr().err
    printed = {"resolution": (118.11, 118.11), "resolutionunit": "CENTIMETER"}  # 300 dpi
    assert open_slide(write_tiff(tmp_path / "p.tif", truth, **printed)).pixel_size_um is None
    scanned = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    found = open_slide(write_tiff(tmp_path / "q.tif", truth, **scanned)).pixel_size_um
    assert found == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("name", "shape", "full_um"),
    [
        ("CMU-1-Small-Region.svs", (592, 443, 3), 0.499),
        ("OS-2-ndpi.ome.tif", (200, 200, 3), 0.2271),
        ("OS-2-vsi.ome.tif", (200, 200, 3), 0.34605),
    ],
)
def test_real_slides(name, shape, full_um, shared_data, tmp_path):
    out = tmp_path / "slide.ome.tif"
    path = shared_data / "slide-containers" / name
    assert ingest(path, out, "", '{"slide_pixel_um": 2.5}') == 0
    level = slide.open_slide_pyramid(out)[0]
    assert level.shape == shape
    assert slide.full_pixel_um(out) == pytest.approx(full_um, rel=1e-3)
    with tifffile.TiffFile(path) as tif:
        raw = tif.series[0].asarray()
    np.testing.assert_allclose(level.read().mean((0, 1)), raw.mean((0, 1)), atol=1)


@pytest.mark.parametrize("name", ["openslide_unreadable.svs", "openslide_unopenable.tiff"])
def test_real_damaged_slides(name, shared_data, tmp_path, capsys):
    path = shared_data / "slide-containers" / name
    assert ingest(path, tmp_path / "s.ome.tif", "0.499") == 1
    assert f"{path}: rows" in capsys.readouterr().err


def test_the_sheet_insists_on_a_pixel_size(truth, tmp_path, caplog):
    meta = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    path = write_tiff(tmp_path / "s.ome.tif", truth, metadata=meta)
    out = tmp_path / "slide.ome.tif"
    assert ingest(path, out, "0.5!") == 0
    assert slide.full_pixel_um(out) == 0.5
    assert "is 0.5,0.5 µm as the sheet says; the file gives 0.25,0.25 µm" in caplog.text
