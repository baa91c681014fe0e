"""Conversions between file intensities and the network's range."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from virtual_staining.imaging import intensity

WINDOW = intensity.ct_window(50000)


def test_known_grey_levels():
    ct = np.array([0, 10000, 25000, 30000, 50000, 65535], np.uint16)
    np.testing.assert_allclose(
        intensity.ct_to_network(ct, WINDOW), [-1, -0.6, 0, 0.2, 1, 1], atol=1e-6
    )
    np.testing.assert_array_equal(intensity.ct_to_display(ct, WINDOW), [0, 51, 128, 153, 255, 255])


def test_known_colours():
    rgb = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(intensity.slide_to_network(rgb), [-1, -0.6, 1], atol=1e-6)
    np.testing.assert_array_equal(
        intensity.network_to_slide(np.array([-1.2, -1, 0, 1, 1.3])), [0, 0, 128, 255, 255]
    )


def test_all_values_survive_the_round_trip():
    rgb = np.arange(256, dtype=np.uint8)
    ct = np.arange(0, 50001, dtype=np.uint16)
    np.testing.assert_array_equal(intensity.network_to_slide(intensity.slide_to_network(rgb)), rgb)
    np.testing.assert_array_equal(
        intensity.network_to_ct(intensity.ct_to_network(ct, WINDOW), WINDOW), ct
    )


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=20), st.integers(1, 65535))
def test_tensors_and_arrays_agree(values, ct_white):
    ct = np.array(values, np.uint16)
    window = intensity.ct_window(ct_white)
    x = intensity.ct_to_network(ct, window)
    t = intensity.ct_to_network(torch.from_numpy(ct), window)
    np.testing.assert_allclose(t.numpy(), x, atol=1e-6)
    back = intensity.network_to_ct(torch.from_numpy(x), window)
    assert back.dtype == torch.uint16
    np.testing.assert_array_equal(back.numpy(), intensity.network_to_ct(x, window))
    assert abs(intensity.network_to_ct(x, window).astype(int) - ct.clip(0, ct_white)).max() <= 1


def test_window_must_be_positive():
    with pytest.raises(ValueError, match="ct_white"):
        intensity.ct_window(0)
