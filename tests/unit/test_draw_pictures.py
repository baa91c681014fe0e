"""Drawn volumes: rays, the wedge, the implant, slices and the page's parts, by known phantoms."""

import numpy as np
import pytest

from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.draw.bodies import body_axis
from virtual_staining.draw.cast import Camera, Wedge, cast
from virtual_staining.draw.fields import fields_of
from virtual_staining.draw.orthogonal import NormalizedCt, orthogonal_figure
from virtual_staining.draw.page_file import mosaic
from virtual_staining.draw.scene import camera_to, wedge_of
from virtual_staining.draw.volume import (
    DrawnVolume,
    doubt_shown,
    resampled,
    shares,
    specimen_of,
    without_white_rim,
)
from virtual_staining.settings.normalize import NormalizeSettings

X, Y, Z = np.eye(3)


def drawn(rgb, implant=None):
    specimen = (rgb < 255).any(-1)
    implant = np.zeros(specimen.shape, bool) if implant is None else implant
    ct = np.full(specimen.shape, 128, np.uint8)
    size = tuple(float(n) for n in specimen.shape[::-1])
    return DrawnVolume(rgb, ct, specimen | implant, implant, None, (0.0, 255.0), 1.0, 1.0, size)


def looking(ahead, up, count=20):
    """Return a camera that looks along ``ahead`` onto the middle of a cube."""
    return Camera(np.full(3, count / 2), np.cross(ahead, up), up, count / 2)


@pytest.fixture
def walls():
    """A red wall at low y, a blue one behind."""
    rgb = np.full((20, 20, 20, 3), 255, np.uint8)
    rgb[:, 2:7], rgb[:, 13:18] = (200, 0, 0), (0, 0, 200)
    return drawn(rgb)


def test_what_is_in_front_hides_what_is_behind(walls):
    fields = fields_of(walls)
    front = cast(fields, looking(Y, Z), None, 16)[8, 8]
    back = cast(fields, looking(-Y, Z), None, 16)[8, 8]
    assert front[0] > 80 and front[2] < 10 and back[2] > 80 and back[0] < 10


def test_up_is_up_and_right_is_right():
    rgb = np.full((20, 20, 20, 3), 255, np.uint8)
    rgb[12:18, 8:12, 2:8] = (0, 150, 0)  # high z, low x
    picture = cast(fields_of(drawn(rgb)), looking(Y, Z), None, 20)
    seen = np.argwhere(picture.min(-1) < 200).mean(0)  # of voxels at z = 15, x = 5
    np.testing.assert_allclose(seen, [20 - 15 - 0.5, 5 - 0.5], atol=0.6)


def test_nothing_is_white(walls):
    empty = drawn(np.full((9, 9, 9, 3), 255, np.uint8))
    assert (cast(fields_of(empty), looking(Y, Z, 9), None, 8) == 255).all()


def test_the_wedge_shows_stain_on_one_face_and_ct_on_the_other():
    rgb = np.full((32, 32, 32, 3), 255, np.uint8)
    rgb[3:29, 3:29, 3:29] = (180, 90, 160)
    volume = drawn(rgb)
    wedge = Wedge(np.full(3, 16.0), np.stack([-Y, X]))  # cut away: low y and high x
    ahead = (Y - X) / np.sqrt(2)  # into the wedge
    camera = Camera(np.full(3, 16.0), np.cross(ahead, Z), Z, 16)
    picture = cast(fields_of(volume), camera, wedge, 32)
    left, right = picture[16, 11], picture[16, 21]
    np.testing.assert_array_equal(left, [128, 128, 128])  # the face across x
    np.testing.assert_array_equal(right, [180, 90, 160])  # the face across y
    whole = cast(fields_of(volume), camera, None, 32)
    assert np.abs(whole[16, 16].astype(int) - [180, 90, 160]).max() > 3  # shaded


def test_the_wedge_leaves_the_implant_which_is_grey():
    rgb = np.full((32, 32, 32, 3), 255, np.uint8)
    rgb[3:29, 3:29, 3:29] = (180, 90, 160)
    z, y, x = np.indices(rgb.shape[:3]) + 0.5
    implant = (np.hypot(x - 16, y - 16) < 5) & (z > 3) & (z < 29)
    volume = drawn(rgb, implant)
    wedge = Wedge(np.full(3, 16.0), np.stack([-Y, X]))
    camera = Camera(np.full(3, 16.0), np.cross((Y - X) / 2**0.5, Z), Z, 16)
    middle = cast(fields_of(volume), camera, wedge, 32)[16, 16].astype(int)
    assert np.ptp(middle) < 12 and 60 < middle.mean() < 250


