"""Figures of agreement and uncertainty on tables of known numbers."""

import numpy as np
import pandas as pd
import pytest

from virtual_staining.figures.checks import draw_agreement, draw_uncertainty


def structures():
    rows = [
        {"stain": "he", "model": model, "fold": fold, "sample": sample, "material": "Mg"}
        | {"subset": subset, "implant_mm2": value + shift, "bone_percent_0_100um": 5.0}
        for model, shift in (("real", 0.0), ("pix2pix", 1.0))
        for fold in (1, 2)
        for sample, subset, value in (
            ("a", "validation", 2.0), ("b", "test", 4.0), ("c", "train", 90.0)
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_each_held_out_slide_is_one_point_of_difference_over_mean():
    figure = draw_agreement(structures())
    metal, bone = figure.axes
    assert metal.get_title() == "implant, mm²" and bone.get_title() == "bone, % 0–100 µm"
    points = np.vstack([collection.get_offsets() for collection in metal.collections])
    assert sorted(map(tuple, points.tolist())) == [(2.5, 1.0), (4.5, 1.0)]
    assert [line.get_ydata()[0] for line in metal.lines] == pytest.approx([1, 1, 1, 0])


def test_coverage_stands_slide_by_slide_with_its_alarms():
    rows = pd.DataFrame(
        {"model": "pix2pix", "sample": s, "coverage": c, "spearman": 0.8, "spearman_ct_edge": 0.4}
        | {"alarm": alarm, "subset": subset}
        for s, c, alarm, subset in (
            ("a", 0.95, np.nan, "validation"), ("b", 0.7, "spread", "test")
        )
    )  # fmt: skip
    slide = np.full((40, 50, 3), 200, np.uint8)
    doubt = np.zeros((40, 50), np.uint8)
    doubt[10:30, 10:40] = np.arange(1, 601).reshape(20, 30) // 3 + 1
    figure = draw_uncertainty(rows, 0.9, slide, doubt, 20, 200, "Testing b")
    covered = figure.axes[0]
    validation, calm, test, alarmed, promised = covered.lines
    assert validation.get_xydata().tolist() == [[0, 0.95]]
    assert test.get_xydata().tolist() == [[1, 0.7]] and test.get_marker() == "^"
    assert not len(calm.get_xdata()) and alarmed.get_xdata().tolist() == [1]
    assert promised.get_ydata()[0] == 0.9 and covered.get_ylim()[1] < 1.01
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["Pix2Pix, validation", "Pix2Pix, testing", "promised: 90%"]
    bars = [axes for axes in figure.axes if any(t.get_text() == "200 µm" for t in axes.texts)]
    assert len(bars) == 2
    assert draw_uncertainty(rows, 0.9, slide, 0 * doubt, 20, 200, "none inside").axes
