"""MS-SSIM, stain densities, colour histograms and KID on images of known answer."""

import numpy as np
import pytest
from scipy import ndimage, stats
from skimage import data
from skimage.metrics import structural_similarity

from virtual_staining.evaluate.faults.kernel_distance import (
    kernel_distance,
    patch_distance,
    squeezenet_features,
)
from virtual_staining.evaluate.lpips_network import lpips_distances, lpips_features
from virtual_staining.evaluate.metric import PatchPairs, find_needs
from virtual_staining.evaluate.metrics.colour_histogram import histogram_distance
from virtual_staining.evaluate.metrics.ms_ssim import WEIGHTS, ms_ssim, scale_count
from virtual_staining.evaluate.metrics.sharpness import detail, sharpness
from virtual_staining.evaluate.metrics.ssim import C1, ssim, ssim_map
from virtual_staining.evaluate.metrics.stain_density import (
    amounts,
    density_errors,
    optical_density,
    stain_directions,
)
from virtual_staining.settings.evaluate import EvaluateSettings

EVERYWHERE = np.ones((128, 128), bool)
GLASS = np.full(3, 245, np.uint8)
# Hematoxylin and eosin after Ruifrok and Johnston 2001, as unit vectors.
STAINS = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
STAINS /= np.linalg.norm(STAINS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(data.astronaut()[:128, 160:288])


def blurred(image, sigma_px):
    return ndimage.gaussian_filter(image, (sigma_px, sigma_px, 0))


def test_flat_images_differ_in_luminance_alone_at_the_coarsest_scale():
    one, other = (np.full((64, 64, 3), level, np.uint8) for level in (100, 120))
    light = (2 * 100 * 120 + C1) / (100**2 + 120**2 + C1)
    weights = np.array(WEIGHTS[:4]) / sum(WEIGHTS[:4])  # 64 px: 64, 32, 16, 8
    assert ms_ssim(one, other) == pytest.approx(light ** weights[-1])
    assert (scale_count(64), scale_count(112), scale_count(13), scale_count(7)) == (4, 5, 1, 1)


def test_one_scale_is_ssim_of_the_patch(photo):
    """13 pixels leave room for one scale; its terms are averaged as a product."""
    one, other = photo[50:63, 50:63], blurred(photo, 1)[50:63, 50:63]
    assert ms_ssim(one, other) == pytest.approx(ssim(ssim_map(one, other), np.ones((13, 13), bool)))


def test_two_scales_by_scikit_image(photo):
    """With equal means in every window SSIM is contrast and structure alone."""
    rng = np.random.default_rng(0)
    pattern = np.kron(2 * rng.integers(-20, 21, (13, 13)), [[1, -1], [-1, 1]])[..., None]
    one = (128 + np.repeat(pattern, 3, -1)).astype(np.uint8)
    weights = np.array(WEIGHTS[:2]) / sum(WEIGHTS[:2])
    other = (128 + np.repeat(pattern, 3, -1) // 2).astype(np.uint8)
    coarse = [image.reshape(13, 2, 13, 2, 3).mean((1, 3)) for image in (one, other)]
    whole = structural_similarity(*coarse, channel_axis=-1, data_range=255)
    floats = [image.astype(float) for image in (one, other)]
    _, fine = structural_similarity(*floats, channel_axis=-1, data_range=255, full=True)
    light = [ndimage.uniform_filter(image, (7, 7, 0)) for image in floats]
    light = (2 * light[0] * light[1] + C1) / (light[0] ** 2 + light[1] ** 2 + C1)
    structure = (fine / light)[3:-3, 3:-3].mean()
    assert ms_ssim(one, other) == pytest.approx(structure ** weights[0] * whole ** weights[1])


def test_ms_ssim_forgives_a_small_shift_more_than_ssim(photo):
    shifted = np.roll(photo, 1, axis=0)
    assert ms_ssim(photo, photo) == 1
    assert ms_ssim(photo, shifted) > ssim(ssim_map(photo, shifted), EVERYWHERE) + 0.05


def test_a_shift_of_colours_is_the_histograms_distance(photo):
    colours = photo.reshape(-1, 3) // 2
    assert histogram_distance(colours, colours[::-1]) == 0
    assert histogram_distance(colours, colours + np.uint8(9)) == pytest.approx(9)
    other = np.random.default_rng(0).integers(0, 256, colours.shape, dtype=np.uint8)
    expected = [stats.wasserstein_distance(colours[:, c], other[:, c]) for c in range(3)]
    assert histogram_distance(colours, other) == pytest.approx(np.mean(expected))
    assert np.isnan(histogram_distance(colours[:0], colours[:0]))


def stained(quantities):
    return (GLASS * 10 ** -(quantities @ STAINS)).round().astype(np.uint8)


def quantities_of_two_stains():
    rng = np.random.default_rng(0)
    both = rng.uniform(0.1, 0.6, (64, 64, 2))
    both[:32, :, 1] = 0  # places that hold one stain alone
    both[32:, :20, 0] = 0
    return both


def test_two_stains_are_found_and_split():
    both = quantities_of_two_stains()
    density = optical_density(stained(both), GLASS)
    directions = stain_directions(density.reshape(-1, 3))
    assert directions == pytest.approx(STAINS, abs=0.02)
    assert np.abs(amounts(density, STAINS) - both).max() < 0.03
    assert (amounts(np.array([[0.3, -0.2, 0.1]]), STAINS) >= 0).all()


def test_each_stain_has_its_own_error():
    both = quantities_of_two_stains()
    more = both + np.array([0.0, 0.1])
    region = np.ones((1, 64, 64), bool)
    pairs = PatchPairs(stained(both)[None], stained(more)[None], region, region, GLASS)
    assert density_errors(pairs, 0) == pytest.approx([0], abs=0.015)
    assert density_errors(pairs, 1) == pytest.approx([0.1], abs=0.015)
    clear = PatchPairs(np.full_like(pairs.real, 245), pairs.generated, region, region, GLASS)
    assert np.isnan(density_errors(clear, 0)).all()
    nothing = PatchPairs(
        *[np.repeat(i, 2, 0) for i in (pairs.real, pairs.generated)],
        np.concatenate([region, ~region]),
        region,
        GLASS,
    )
    assert np.isnan(density_errors(nothing, 1)).tolist() == [False, True]


def test_the_kernel_distance_by_hand():
    """Features 0 and 1 of one dimension: kernels 1, 1 and 8 by pairs."""
    real, generated = np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]])
    assert kernel_distance(real, generated) == pytest.approx(1 + 8 - 2 * (1 + 1 + 8 + 8) / 4)
    assert np.isnan(kernel_distance(real[:1], generated))