def test_threads_do_not_change_the_picture(walls):
    fields, wedge = fields_of(walls), wedge_of(walls)
    one, two = (cast(fields, camera_to(walls, wedge), wedge, 24, n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_the_camera_looks_into_the_wedge_along_the_implants_axis():
    z, y, x = np.indices((30, 30, 30)) + 0.5
    implant = (np.hypot(x - 12, z - 18) < 4) & (y > 3) & (y < 25)
    volume = drawn(np.full((30, 30, 30, 3), 200, np.uint8), implant)
    middle, axis = body_axis(implant)
    np.testing.assert_allclose(middle, [12, 14, 18], atol=0.1)
    np.testing.assert_allclose(np.abs(axis), Y, atol=1e-6)
    wedge = wedge_of(volume)
    camera = camera_to(volume, wedge)
    assert (wedge.normals @ camera.ahead < -0.5).all()  # both faces are seen
    np.testing.assert_allclose(wedge.normals @ axis, 0, atol=1e-9)
    around = camera_to(volume, wedge, 360)
    np.testing.assert_allclose(around.right, camera.right, atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm([camera.right, camera.up, camera.ahead], axis=1), 1, atol=1e-9
    )


def test_larger_voxels_are_means_of_the_lengths_shared():
    np.testing.assert_allclose(shares(3, 1.0, 3), np.eye(3))
    np.testing.assert_allclose(shares(3, 1.0, 2) @ [1, 2, 4], [1, 2])
    np.testing.assert_allclose(shares(3, 2 / 3, 2) @ [3, 6, 9], [4, 8], rtol=1e-6)
    data = np.random.default_rng(0).random((10, 20, 30)).astype(np.float32)
    found = resampled([VolumeLevel(data, 5.0)], 10.0, 15)
    np.testing.assert_allclose(found, data.reshape(5, 2, 10, 2, 15, 2).mean((1, 3, 5)), rtol=1e-5)


def test_the_specimen_has_its_clear_places_but_no_specks():
    alpha = np.zeros((12, 20, 20), np.uint8)
    alpha[3:10, 4:16, 4:16] = 100
    alpha[5:8, 8:11, 8:11] = 0  # white marrow
    alpha[0, 0, 0] = 9
    found = specimen_of(alpha)
    assert found[4:9, 5:15, 5:15].all() and not found[0].any()
    assert found.sum() == pytest.approx(7 * 12 * 12, rel=0.15)  # rounded edges


def test_the_rim_loses_the_white_that_averaging_mixed_in():
    rgb = np.full((9, 9, 9, 3), 255.0, np.float32)
    specimen = np.zeros((9, 9, 9), bool)
    specimen[2:7, 2:7, 2:7] = True
    rgb[specimen] = 170
    rgb[3:6, 3:6, 3:6] = 100
    without_white_rim(rgb, specimen)
    assert rgb[2, 4, 4, 0] == pytest.approx(100) and rgb[0, 0, 0, 0] == 255


def test_slices_stand_in_their_cells():
    slices = np.random.default_rng(0).integers(0, 255, (5, 6, 7), np.uint8)
    image = mosaic(slices, columns=2, rows=3, tall=16, wide=16)
    assert image.shape == (48, 32)
    np.testing.assert_array_equal(image[16:22, 16:23], slices[3])


def test_orthogonal_slices_pass_the_point():
    rgba = np.zeros((4, 9, 11, 13), np.uint8)
    rgba[0, 2], rgba[1, :, :, 6], rgba[2, :, 5] = 255, 255, 255
    figure = orthogonal_figure(rgba, 5.0, (6.5 * 5, 5.5 * 5, 2.5 * 5))
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [image.shape for image in shown] == [(11, 13, 3), (11, 9, 3), (9, 13, 3)]
    for channel, image in enumerate(shown):
        assert (image[..., channel] == 255).all()
    assert [axes.get_title().split("= ")[1] for axes in figure.axes] == ["12 µm", "32 µm", "28 µm"]
    (label,) = figure.axes[0].texts
    assert label.get_text() == "20 µm"  # the longest round length within 2/5 of 65 µm


def test_red_arrows_point_to_new_bone_in_every_slice():
    """A ball of new bone in mature bone, and as large a dark one, which is corrosion."""
    levels = NormalizeSettings()
    span = levels.bone_mean - levels.background_mean
    z, y, x = np.mgrid[:40, :44, :48]
    ct = np.full((40, 44, 48), levels.bone_mean, float)
    rgba = np.full((4, 40, 44, 48), 180, np.uint8)
    for place, colour in (((20, 14, 16), 150), ((20, 30, 32), 20)):
        ball = sum((a - p) ** 2 for a, p in zip((z, y, x), place, strict=True)) < 8**2
        ct[ball] = levels.background_mean + 0.75 * span
        rgba[:3, ball] = colour
    raw = NormalizedCt((ct - 1000) / 2, (2.0, 1000.0), levels)
    figure = orthogonal_figure(rgba, 20.0, (330, 290, 410), ct=raw)
    tips = [[t.xy for t in axes.texts if getattr(t, "arrow_patch", None)] for axes in figure.axes]
    places = [(16, 14), (20, 14), (16, 20)]  # across, down
    for found, place in zip(tips, places, strict=True):
        (tip,) = found
        assert np.hypot(*np.subtract(tip, place)) < 4
    without = orthogonal_figure(rgba, 20.0, (330, 290, 410))
    assert [len(axes.texts) for axes in without.axes] == [1, 1, 1], "the scale bars' labels"


def test_uncertainty_fills_the_range_of_colours():
    levels = np.zeros((4, 4, 4), np.float32)
    levels[0], levels[1, 0, 0] = 10.0, 90.0  # the last lies outside what is shown
    shown = np.zeros(levels.shape, bool)
    shown[0] = True
    found, most = doubt_shown(levels, shown)
    assert most == 10.0 and (found[0] == 255).all() and found[1, 0, 0] == 255
    assert found[1, 1, 1] == 0
