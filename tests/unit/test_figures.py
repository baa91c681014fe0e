"""Regions, scale bars and panels of the figures."""

from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from metric_columns import COLUMNS
from scipy import ndimage

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.errors import InputError
from virtual_staining.figures.boxplots import draw_boxplots
from virtual_staining.figures.directions import draw_directions
from virtual_staining.figures.examples import Example, choose_samples
from virtual_staining.figures.kept_weights import draw_checkpoints
from virtual_staining.figures.region_of_interest import choose_roi
from virtual_staining.figures.resolution import SlideCurves, draw_resolution
from virtual_staining.figures.style import RC
from virtual_staining.figures.training_patches import draw_patches
from virtual_staining.figures.whole_slides import draw_models, draw_slides
from virtual_staining.imaging.new_bone import arrow_tips, new_bone
from virtual_staining.imaging.pictures import bar_length_um
from virtual_staining.imaging.resolution import COLUMNS as RESOLUTIONS
from virtual_staining.settings.figures import FiguresSettings
from virtual_staining.settings.normalize import NormalizeSettings


@pytest.mark.parametrize(
    ("width_um", "expected"), [(5000, 500), (1250, 500), (1249, 200), (400, 100), (9, 2)]
)
def test_the_scale_bar_is_round_and_fits(width_um, expected):
    assert bar_length_um(width_um, 500) == pytest.approx(expected)


@pytest.mark.parametrize(("width_um", "expected"), [(65, 20), (1000, 200), (6000, 2000)])
def test_a_scale_bar_of_no_wanted_length_is_the_longest_round_one(width_um, expected):
    assert bar_length_um(width_um) == pytest.approx(expected)


def test_the_roi_has_most_structure_under_the_mask():
    rng = np.random.default_rng(0)
    slide = np.full((60, 90, 3), 128, np.uint8)
    slide[:20, :20] = rng.choice([0, 255], (20, 20, 1))  # strongest, but outside the mask
    slide[30:46, 50:66] = rng.choice([78, 178], (16, 16, 1))
    mask = np.zeros((60, 90), bool)
    mask[25:, 25:] = True
    y, x = choose_roi(slide, mask, 16)
    assert abs(y - 30) <= 1
    assert abs(x - 50) <= 1


def test_the_roi_is_the_best_covered_window_where_none_is_covered_fully():
    slide = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    mask = np.zeros((32, 64), bool)
    mask[:8, 40:48] = True
    y, x = choose_roi(slide, mask, 16)
    assert mask[y : y + 16, x : x + 16].sum() == 64


def test_the_roi_may_be_the_whole_image():
    assert choose_roi(np.zeros((20, 20, 3), np.uint8), np.ones((20, 20), bool), 20) == (0, 0)


def test_samples_are_the_configured_or_the_first():
    fold = Fold(("a", "b"), ("c",), (), "azan", {})
    subsets = ("train", "validation", "test")
    assert choose_samples(fold, subsets, FiguresSettings()) == {"train": "a", "validation": "c"}
    assert choose_samples(fold, subsets, FiguresSettings(train_sample="b"))["train"] == "b"
    with pytest.raises(InputError, match="validation_sample: 'a' is not among c"):
        choose_samples(fold, subsets, FiguresSettings(validation_sample="a"))


def patches(distance):
    rows = [
        {
            "subset": subset,
            "model": model,
            "region": region,
            "similarity": value,
            "ratio_db": 20 * value,
            "distance": distance,
        }
        for subset in ("train", "test")
        for model, best in (("raw_ct", 0.2), ("pix2pix", 0.5))
        for region, shift in (("mask", 0), ("tissue", -0.3))
        for value in (best - 0.1 + shift, best + shift, best + 0.1 + shift)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("distance", "titles"),
    [
        (0.3, ["Similarity ↑", "Distance ↓", "Ratio ↑ (dB)"]),
        (float("nan"), ["Similarity ↑", "Ratio ↑ (dB)"]),
    ],
)
def test_only_measured_metrics_get_panels_for_mask_and_tissue(distance, titles):
    shown = [axes.get_title() for axes in draw_boxplots(patches(distance), COLUMNS).axes]
    wanted = [f"{title}, {region}" for title in titles for region in ("whole mask", "tissue only")]
    assert shown == wanted


def test_an_axis_ends_at_the_whiskers_and_says_what_lies_beyond():
    rows = patches(0.3)
    far = rows.iloc[[0]].assign(similarity=9000.0)
    axes = draw_boxplots(pd.concat([rows, *[rows] * 9, far]), COLUMNS[:1]).axes[0]
    assert axes.get_ylim()[1] < 1
    assert axes.get_xlabel() == "1 of 121 patches beyond the axis"


