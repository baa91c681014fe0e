"""Planes that training and staining see: the same matter, equally sharp."""

import numpy as np
import pytest
from scipy.ndimage import correlate1d, gaussian_filter
from scipy.spatial.transform import Rotation

from virtual_staining.imaging.ct_plane import (
    INTERPOLATION_BLUR,
    AsTrained,
    PaperFilter,
    ct_plane,
)
from virtual_staining.imaging.geometry import SectionMap, pose_to_map

THICKNESS_UM = 40.0
SIDE = 60


def texture(sigma):
    """A cube of blurred noise, uint16."""
    noise = np.random.default_rng(0).standard_normal((120, 120, 120)).astype(np.float32)
    noise = gaussian_filter(noise, sigma)
    return np.clip(30000 + 4000 * noise / noise.std(), 0, 65535).astype(np.uint16)


def spectrum(plane):
    """Power in ten bands of spatial frequency, up to Nyquist's."""
    window = np.hanning(SIDE)
    power = np.abs(np.fft.fft2((plane - plane.mean()) * window[:, None] * window)) ** 2
    frequency = np.fft.fftfreq(SIDE)
    band = np.digitize(2 * np.hypot(*np.meshgrid(frequency, frequency)), np.arange(0, 1.01, 0.1))
    return np.array([power[band == k].mean() for k in range(1, 11)])


@pytest.mark.parametrize("voxel_um", [5.0, 8.0, 20.0, 30.0, 50.0])
def test_a_slice_is_the_pairs_plane_but_for_the_blur(voxel_um):
    """Along the volume's own slices nothing is interpolated, and both functions agree exactly."""
    volume = np.random.default_rng(1).integers(0, 60000, (40, 12, 14)).astype(np.float32)
    blurred = volume
    for axis in range(3):
        blurred = correlate1d(blurred, INTERPOLATION_BLUR, axis, mode="nearest")
    plane = SectionMap(np.array([0, 0, 20.5 * voxel_um]), *np.eye(3)[:2])
    expected = ct_plane(blurred, voxel_um, plane, (12, 14), voxel_um, THICKNESS_UM)
    found = AsTrained(THICKNESS_UM, voxel_um)(volume)[20]
    np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize("voxel_um", [5.0, 20.0])
def test_slices_are_as_sharp_as_the_planes_of_pairs(voxel_um):
    rng = np.random.default_rng(2)
    volume = texture(0.7)
    trained = []
    for _ in range(16):
        axes = Rotation.random(rng=rng).as_matrix()
        centre = voxel_um * (60 + rng.uniform(-4, 4, 3))
        plane = pose_to_map(centre, axes[0], axes[1], (SIDE * voxel_um,) * 2)
        image = ct_plane(volume, voxel_um, plane, (SIDE, SIDE), voxel_um, THICKNESS_UM)
        trained.append(spectrum(image.astype(float)))
    power = {}
    for name, plane_filter in (
        ("as_trained", AsTrained(THICKNESS_UM, voxel_um)),
        ("paper", PaperFilter(1.0)),
    ):
        slices = plane_filter(volume.astype(np.float32))[20:100:8, 30:90, 30:90]
        power[name] = np.mean([spectrum(s) for s in slices], 0) / np.mean(trained, 0)
    # the two lowest bands hold too few waves to compare
    assert (power["as_trained"][2:] > 0.7).all() and (power["as_trained"][2:] < 1.8).all()
    assert power["paper"][-3:].max() < 0.1


def test_weights_reach_through_the_section():
    filtered = AsTrained(THICKNESS_UM, 5.0)
    impulse = np.zeros((31, 5, 5), np.float32)
    impulse[15, 2, 2] = 1
    along = filtered(impulse).sum((1, 2))
    assert along.sum() == pytest.approx(1) and filtered.reach == 5
    z_um = (np.arange(31) - 15) * 5.0
    # a box of 40 µm, and the blur of interpolation along z: 1/6 voxel² beside 1/6 in the mean
    assert (along * z_um**2).sum() == pytest.approx(40**2 / 12, rel=0.1)
