"""SSIM, PSNR and patch sampling on images whose values are known."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from virtual_staining.errors import InputError
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.metrics.psnr import METRIC as PSNR
from virtual_staining.evaluate.metrics.psnr import psnr_db as psnr_of_errors
from virtual_staining.evaluate.metrics.psnr import squared_error_map
from virtual_staining.evaluate.metrics.ssim import METRIC as SSIM
from virtual_staining.evaluate.metrics.ssim import ssim as mean_ssim
from virtual_staining.evaluate.metrics.ssim import ssim_map
from virtual_staining.evaluate.patch_metrics import measure, measure_region
from virtual_staining.settings.evaluate import EvaluateSettings

CLEAR = np.full(3, 240, np.uint8)
WHOLE = EvaluateSettings(patch_px=64, step_px=64)
SSIM_ALONE = {SSIM.column: SSIM.compute}


def ssim_of_region(real, generated, region):
    return mean_ssim(ssim_map(real, generated), region)


def ssim(real, generated):
    """SSIM over all of a patch, as in the paper."""
    return ssim_of_region(real, generated, np.ones(real.shape[:2], bool))


def psnr_db(real, generated):
    return psnr_of_errors(squared_error_map(real, generated))


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_identical_images_reach_the_best_values():
    image = noise((64, 64, 3))
    assert ssim(image, image) == pytest.approx(1)
    # One grey level in one of 64 * 64 * 3 values: the mean squared error is 1 / 12288.
    assert psnr_db(image, image) == pytest.approx(10 * np.log10(255**2 * 12288))


def test_psnr_by_hand():
    black = np.zeros((8, 8, 3), np.uint8)
    assert psnr_db(black, black + 5) == pytest.approx(20 * np.log10(255 / 5))
    # 200 - 0 must not wrap around in 8 bits.
    assert psnr_db(black, black + 200) == pytest.approx(20 * np.log10(255 / 200))
    assert psnr_db(black, black + 255) == pytest.approx(0)


def test_one_changed_value_is_the_cap_of_psnr():
    image = np.full((16, 16, 3), 100, np.uint8)
    changed = image.copy()
    changed[3, 4, 1] += 1
    assert psnr_db(image, changed) == pytest.approx(psnr_db(image, image))


def test_ssim_of_constant_images_by_hand():
    """Without variance, equation 11 is the luminance term alone."""
    dark, light = (np.full((16, 16, 3), value, np.uint8) for value in (50, 100))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 50 * 100 + c1) / (50**2 + 100**2 + c1)
    assert ssim(dark, light) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_unrelated_noise_is_small():
    assert abs(ssim(noise((64, 64, 3)), noise((64, 64, 3), 1))) < 0.05


def test_only_patches_under_the_mask_are_measured():
    image = noise((128, 128, 3))
    mask = np.zeros((128, 128), bool)
    mask[:64, :64] = True
    mask[64:96, :64] = True  # just half of the patch at (64, 0)
    mask[:64, 64:95] = True  # just less than half of the patch at (0, 64)
    rows = measure(image, image, mask, CLEAR, WHOLE, {SSIM.column: None})
    assert [(row["y_px"], row["x_px"], row["overlap"]) for row in rows] == [
        (0, 0, 1.0),
        (64, 0, 0.5),
    ]
    assert all(np.isnan(row["ssim"]) for row in rows)


def test_what_lies_outside_the_mask_does_not_count():
    real, generated = noise((64, 64, 3)), noise((64, 64, 3), 1)
    mask = np.zeros((64, 64), bool)
    mask[:48] = True
    generated[mask] = real[mask]
    (row,) = measure(real, generated, mask, CLEAR, WHOLE, SSIM_ALONE)
    assert row["ssim"] == pytest.approx(1)


def test_ssim_over_all_of_a_patch_is_scikit_images():
    real, generated = noise((64, 48, 3)), noise((64, 48, 3), 1) // 2
    expected = structural_similarity(real, generated, channel_axis=-1, data_range=255)
    assert ssim(real, generated) == pytest.approx(expected, abs=1e-12)


def test_ssim_of_a_region_sees_nothing_else():
    real, generated = noise((64, 64, 3)), noise((64, 64, 3), 1)
    region = np.zeros((64, 64), bool)
    region[10:40, 5:50] = True
    generated[region] = real[region]
    assert ssim_of_region(real, generated, region) == pytest.approx(1)
    inside = structural_similarity(
        real[10:40, 5:50], (real // 2)[10:40, 5:50], channel_axis=-1, data_range=255
    )
    assert ssim_of_region(real, real // 2, region) == pytest.approx(inside, abs=1e-12)
    assert np.isnan(ssim_of_region(real, generated, np.arange(64)[:, None] + np.zeros(64) < 6))


def test_on_tissue_alone_a_black_implant_does_not_help():
    """The implant is right and the tissue is wrong: the whole mask flatters, tissue does not."""
    real = noise((64, 64, 3)) // 2 + 100
    tissue = np.zeros((64, 64), bool)
    tissue[:, :40] = True
    real[~tissue] = 0
    generated = real.copy()
    generated[tissue] -= 50
    measures = {metric.column: metric.compute for metric in (SSIM, PSNR)}
    everywhere = np.ones_like(tissue)
    (whole,) = measure(real, generated, everywhere, CLEAR, WHOLE, measures)
    (alone,) = measure_region("tissue", real, generated, tissue, CLEAR, WHOLE, measures)
    assert (whole["region"], alone["region"]) == ("mask", "tissue")
    assert alone["psnr_db"] == pytest.approx(20 * np.log10(255 / 50))
    assert whole["psnr_db"] == pytest.approx(alone["psnr_db"] + 10 * np.log10(64 / 40))
    assert alone["ssim"] < whole["ssim"]
    assert alone["overlap"] == pytest.approx(40 / 64)


def test_lpips_sees_the_real_slide_outside_tissue_and_thin_tissue_is_left_out():
    real, generated = noise((64, 128, 3)), noise((64, 128, 3), 1)
    tissue = np.zeros((64, 128), bool)
    tissue[:, 64:112] = True
    tissue[:, :31] = True  # less than half of the first patch
    seen = {}

    def compute(patches):
        seen.update(real=patches.real, generated=patches.generated)
        return np.zeros(len(patches.real))

    (row,) = measure_region("tissue", real, generated, tissue, CLEAR, WHOLE, {SSIM.column: compute})
    assert row["x_px"] == 64
    assert np.array_equal(seen["generated"][0, :, :48], generated[:, 64:112])
    assert np.array_equal(seen["generated"][0, :, 48:], real[:, 112:])
    assert np.array_equal(seen["real"][0], real[:, 64:])


def test_parts_of_the_tissue_are_measured_on_thinner_patches():
    """A tenth of a patch is enough for bone alone, and too little for all tissue."""
    real, generated = noise((64, 64, 3)), noise((64, 64, 3), 1)
    bone = np.zeros((64, 64), bool)
    bone[:, :8] = True
    measures = {PSNR.column: PSNR.compute}
    how = bone, CLEAR, EvaluateSettings(patch_px=64), measures
    assert measure_region("tissue", real, generated, *how) == []
    (row,) = measure_region("bone", real, generated, *how)
    assert row["psnr_db"] == pytest.approx(psnr_db(real[:, :8], generated[:, :8]))


def test_an_image_smaller_than_a_patch_is_one_patch():
    image = noise((40, 100, 3))
    rows = measure(image, image, np.ones((40, 100), bool), CLEAR, EvaluateSettings(), {})
    assert [(row["y_px"], row["x_px"]) for row in rows] == [(0, 0)]


def test_metrics_are_given_the_patches_in_order():
    real = np.zeros((64, 128, 3), np.uint8)
    generated = real.copy()
    generated[:, 64:] = 9
    mask = np.ones((64, 128), bool)
    mask[:, 96:] = False

    def mean_error(patches):
        assert patches.background is CLEAR
        outside = np.where(patches.region[..., None], 240, patches.real)
        assert (outside == 240).sum(axis=(1, 2, 3)).tolist() == [64 * 64 * 3, 64 * 64 * 3]
        return np.abs(patches.real.astype(float) - patches.generated).mean(axis=(1, 2, 3))

    rows = measure(real, generated, mask, CLEAR, WHOLE, {SSIM.column: mean_error})
    assert [row["ssim"] for row in rows] == [0, 4.5]  # half of the second patch is filled


def test_metrics_without_a_file_of_their_own_need_nothing():
    records = find_needs(EvaluateSettings(lpips=False))
    assert not records["lpips"]["measured"]
    measured = {metric.column for metric, compute in load_metrics(records).items() if compute}
    assert measured == set(records) - {"lpips"}


def test_a_metric_that_is_gone_is_named():
    with pytest.raises(InputError, match=r"old_metric: no such metric; known: .*ssim"):
        load_metrics({"old_metric": {"measured": True}})


@pytest.mark.parametrize(
    ("shape", "message"), [((64, 60, 3), "sizes differ"), ((20, 64, 3), "too few")]
)
def test_unfit_images_are_refused(shape, message):
    real = noise((64, 64, 3)) if shape[1] == 60 else noise(shape)
    with pytest.raises(ValueError, match=message):
        measure(real, noise(shape), np.ones(real.shape[:2], bool), CLEAR, EvaluateSettings(), {})
