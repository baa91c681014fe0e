"""Intervals that draw samples and then patches, against values worked out by hand."""

import numpy as np
import pytest

from virtual_staining.evaluate.bootstrap import Resampling, weighted_medians
from virtual_staining.settings.evaluate import EvaluateSettings

FEW = EvaluateSettings(bootstrap_resamples=50)


def test_medians_of_counted_values_are_those_of_the_repeated_values():
    rng = np.random.default_rng(0)
    values, counts = rng.random(15), rng.integers(0, 4, (20, 15))
    expected = [np.median(np.repeat(values, row)) for row in counts]
    assert weighted_medians(values, counts) == pytest.approx(expected)
    assert np.isnan(weighted_medians(values, np.zeros((1, 15), int))).all()


def test_samples_are_drawn_and_not_patches():
    """Two samples of constant value: every resample's median is one of three numbers."""
    values, samples = np.repeat([1.0, 3.0], 40), np.repeat(["a", "b"], 40)
    assert Resampling(samples, EvaluateSettings()).median_interval(values) == (1.0, 3.0)
    narrow = EvaluateSettings(bootstrap_interval=0.01)
    low, high = Resampling(np.arange(80), narrow).median_interval(values)
    assert high - low < 2


def test_each_resample_holds_as_many_patches_of_a_sample_as_its_draws():
    samples = np.repeat(["a", "b", "c"], [5, 2, 7])
    counts = Resampling(samples, FEW).counts
    drawn = [counts[:, samples == name].sum(axis=1) / np.sum(samples == name) for name in "abc"]
    assert (np.sum(drawn, axis=0) == 3).all()
    assert (counts[:, samples == "c"].std(axis=1) > 0).any(), "patches are drawn again as well"


def test_the_mean_over_samples_varies_as_theory_has_it():
    """Means of 40 equal-sided samples: the interval is 1.96 standard errors on either side."""
    means = np.random.default_rng(1).normal(size=40)
    low, high = Resampling(
        np.repeat(np.arange(40), 5), EvaluateSettings(bootstrap_resamples=4000)
    ).mean_interval(np.repeat(means, 5))
    half = 1.96 * means.std() / np.sqrt(40)
    assert (low, high) == pytest.approx((means.mean() - half, means.mean() + half), abs=0.04)


def test_patches_within_a_sample_widen_the_interval():
    rng = np.random.default_rng(2)
    means = rng.normal(size=12)
    flat = np.repeat(means, 9)
    samples = np.repeat(np.arange(12), 9)
    settings = EvaluateSettings(bootstrap_resamples=2000)
    widths = [
        np.diff(Resampling(samples, settings).mean_interval(values))[0]
        for values in (flat, flat + rng.normal(0, 4, flat.shape))
    ]
    assert widths[1] > 1.3 * widths[0]


def test_one_sample_gives_no_interval():
    resampling = Resampling(np.repeat(["a", "b"], 5), FEW)
    values = np.r_[np.ones(5), np.full(5, np.nan)]
    assert np.isnan([*resampling.median_interval(values), *resampling.mean_interval(values)]).all()


def test_resamples_are_reproducible():
    values, samples = np.random.default_rng(0).random(90), np.arange(90) % 15

    def interval(settings):
        return Resampling(samples, settings).median_interval(values)

    assert interval(FEW) == interval(FEW)
    assert interval(FEW) != interval(EvaluateSettings(bootstrap_resamples=50, bootstrap_seed=2))