def test_boxes_stand_at_their_medians_in_the_tables_order():
    figure = draw_boxplots(patches(0.3), COLUMNS)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Pix2Pix", "Raw CT †"]
    for axes, shift in zip(figure.axes[:2], (0, -0.3), strict=True):  # whole mask, tissue only
        assert [label.get_text() for label in axes.get_xticklabels()] == ["Training", "Testing"]
        medians = sorted(
            (line.get_xdata().mean(), line.get_ydata()[0])
            for line in axes.lines
            if line.get_color() == "black" and len(line.get_ydata())
        )
        wanted = [value + shift for value in (0.5, 0.2, 0.5, 0.2)]
        assert [value for _, value in medians] == pytest.approx(wanted)


@pytest.fixture
def example():
    rng = np.random.default_rng(0)
    slide, stained = rng.integers(0, 256, (2, 40, 60, 3), dtype=np.uint8)
    ct = slide[..., 0]
    return Example(
        "Testing", "s1", ct, slide, {"pix2pix": stained, "cyclegan": slide},
        {"cyclegan": ct}, np.ones(ct.shape, bool), ct < 20, ct < 0, 5.0, (10, 20), 16,
    )  # fmt: skip


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_a_model_without_reverse_shows_no_generated_ct(example):
    assert titles(draw_slides([example], "cyclegan", 500)) == [
        "CT",
        "Generated slide",
        "Slide",
        "Generated CT",
    ]
    assert "Generated CT" not in titles(draw_slides([example], "pix2pix", 500))


def test_the_profile_runs_through_the_middle_of_the_region(example):
    figure = draw_slides([example], "pix2pix", 500)
    axes = next(axes for axes in figure.axes if "µm" in axes.get_xlabel())
    real, generated = axes.lines
    assert real.get_ydata() == pytest.approx(example.slide[18, 20:36].mean(axis=-1))
    assert generated.get_ydata() == pytest.approx(
        example.stained["pix2pix"][18, 20:36].mean(axis=-1)
    )
    assert real.get_xdata()[:2] == pytest.approx([2.5, 7.5])


def test_the_histograms_leave_the_implant_out(example):
    slide = example.slide.copy()
    slide[example.implant] = 0
    figure = draw_slides([replace(example, slide=slide)], "pix2pix", 500)
    axes = next(a for a in figure.axes if a.get_legend() and "R" in str(a.get_legend().texts[0]))
    values = slide[10:26, 20:36][~example.implant[10:26, 20:36]][:, 0]
    expected, _ = np.histogram(values, bins=64, range=(0, 256), density=True)
    assert axes.patches[0].get_data().values == pytest.approx(expected)
    everything = replace(example, implant=np.ones_like(example.implant))
    assert draw_slides([everything], "pix2pix", 500).axes


def test_both_directions_stand_in_a_row(example):
    columns = ["CT", "Generated slide", "Mask", "Slide", "Generated CT"]
    assert titles(draw_directions([example], "cyclegan", 500, True)) == columns
    assert titles(draw_directions([example] * 3, "pix2pix", 500, False)) == [
        "CT", "Generated slide", "Slide"
    ]  # fmt: skip
    figure = draw_directions([example] * 3, "pix2pix", 500, False)
    assert len(figure.axes) == 9, "no empty column"


def test_models_stand_side_by_side_in_the_tables_order(example):
    figure = draw_models([example, example], 500)
    assert titles(figure) == ["CT", "Slide", "Pix2Pix", "Std. CycleGAN"]
    assert len(figure.axes) == 2 * 2 * 4
    labels = [axes.texts[-1].get_text() for axes in figure.axes if axes.images]
    assert set(labels) == {"100 µm", "20 µm"}, "a bar on each slide, and on each region of 80 µm"
    (zoom,) = figure.axes[5].images  # below the second whole slide, column by column
    assert np.array_equal(zoom.get_array(), example.stained["pix2pix"][10:26, 20:36])


def test_training_patches_show_five_columns_or_four():
    shape = (3, 16, 16)
    patches = {"ct": np.zeros(shape, np.uint16), "mask": np.ones(shape, bool)}
    patches |= dict.fromkeys(("slide", "fake_slide"), np.zeros((*shape, 3), np.uint8))
    assert len(draw_patches(patches, 2, 50000, [], 500).axes) == 2 * 4
    named = {**patches, "fake_ct": patches["ct"], "sample": np.array(["a", "b", "c"])}
    figure = draw_patches(named, 9, 50000, [5.0, 5.0, 10.0], 20)
    assert len(figure.axes) == 3 * 5
    assert [axes.get_ylabel() for axes in figure.axes[::5]] == ["1\na", "2\nb", "3\nc"]
    assert {axes.texts[0].get_text() for axes in figure.axes} == {"20 µm"}, "a bar on each patch"


