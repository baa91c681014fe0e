"""Uncertainty against errors of known law; the alarm on scans that were never trained on."""

import numpy as np
import pytest
from scipy import ndimage

from virtual_staining.errors import InputError
from virtual_staining.evaluate.trust.assessment import assess, promise, uncertainty_image
from virtual_staining.evaluate.trust.novelty import alarm_level, unknown_level
from virtual_staining.evaluate.trust.study import HeldOut
from virtual_staining.evaluate.trust.uncertainty import (
    Slide,
    calibrate,
    combine,
    local_error,
    ranking,
)
from virtual_staining.imaging.grey_pairs import BINS, GreyPairs
from virtual_staining.settings.evaluate import EvaluateSettings

SETTINGS = EvaluateSettings()


def simulated(seed, level=1.0, pixels=4000):
    """Errors whose size follows the spread, larger by a factor of the slide's own."""
    rng = np.random.default_rng(seed)
    spread = rng.gamma(2, 3, pixels)
    dense = rng.random(pixels) < 0.4
    factor = level * rng.lognormal(0, 0.15) * np.where(dense, 2.0, 1.0)
    return Slide(np.abs(rng.normal(0, factor * (spread + 2))), spread, dense)


def held_out(seed, subset="validation", level=1.0, unknown=0.01, slide=None):
    slide = slide or simulated(seed, level)
    shape = (40, 100)
    spread, dense = slide.spread.reshape(shape), slide.dense.reshape(shape)
    mask = np.ones(shape, bool)
    mask[:4] = False
    edge = np.zeros_like(slide.error)
    return HeldOut(1, f"s{seed}", "Mg", subset, slide, edge, spread, dense, mask, 20.0, unknown)


def test_equal_stainings_have_no_spread():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    mean, spread = combine([image, image], [np.zeros((5, 6))] * 2, np.ones((5, 6), bool))
    assert np.array_equal(mean, image) and not spread.any()
    assert not local_error(image, mean).any()


def test_folds_and_mirror_images_add_their_variances_and_mirror_images_give_the_level():
    low, high = np.full((3, 4, 3), 90.0), np.full((3, 4, 3), 110.0)
    high[:, :2] = 90  # the folds agree on the left
    mirrored = np.full((3, 4), 6.0), np.full((3, 4), 8.0)
    mask = np.ones((3, 4), bool)
    mask[2] = False
    mean, spread = combine([low, high], mirrored, mask)
    assert mean[0, :, 0] == pytest.approx([90, 90, 100, 100])
    within = np.sqrt((36 + 64) / 2)
    assert spread[mask].mean() == pytest.approx(within)
    assert spread[0, 2] / spread[0, 0] == pytest.approx(np.sqrt(50 + 100) / within)
    assert combine([low], mirrored[:1], mask)[1] == pytest.approx(mirrored[0])


def test_the_promise_holds_on_slides_and_not_only_on_average():
    """Of many studies of 19 slides nine in ten cover nine tenths of a new slide's pixels."""
    kept = []
    for study in range(60):
        found = calibrate([simulated(1000 * study + k, pixels=400) for k in range(19)], 0.1, 0.1)
        new = simulated(1000 * study + 500, pixels=400)
        kept.append((new.error <= found.uncertainty(new.spread, new.dense)).mean() >= 0.9)
    assert np.mean(kept) > 0.8


def test_the_quantile_is_the_score_of_the_rank():
    """Slides of one kind whose errors are k times their spread: of nine, the ninth score."""
    spread, dense = np.full(100, 10.0), np.zeros(100, bool)
    slides = [Slide(np.full(100, 10.0 * k), spread, dense) for k in range(1, 10)]
    found = calibrate(slides, 0.1, 0.1)
    assert found.calibrated and found.slides == 9
    assert found.uncertainty(spread, dense) == pytest.approx(np.full(100, 90))
    assert not calibrate(slides[:8], 0.1, 0.1).calibrated
    wider = calibrate(slides, 0.1, 0.5)  # the fifth of nine
    assert wider.uncertainty(spread, dense) == pytest.approx(np.full(100, 50))


