"""Comparisons of models over samples, against values from textbooks and by hand."""

import numpy as np
import pandas as pd
import pytest
from metric_columns import COLUMNS

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.statistics import (
    compare_models,
    holm,
    rank_biserial,
    signed_rank_p,
    smallest_p,
)
from virtual_staining.evaluate.statistics_layout import markdown
from virtual_staining.settings.evaluate import EvaluateSettings

FEW = EvaluateSettings(bootstrap_resamples=200)


def rows(model, samples, values, subset="test", metric="similarity"):
    return [
        {"stain": "toluidine_blue", "model": model, "fold": 1, "sample": sample}
        | {"subset": subset, "region": "mask", "y_px": place, "x_px": 0, metric: value + place / 9}
        for sample, value in zip(samples, values, strict=True)
        for place in range(3)
    ]


def compared(number, *, better=0.1, patches=None):
    samples = [f"s{k}" for k in range(number)]
    values = np.linspace(0.2, 0.6, number)
    steps = better * np.linspace(1, 2, number)
    table = pd.DataFrame(
        [
            *rows("pix2pix", samples, values + steps),
            *rows("cyclegan", samples, values),
            *rows("raw_ct", samples, values - 0.3),
            *rows("mean_colour_oracle", samples, values + 1),
        ]
    )
    return compare_models(table, COLUMNS[:1], FEW)


def test_holm_by_hand():
    """0.01 × 4, 0.02 × 3, 0.03 × 2 (less than the one before), 0.9."""
    assert holm([0.03, 0.01, 0.9, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1, 1]


def test_the_signed_rank_test_is_exact_for_few_samples():
    """All of n samples of one sign are one of 2ⁿ cases, on either side."""
    assert signed_rank_p(np.array([0.1, 0.2, 0.35, 0.5])) == pytest.approx(2 / 2**4)
    assert signed_rank_p(np.array([0.0, 0.1, 0.2, 0.35])) == pytest.approx(2 / 2**3)
    assert signed_rank_p(np.zeros(5)) == 1
    assert (
        smallest_p(4) == 2 / 2**4 and smallest_p(12, 9) == 9 * 2 / 2**12 and smallest_p(3, 9) == 1
    )


def test_the_effect_counts_ranks():
    """Kerby: ranks 1 and 3 favour the second, 2 and 4 the first, of 10 in all."""
    assert rank_biserial(np.array([-0.1, 0.2, -0.3, 0.4])) == pytest.approx((6 - 4) / 10)
    assert rank_biserial(np.array([0.1, 0.2])) == 1
    assert rank_biserial(np.zeros(3)) == 0


def test_samples_are_tested_and_not_patches():
    """Eight samples of three patches: with patches as if independent p would be 2 / 2²⁴."""
    table = compared(8).set_index(["first", "second"])
    assert list(table.index) == [
        ("pix2pix", "cyclegan"),
        ("pix2pix", "raw_ct"),
        ("cyclegan", "raw_ct"),
    ]
    first = table.loc[("pix2pix", "cyclegan")]
    assert first["samples"] == 8 and first["p"] == pytest.approx(2 / 2**8)
    assert first["p_holm"] == pytest.approx(3 * 2 / 2**8) == first["smallest_p"]
    assert first["difference"] == pytest.approx(0.15)
    assert first["low"] < 0.15 < first["high"] and first["effect"] == 1


def test_lower_is_better_where_the_metric_says_so():
    low = MetricColumn("similarity", "Distance", "", False, 2, order=1)
    samples = ["a", "b", "c"]
    table = pd.DataFrame(
        [*rows("pix2pix", samples, [0.1, 0.2, 0.3]), *rows("cyclegan", samples, [0.3, 0.5, 0.7])]
    )
    (row,) = compare_models(table, [low], FEW).to_dict("records")
    assert row["difference"] == pytest.approx(0.3) and row["effect"] == 1


def test_a_sentence_says_when_samples_are_too_few():
    text = markdown(compared(3), COLUMNS)
    assert "**With 3 samples no p below 0.75 is possible after correction: too few" in text
    assert "| Pix2Pix | Raw CT † | 3 | +0.450 [" in text and "| **" not in text
    text = markdown(compared(8), COLUMNS)
    assert "With 8 samples the smallest possible p after correction is 0.023." in text
    assert "| **+0.150 [" in text


def test_one_sample_compares_nothing():
    (row, *_) = compared(1).to_dict("records")
    assert row["p"] == 1 and np.isnan(row["low"])
    assert "no p below 1 is possible" in markdown(compared(1), COLUMNS)
    assert "No model was measured" in markdown(pd.DataFrame(), COLUMNS)
