"""The Gaussian that smooths images before the pixelwise losses compare them."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from train_cases import tiny

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models.build import build_model
from virtual_staining.models.smoothing import REACH, smooth

CPU = torch.device("cpu")


@pytest.mark.parametrize("sigma_px", [0.5, 1.0, 2.3])
def test_equals_scipys_gaussian(sigma_px):
    images = torch.rand(2, 3, 24, 31, dtype=torch.float64)
    # scipy cuts at a rounded distance: the fraction that makes it the distance of smooth().
    truncate = np.ceil(REACH * sigma_px) / sigma_px
    expected = ndimage.gaussian_filter(
        images.numpy(), (0, 0, sigma_px, sigma_px), mode="mirror", truncate=truncate
    )
    np.testing.assert_allclose(smooth(images, sigma_px).numpy(), expected, atol=1e-12)


def test_no_sigma_returns_the_images_themselves():
    images = torch.rand(1, 3, 8, 8)
    assert smooth(images, 0) is images


@pytest.mark.parametrize("name, loss", [("pix2pix", "l1"), ("paired_cyclegan", "px")])
def test_only_the_pixelwise_loss_compares_smoothed_images(name, loss):
    ct, slide = (torch.rand(2, 3, 32, 32) * 2 - 1 for _ in range(2))
    batch = Batch(ct, slide, torch.ones(2, 1, 32, 32))
    values = {}
    for sigma_px in (0.0, 2.0):
        model = build_model(tiny(name, pixel_sigma_px=sigma_px), CPU)
        values[sigma_px] = dict(zip(model.components, model.validate(batch).tolist(), strict=True))
    smoothed, sharp = values[2.0], values[0.0]
    assert smoothed.pop(loss) < 0.9 * sharp.pop(loss)
    smoothed.pop("total"), sharp.pop("total")
    assert smoothed == sharp