def test_dense_matter_is_scaled_apart():
    found = calibrate([simulated(k) for k in range(12)], 0.1, 0.1)
    assert found.factors[1] == pytest.approx(2 * found.factors[0], rel=0.1)
    alone = Slide(np.ones(50), np.ones(50), np.zeros(50, bool))
    assert calibrate([alone], 0.1, 0.1).factors[1] > 0


def test_a_score_that_knows_the_error_ranks_it():
    error = np.arange(1.0, 101)
    perfect, none = ranking(error, error), ranking(error, np.ones(100))
    assert perfect["spearman"] == pytest.approx(1)
    assert perfect["top_tenth"] == pytest.approx(95.5 / 50.5)
    assert perfect["risk"] == pytest.approx(np.mean([(k + 1) / 2 for k in range(1, 101)]) / 50.5)
    assert np.isnan(none["spearman"])
    shuffled = np.random.default_rng(0).permutation(error)
    assert ranking(error, shuffled)["risk"] == pytest.approx(1, abs=0.15)


def test_every_slide_is_checked_by_the_others():
    slides = [held_out(k) for k in range(12)] + [held_out(50, "test")]
    rows, calibrations = assess(slides, SETTINGS)
    assert len(rows) == 13 and (rows["coverage"] > 0.8).all()
    assert (rows["spearman"] > 0.3).all() and rows["spearman_ct_edge"].isna().all()
    assert rows["alarm"].eq("").all()
    text = promise(calibrations, SETTINGS)
    assert "calibrated on 12 slides without an alarm: on 90% of new slides without" in text
    image = uncertainty_image(slides[0], calibrations.calm)
    assert image.dtype == np.uint8 and not image[:4].any() and (image[4:] > 0).all()


def test_slides_with_an_alarm_do_not_widen_the_others():
    """Two calibration slides of an unknown alloy, whose errors the spread does not follow."""
    wrong = simulated(70)
    wrong = Slide(np.full_like(wrong.error, 200.0), wrong.spread, wrong.dense)
    usual = [held_out(k) for k in range(10)]
    odd = [held_out(k, unknown=0.4, slide=wrong) for k in (70, 71)]
    test = [held_out(80, "test"), held_out(81, "test", unknown=0.4, slide=wrong)]
    rows, calibrations = assess([*usual, *odd, *test], SETTINGS)
    rows = rows.set_index("sample")
    assert (rows["alarm"] != "").tolist() == [False] * 10 + [True] * 2 + [False, True]
    assert rows["calibration_slides"].tolist() == [9] * 10 + [11] * 2 + [10, 12]
    without, _ = assess([*usual, test[0]], SETTINGS)
    expected = without.set_index("sample")["width"]
    assert rows.loc[expected.index, "width"].tolist() == pytest.approx(expected.tolist())
    assert rows.loc["s81", "coverage"] >= 0.9 and rows.loc["s81", "width"] > 3 * expected.max()
    assert calibrations.of("").slides == 10 and calibrations.of("spread").slides == 12
    assert "slides with an alarm is calibrated on all 12" in promise(calibrations, SETTINGS)


def test_where_all_slides_raise_the_alarm_all_calibrate():
    low = simulated(0)
    high = held_out(1, slide=Slide(low.error, 9 * low.spread, low.dense))
    rows, calibrations = assess([held_out(0, unknown=0.9, slide=low), high], SETTINGS)
    assert (rows["alarm"] != "").all() and calibrations.calm == calibrations.everyone


def test_few_slides_promise_nothing():
    rows, calibrations = assess([held_out(k) for k in range(4)], SETTINGS)
    assert len(rows) == 4
    text = promise(calibrations, SETTINGS)
    assert (
        text.startswith("uncalibrated: 4 slides without an alarm are too few") and "needs 9" in text
    )
    with pytest.raises(InputError, match="1 validation slides; at least 2"):
        assess([held_out(0), held_out(1, "test")], SETTINGS)


def test_without_mirror_images_there_is_nothing_to_calibrate():
    flat = Slide(np.ones(4000), np.zeros(4000), np.zeros(4000, bool))
    with pytest.raises(InputError, match=r"set infer\.flips: true"):
        assess([held_out(k, slide=flat) for k in range(3)], SETTINGS)