def test_the_kernel_distance_is_unbiased():
    """Sets from one distribution: around 0, also of four patches, where FID would be large."""
    rng = np.random.default_rng(0)
    values = [kernel_distance(*rng.normal(size=(2, 4, 8))) for _ in range(3000)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(3000)
    assert kernel_distance(rng.normal(size=(50, 8)), rng.normal(2, 1, (50, 8))) > 10


def test_more_metrics_are_measured_where_asked_for():
    few, many = (find_needs(EvaluateSettings(lpips=False, more_metrics=m)) for m in (False, True))
    extended = {"ms_ssim", "stain_1_error_od", "stain_2_error_od", "histogram_distance"}
    assert many.keys() - few.keys() == extended


def test_a_blurred_copy_loses_where_it_should(photo, shared_data):
    """Against a slightly shifted slide blur raises SSIM, but not LPIPS, sharpness or KID."""
    from virtual_staining.evaluate.lpips_backbone import load_network

    weights = shared_data / "squeezenet1_1-features" / "squeezenet1_1_features.pth"
    if not weights.is_file():
        pytest.skip(f"SqueezeNet weights not found ({weights})")
    noise = np.random.default_rng(0).normal(0, 25, photo.shape)
    real = np.clip(photo + noise, 0, 255).astype(np.uint8)
    shifted = np.roll(real, 2, axis=1)
    blur = blurred(shifted, 2)
    network = load_network(weights)
    similar = [ssim(ssim_map(real, one), EVERYWHERE) for one in (shifted, blur)]
    assert similar[1] > similar[0]
    sharp = [sharpness(detail(real), detail(one), EVERYWHERE) for one in (shifted, blur)]
    assert sharp[1] < 0.2 < sharp[0]
    first, *others = lpips_features(network, np.array([real, shifted, blur]))
    distances = lpips_distances(network, [first, first], others)
    assert distances[1] > distances[0]
    tiles = [
        np.array(
            [image[y : y + 32, x : x + 32] for y in range(0, 97, 32) for x in range(0, 97, 32)]
        )
        for image in (real, shifted, blur)
    ]
    features = squeezenet_features(network)
    assert patch_distance(tiles[0], tiles[2], features) > patch_distance(*tiles[:2], features)
    assert np.isnan(patch_distance(tiles[0][:0], tiles[0][:0], features))
