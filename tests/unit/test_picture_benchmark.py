"""The benchmark of the demo's pictures: signs, worst cases and the truth on the pair's grid."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from virtual_staining.artefacts.paths import Results
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.evaluate.metric import all_metrics
from virtual_staining.imaging.polygons import slide_px_to_pair_px

COLUMNS = [metric.column for metric in all_metrics() if not metric.extended]
PLACES = [(s, r) for s in ("train", "validation", "test") for r in ("mask", "tissue")]
ALL_PAIRED = pd.IndexSlice[:, :, "paired_cyclegan"]
GOOD = {"ssim": 0.6, "lpips": 0.14, "psnr_db": 24.0, "delta_e_2000": 9.0, "sharpness": 0.7}
WORSE = {"ssim": 0.5, "lpips": 0.16, "psnr_db": 23.0, "delta_e_2000": 11.0, "sharpness": 0.2}
PERFECT = {"ssim": 1.0, "lpips": 0.0, "psnr_db": 99.0, "delta_e_2000": 0.0, "sharpness": 1.0}


@pytest.fixture
def picture(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import picture

    return picture


@pytest.fixture
def slides(repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "benchmarks")
    import picture_slides

    return picture_slides


@pytest.fixture
def table():
    """Two models, a reference and an oracle; the reference's training samples are perfect."""
    rows = [
        {"subset": subset, "region": region, "model": model}
        | {f"{column}_median": value for column, value in values.items()}
        for subset, region in PLACES
        for model, values in (
            ("paired_cyclegan", WORSE),
            ("pix2pix", GOOD),
            ("grey_table", PERFECT if subset == "train" else WORSE),
            ("mean_colour_oracle", PERFECT),
        )
    ]
    return pd.DataFrame(rows).set_index(["subset", "region", "model"])


@pytest.fixture
def faults():
    """Holes in one of two test slides, none in the validation slide, many in the training slide."""
    rows = [("train", 0.9), ("validation", 0.0), ("test", 0.4), ("test", 0.0), ("test", math.nan)]
    return pd.DataFrame(
        {
            "subset": subset,
            "model": "pix2pix",
            "seam_ratio": 1 + share,
            "false_hole_fraction": share,
            "dark_tissue_fraction": 0.0,
            "lost_implant_fraction": share,
        }
        for subset, share in rows
    )


def test_leads_are_positive_where_the_model_is_better(picture, table, faults):
    found = picture.figures_of("pix2pix", table.reset_index(), COLUMNS, faults)
    assert found["lead_ssim"] == pytest.approx(0.1)
    assert found["lead_psnr"] == pytest.approx(1)
    assert found["lead_lpips"] == pytest.approx(0.02)
    assert found["lead_de2000"] == pytest.approx(2)


@pytest.mark.parametrize("place", PLACES[2:])
def test_the_worst_subset_and_region_counts(picture, table, faults, place):
    table.loc[(*place, "pix2pix"), ["lpips_median", "sharpness_median"]] = 0.19, 0.3
    found = picture.figures_of("pix2pix", table.reset_index(), COLUMNS, faults)
    assert found["lead_lpips"] == pytest.approx(-0.03)
    assert found["lead_ssim"] == pytest.approx(0.1)
    assert found["sharpness"] == 0.3


def test_faults_are_means_of_slides_and_the_worst_subset_counts(picture, table, faults):
    found = picture.figures_of("pix2pix", table.reset_index(), COLUMNS, faults)
    assert found["false_hole_fraction"] == pytest.approx(0.2)
    assert found["seam_ratio"] == pytest.approx(1.2)
    assert found["dark_tissue_fraction"] == 0
    assert found["lost_implant_fraction"] == pytest.approx(0.2)


def test_the_other_model_lends_no_lead(picture, table, faults):
    """The paired CycleGAN is as good as the reference although Pix2Pix is better."""
    found = picture.figures_of("paired_cyclegan", table.reset_index(), COLUMNS, faults)
    assert found["lead_ssim"] == found["lead_de2000"] == 0
    assert math.isnan(found["seam_ratio"]), "no slide of this model was measured"


def test_what_was_not_measured_is_nan(picture, table, faults):
    table["lpips_median"] = math.nan
    assert math.isnan(
        picture.figures_of("pix2pix", table.reset_index(), COLUMNS, faults)["lead_lpips"]
    )
    missing = picture.figures_of("cyclegan", table.reset_index(), COLUMNS, faults)
    assert all(math.isnan(value) for value in missing.values())