def scan(bright, seed, noise=300, blur=None):
    """Bone in soft tissue beside an implant of a given brightness."""
    rng = np.random.default_rng(seed)
    ct = np.full((120, 120), 12000.0)
    ct[:60] = 30000
    ct[40:80, 40:80] = bright
    return np.clip(ct + rng.normal(0, noise, ct.shape), 0, 65535).astype(np.uint16)


def test_a_material_never_trained_on_and_a_degraded_scan_raise_the_alarm():
    everywhere, known = np.ones((120, 120), bool), GreyPairs()
    for seed in range(6):
        known.add(scan(31000, seed), everywhere, 20)
    seen = [known.unknown_fraction(scan(31000, seed), everywhere, 20) for seed in range(10, 16)]
    level = unknown_level(seen, 0.05)
    assert max(seen) < 0.02 and level == 0.05
    titanium = known.unknown_fraction(scan(55000, 20), everywhere, 20)
    noisy = known.unknown_fraction(scan(31000, 21, noise=9000), everywhere, 20)
    assert titanium > level and noisy > level
    assert np.isnan(known.unknown_fraction(scan(31000, 0), ~everywhere, 20))


def test_flat_matter_between_two_known_materials_raises_the_alarm():
    """As polyether ether ketone, whose pairs of grey levels the edges of bone have too."""
    everywhere, trained = np.ones((120, 120), bool), GreyPairs()
    for seed in range(6):
        trained.add(scan(31000, seed), everywhere, 80)
    known = GreyPairs.from_known(np.ones((BINS, BINS), bool), trained.known_flat)
    edges = ndimage.gaussian_filter(scan(31000, 8), 1)
    for seen in (scan(31000, 9), scan(31500, 10), edges):
        assert known.unknown_fraction(seen, everywhere, 80) < 0.02
    assert known.unknown_fraction(scan(17000, 11), everywhere, 80) > 0.05
    trained.add(scan(17000, 12), everywhere, 80)
    assert trained.known_flat.sum() > known.known_flat.sum()


def test_a_streak_as_grey_as_a_polymer_does_not_vouch_for_an_implant_of_it():
    everywhere, known = np.ones((120, 120), bool), GreyPairs()
    streak = scan(31000, 1)
    streak[100:105, 20:100] = 17000  # 3 % of the plane
    for seed in range(6):
        known.add(scan(31000, seed), everywhere, 20)
        known.add(streak, everywhere, 20)
    assert known.unknown_fraction(streak, everywhere, 20) < 0.02
    ct = scan(31000, 9)
    ct[70:110, 10:110] = 17000  # 28 %
    unknown = known.unknown_fraction(ct, everywhere, 20)
    assert 0.15 < unknown < 0.28, "its middle, where it is flat"


def test_an_unusual_spread_raises_the_alarm():
    odd = simulated(99)
    odd = Slide(odd.error, 4 * odd.spread, odd.dense)
    slides = [held_out(k) for k in range(10)] + [held_out(99, "test", slide=odd)]
    rows, _ = assess([*slides, held_out(98, "test", unknown=0.4)], SETTINGS)
    alarms = rows.set_index("sample")["alarm"]
    assert alarms["s99"] == "spread" and alarms["s98"] == "unknown grey levels"
    assert alarms.drop(["s99", "s98"]).eq("").all()


def test_the_level_lies_beyond_the_largest():
    assert alarm_level([1.0, 2.0, 3.0]) == 4
    assert alarm_level([2.0, 2.0, 2.0]) == 3
    assert np.isnan(alarm_level([float("nan")]))


def test_strange_calibration_slides_do_not_hide_strangers():
    assert unknown_level([0.02, 0.18, 0.26], 0.05) == pytest.approx(0.1)
    assert unknown_level([0.0, 0.26], 0.05) == 0.05
    assert unknown_level([0.1, 0.12, 0.15], 0.05) == pytest.approx(0.5), "where chance makes much"
    assert np.isnan(unknown_level([float("nan")], 0.05))
