"""What regions and stained slides have in common is measured once, and comes out as if alone."""

import numpy as np
import pytest

from virtual_staining.evaluate import shared
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.patch_metrics import measure, measure_region, slide_pair
from virtual_staining.evaluate.shared import PatchResults
from virtual_staining.settings.evaluate import EvaluateSettings

GLASS = np.full(3, 240, np.uint8)
SETTINGS = EvaluateSettings(patch_px=64, step_px=40, lpips="if_given")


def coloured(seed):
    """A smooth image with fine detail, RGB."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.repeat(rng.integers(60, 200, (9, 12, 3)), 20, axis=0), 20, axis=1)
    return (image[:170, :230] + rng.integers(0, 30, (170, 230, 3))).astype(np.uint8)


def regions():
    """A mask and parts of it; some patches are thin in the mask and others in the parts."""
    y, x = np.mgrid[:170, :230]
    mask = (y - 80) ** 2 + (x - 110) ** 2 < 95**2
    tissue = mask & ((y - 80) ** 2 + (x - 100) ** 2 > 30**2)
    bone = tissue & (x % 50 < 24)
    return mask, {"tissue": tissue, "bone": bone, "soft": tissue & ~bone}


@pytest.fixture
def metrics(shared_data, monkeypatch):
    weights = shared_data / "squeezenet1_1-features" / "squeezenet1_1_features.pth"
    if weights.is_file():
        monkeypatch.setenv("LPIPS_BACKBONE", str(weights))
    return load_metrics(find_needs(SETTINGS))


@pytest.mark.parametrize("most_px", [0, 10_000, shared.MOST_KEPT_PX])
def test_sharing_changes_no_number(metrics, monkeypatch, most_px):
    monkeypatch.setattr(shared, "MOST_KEPT_PX", most_px)
    real, (mask, parts), kept = coloured(0), regions(), PatchResults()
    how = GLASS, SETTINGS, metrics
    for seed in (1, 2):
        generated = coloured(seed)
        slides = slide_pair(real, generated, mask, GLASS, kept)
        together = measure(real, generated, mask, *how, slides)
        alone = measure(real, generated, mask, *how)
        for name, region in parts.items():
            together += measure_region(name, real, generated, region, *how, slides)
            alone += measure_region(name, real, generated, region, *how)
        assert {row["region"] for row in alone} == {"mask", *parts}
        for one, other in zip(together, alone, strict=True):
            assert one.pop("region") == other.pop("region")
            assert list(one.values()) == pytest.approx(list(other.values()), rel=1e-5, nan_ok=True)


def test_what_is_shared_is_calculated_once(metrics):
    real, (mask, parts), kept = coloured(0), regions(), PatchResults()
    calls = {"pair": 0, "real": 0}

    def pair_map(first, second):
        calls["pair"] += 1
        return first[..., 0] - second[..., 0]

    def of_patches(patches):
        calls["real"] += len(patches)
        return list(patches)

    def compute(patches):
        patches.maps(pair_map)
        patches.once(of_patches, patches.real)
        return np.zeros(len(patches.real))

    how = GLASS, SETTINGS, {next(iter(metrics)): compute}
    rows = []
    for seed in (1, 2):
        generated = coloured(seed)
        slides = slide_pair(real, generated, mask, GLASS, kept)
        rows += measure(real, generated, mask, *how, slides)
        for name, region in parts.items():
            rows += measure_region(name, real, generated, region, *how, slides)
    places = {(row["y_px"], row["x_px"]) for row in rows}
    assert calls["pair"] == 2 * len(places) < len(rows)
    assert calls["real"] <= 2 * len(places)  # as it is, and with glass around the mask