def test_arrows_point_to_new_bone_in_the_region(example):
    bone = np.zeros_like(example.new_bone)
    bone[12:26, 21:35] = True  # 14 pixels of 5 µm, 70 µm: thick enough by a hair
    bone[10, 20:36] = True  # a seam
    figure = draw_slides([replace(example, new_bone=bone)], "cyclegan", 500)
    arrows = [text for axes in figure.axes for text in axes.texts if hasattr(text, "arrow_patch")]
    shown = [text for text in arrows if text.arrow_patch]
    assert len(shown) == 3, "CT, generated slide and slide"
    assert all(12 <= text.xy[1] + 10 < 26 and 21 <= text.xy[0] + 20 < 35 for text in shown)


def test_new_bone_lies_between_soft_tissue_and_bone_in_grey():
    levels, um = NormalizeSettings(), 5.0
    span = levels.bone_mean - levels.background_mean
    ct = np.full((60, 90), levels.background_mean + 0.05 * span, np.uint16)
    ct[:, 30:60], ct[:, 60:] = levels.background_mean + 0.75 * span, levels.bone_mean
    rigid = np.ones(ct.shape, bool)
    rigid[:, :30] = False
    slide = np.full((*ct.shape, 3), 150, np.uint8)
    slide[40:] = 60  # corrosion products
    found = new_bone(ct, slide, rigid, np.full(3, 240, np.uint8), um, levels)
    assert found[:35, 35:55].all() and not found[40:].any() and not found[:, 66:].any()
    ((y, x),) = arrow_tips(found, um)
    assert found[y, x] and arrow_tips(found & False, um) == []


@pytest.mark.parametrize("thick_px", [2, 3, 4])
def test_a_thin_trabecula_is_no_new_bone(thick_px):
    """Blurred by the scan it has new bone's level; where the region cuts it, it seems thicker."""
    levels, um = NormalizeSettings(), 20.0
    ct = np.full((60, 60), levels.background_mean, float)
    ct[:, 28 : 28 + thick_px] = ct[20:24] = levels.bone_mean
    ct = ndimage.gaussian_filter(ct, 1.1).astype(np.uint16)
    slide, tissue = np.full((*ct.shape, 3), 150, np.uint8), np.ones(ct.shape, bool)
    found = new_bone(ct, slide, tissue, np.full(3, 240, np.uint8), um, levels)
    assert found.any() and arrow_tips(found[:, :30], um) == []
    assert arrow_tips(found[22:, 10:], um) == []


def test_the_resolution_of_known_curves_is_printed():
    frequency = np.linspace(0.01, 0.5, 50)
    curves = [(frequency, np.clip(1 - frequency / f, -0.1, 1)) for f in (0.2, 0.4, 0.3)]
    one = SlideCurves("Testing t", 5.0, curves[0], None, {"pix2pix": curves[1]},
                      {"pix2pix": curves[2]})  # fmt: skip
    slides = pd.DataFrame(
        {"model": ["pix2pix", "raw_ct"], "subset": "test", "sample": "t"}
        | {name: [20.0, 90.0] for name in RESOLUTIONS}
    )
    figure = draw_resolution([one], slides)
    single, pair, everything = figure.axes
    shown = [text.get_text() for text in single.get_legend().get_texts()]
    assert shown == ["real slide: 29 µm", "Pix2Pix: 15 µm"], "5 µm / (0.2 * 6 / 7)"
    assert [text.get_text() for text in pair.get_legend().get_texts()] == ["Pix2Pix: 19 µm"]
    points = np.concatenate([line.get_ydata() for line in everything.lines])
    assert points.tolist() == [20.0] * 4, "references are left out"


def test_the_best_checkpoint_stands_on_top():
    rows = [
        {"model": "pix2pix", "region": region, "checkpoint": name, "epochs": "3"}
        | {"similarity": value, "distance": np.nan, "rank": rank}
        for region in ("mask", "tissue")
        for name, value, rank in (("last", 0.5, 2.0), ("gan", 0.7, 1.0))
    ]
    figure = draw_checkpoints(pd.DataFrame(rows), COLUMNS[:2])
    values, ranks = figure.axes
    labels = [label.get_text() for label in values.get_yticklabels()]
    assert labels == ["last (epoch 3)", "gan (epoch 3)"]
    assert values.lines[0].get_xdata().tolist() == [0.5, 0.7]
    assert ranks.get_title() == "mean rank ↓"


def test_long_titles_of_neighbouring_panels_do_not_touch():
    names = ("Histogram distance", "Stain 2 error", "Histogram distance")
    columns = [MetricColumn(f"c{k}", n, "grey levels", False, 1, k) for k, n in enumerate(names)]
    rows = [
        {"model": "pix2pix", "region": "mask", "checkpoint": name, "epochs": "3", "rank": 1.0}
        | {column.column: 0.5 for column in columns}
        for name in ("last", "gan")
    ]
    with mpl.rc_context(RC):
        figure = draw_checkpoints(pd.DataFrame(rows), columns)
        figure.draw_without_rendering()
        boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