def test_the_best_model_ranks_highest_and_references_take_no_part(picture, table):
    assert picture.best_model(table.reset_index(), COLUMNS) == "pix2pix"
    better = {"ssim_median": 0.99, "delta_e_2000_median": 1.0, "lpips_median": 0.01}
    table.loc[ALL_PAIRED, list(better)] = list(better.values())
    assert picture.best_model(table.reset_index(), COLUMNS) == "paired_cyclegan"


def test_sharpness_makes_no_model_the_best(picture, table):
    table.loc[ALL_PAIRED, "sharpness_median"] = 1.0
    assert picture.best_model(table.reset_index(), COLUMNS) == "pix2pix"


def test_the_most_clipped_tissue_of_any_sample_counts(picture, tmp_path):
    for sample, bone, soft in (("a", 0.01, 0.3), ("b", 0.02, 0.0)):
        clipped = {name: {"r": 0.0, "any": any_} for name, any_ in (("bone", bone), ("soft", soft))}
        path = Results(tmp_path).normalized(sample).stats
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"slide": {"clipped_fraction": clipped}}))
    assert picture.clipped_tissue_fraction(Results(tmp_path)) == 0.3


def test_cpu_seconds_are_the_mean_over_folds(picture, tmp_path):
    folder = tmp_path / "benchmarks/06_train/toluidine_blue/pix2pix"
    folder.mkdir(parents=True)
    for fold, seconds in ((1, 100.0), (2, 140.0)):
        (folder / f"fold-{fold}.tsv").write_text(f"s\tcpu_time\n50\t{seconds}\n")
    assert picture.train_cpu_s(Results(tmp_path), "toluidine_blue", "pix2pix") == 120
    assert math.isnan(picture.train_cpu_s(Results(tmp_path), "toluidine_blue", "cyclegan"))


def test_labels_lie_where_the_pair_shows_them(slides):
    """Slide pixels of 5 µm, mirrored and shifted by 40 µm, on a pair of 20 µm pixels."""
    labels = np.full((40, 60), Label.SOFT, np.uint8)
    labels[8:12, 20:24] = Label.IMPLANT  # 100 to 120 µm along x, 40 to 60 µm along y
    pair_to_slide = np.array([[-1.0, 0, 260], [0, 1, -40]])  # x = 260 − x', y = y' − 40
    to_pair = slide_px_to_pair_px(np.array([[5.0, 0, 0], [0, 5, 0]]), pair_to_slide, 20.0)
    found = slides.at_pair_pixels(labels, to_pair, (14, 14))
    assert np.argwhere(found == Label.IMPLANT).tolist() == [[4, 7]]
    assert (found[:2] == Label.AIR).all(), "above the slide"
    assert (found[2:12, :13] != Label.AIR).all()
    assert (found[2:, 13] == Label.AIR).all(), "left of the slide"


def test_faults_are_counted_in_the_true_bone_and_tissue(slides):
    """The lower bone lies outside the mask; the implant's own black and its rim are no fault."""
    labels = np.full((30, 30), Label.SOFT, np.uint8)
    labels[:10], labels[20:] = Label.CORTICAL, Label.CORTICAL
    labels[12:18, 12:18] = Label.IMPLANT
    mask = np.ones((30, 30), bool)
    mask[20:] = False
    real = np.full((30, 30, 3), 150, np.uint8)
    real[12:18, 12:18] = 0
    stained = real.copy()
    stained[:1], stained[20:] = 250, 250
    stained[11:19, 11:19] = 0
    holed = {"pix2pix": stained, "grey_table": real}
    background = np.array([250, 250, 250], np.uint8)
    slide = slides.ComparedSlide(1, "test", "s", real, holed, mask, labels, background)
    found = slides.true_faults(slide)
    assert found["pix2pix"]["false_hole_fraction"] == pytest.approx(0.1)
    assert found["pix2pix"]["dark_tissue_fraction"] == 0
    assert found["pix2pix"]["lost_implant_fraction"] == 0
    stained[15, 15] = 150
    lost = slides.true_faults(slide)["pix2pix"]["lost_implant_fraction"]
    assert lost == pytest.approx(1 / 4), "the erosion leaves 2 × 2 pixels"
    stained[10] = 0
    dark = slides.true_faults(slide)["pix2pix"]["dark_tissue_fraction"]
    rim_in_row = 6  # the dilation's diamond reaches row 10 above the implant's six columns
    tissue = 20 * 30 - 36 - 4 * 12 - 4
    assert dark == pytest.approx((30 - rim_in_row) / tissue)
