"""Levels: the paper's formulae, the regions found or drawn, and refusals."""

import json
import re

import numpy as np
import pytest
from pair_phantom import AIR, BONE, MARROW, PIXEL_UM, SHAPE, SOFT, make_pair, rectangle, write_pair
from pictures import has_colour, read_rgb

from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.pictures import COLOURS
from virtual_staining.imaging.tissue.ct_scaling import ct_scaling, scale_ct
from virtual_staining.imaging.tissue.regions import find_rois
from virtual_staining.normalize.normalization import choose_regions, normalize_pair
from virtual_staining.normalize.slide_levels import (
    clipped_fractions,
    stretch,
    stretch_bounds,
    white_balance_gains,
)
from virtual_staining.settings.normalize import NormalizeSettings

DEFAULT = NormalizeSettings()
EVERYWHERE = np.ones(SHAPE, bool)
SPAN = 19000 - 8000  # of bone above air
BONE_DRAWN = rectangle("Bone", 65, 205, 90, 245)
AIR_DRAWN = rectangle("Background", 280, 120, 310, 200)


def test_ct_means_become_30000_and_10000():
    scaling = ct_scaling(21000, 6000, DEFAULT)
    assert scale_ct(np.array([21000, 6000, 0, 65535]), scaling).tolist() == [
        30000, 10000, 2000, 65535,
    ]  # fmt: skip


def test_white_balance_makes_background_grey_and_keeps_its_brightness():
    background = np.array([240.0, 230.0, 210.0])
    balanced = background * white_balance_gains(background)
    assert np.allclose(balanced, background.mean())


def test_bounds_follow_the_papers_formula():
    bone = np.stack([np.arange(101) + start for start in (60, 40, 80)], axis=1)
    background = np.stack([np.arange(101) + start for start in (100, 120, 110)], axis=1)
    margins = NormalizeSettings(low_margin=7, high_margin=3)
    assert stretch_bounds([bone], background, margins) == (41 - 7, 219 + 3)
    assert stretch_bounds([bone, bone - 20], background, margins) == (21 - 7, 219 + 3)


def test_clipped_fractions_count_each_channel_and_any():
    slide = np.array([[[20, 50, 90], [20, 30, 250], [60, 70, 80], [60, 10, 99]]], np.uint8)
    found = clipped_fractions(slide, np.ones(3), (25, 200), np.ones((1, 4), bool))
    assert found == {"r": 0.5, "g": 0.25, "b": 0.25, "any": 0.75}
    empty = clipped_fractions(slide, np.ones(3), (25, 200), np.zeros((1, 4), bool))
    assert set(empty.values()) == {0}


def test_bounds_are_clamped_to_10_and_255():
    bone, background = np.full((50, 3), 12.0), np.full((50, 3), 253.0)
    assert stretch_bounds([bone], background, DEFAULT) == (10, 255)


def test_stretch_is_linear_and_alike_in_all_channels():
    slide = np.array([[[20, 137, 255], [70, 70, 70]]], np.uint8)
    out = stretch(slide, np.ones(3), 20, 220)
    assert out.tolist() == [[[0, 149, 255], [64, 64, 64]]]


@pytest.mark.parametrize("stain", ["toluidine", "eosin"])
@pytest.mark.parametrize("material", ["Mg", "Ti", "PEEK"])
def test_regions_are_what_they_say_for_every_implant(material, stain):
    ct, slide, truth = make_pair(material, stain, bone=19000)
    bone, background = find_rois(ct, slide, EVERYWHERE, PIXEL_UM, DEFAULT)
    assert (truth[bone] == BONE).mean() > 0.95
    # glass that the lost screw or soft tissue left clear shows dry marrow in the CT, 3 % above air
    assert np.isin(truth[background], (AIR, SOFT, MARROW)).mean() > 0.99
    assert (truth[background] == AIR).mean() > 0.8
    assert ct[bone].mean() == pytest.approx(19000, rel=0.02)
    assert ct[background].mean() == pytest.approx(8000, abs=0.015 * SPAN)


def test_eight_bit_input_scaled_to_sixteen():
    ct, slide, truth = make_pair("Mg")
    coarse = (ct // 257).astype(np.uint16) * 257
    bone, _ = find_rois(coarse, slide, EVERYWHERE, PIXEL_UM, DEFAULT)
    assert (truth[bone] == BONE).mean() > 0.95


def test_partial_field_of_view():
    ct, slide, truth = make_pair("Mg")
    field = np.s_[20:300, 70:250]
    bone, background = find_rois(ct[field], slide[field], EVERYWHERE[field], PIXEL_UM, DEFAULT)
    assert (truth[field][bone] == BONE).mean() > 0.95
    assert (truth[field][background] == AIR).mean() > 0.97


def test_specimen_without_bone():
    ct, slide, truth = make_pair("PEEK", "eosin")
    settings = NormalizeSettings(reference_class="Tissue")
    tissue, background = find_rois(ct, slide, EVERYWHERE, PIXEL_UM, settings)
    assert (truth[tissue] != AIR).mean() > 0.99
    assert (truth[background] == AIR).mean() > 0.99


def test_drawn_and_found_regions_agree_within_2_percent(tmp_path):
    for material in ("Mg", "Ti", "PEEK"):
        ct, slide, _ = make_pair(material)
        stats = []
        for features in ((), (BONE_DRAWN, AIR_DRAWN)):
            folder = tmp_path / f"{material}-{len(features)}"
            arguments = write_pair(folder, ct, slide, features)
            out = folder / "out"
            assert main(["normalize", *arguments, "--settings", "{}", "--out", str(out)]) == 0
            stats.append(json.loads((out / "stats.json").read_text()))
        found, drawn = stats
        assert found["roi"]["reference_source"] == "automatic"
        assert drawn["roi"]["background_source"] == "annotations"
        for part, key in (
            ("ct", "bone_mean_before"),
            ("ct", "background_mean_before"),
            ("slide", "f_min"),
            ("slide", "f_max"),
        ):
            assert found[part][key] == pytest.approx(drawn[part][key], rel=0.02), key


def test_command_writes_normalized_images(tmp_path):
    ct, slide, truth = make_pair("Ti")
    arguments = write_pair(tmp_path, ct, slide)
    out = tmp_path / "out"
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(out)]) == 0
    scaled, stained = read_image(out / "ct.tif"), read_image(out / "slide.tif")
    stats = json.loads((out / "stats.json").read_text())
    assert scaled.dtype == np.uint16 and stained.dtype == np.uint8
    expected = np.clip(np.rint(stats["ct"]["scale"] * ct + stats["ct"]["offset"]), 0, 65535)
    assert (scaled == expected).all()
    assert stats["ct"]["bone_mean_after"] == pytest.approx(30000, abs=1)
    assert scaled[truth == AIR].mean() == pytest.approx(10000, rel=0.02)
    white = stained[truth == AIR].mean(axis=0)
    assert np.ptp(white) < 1
    assert np.allclose(stats["slide"]["background_after_rgb"], white, atol=1)
    picture = read_rgb(out / "qc.png")
    assert picture.shape == (748, 1320, 3)
    panels = picture[:640]  # above the legend, which shows every colour
    assert [has_colour(panels, colour) for colour in COLOURS] == [True, True, True, False]
    clipped = stats["slide"]["clipped_fraction"]
    assert set(clipped) == {"mature_bone", "new_bone", "soft_tissue"}
    assert max(part["any"] for part in clipped.values()) < 0.02 and stats["warnings"] == []


def test_clipped_tissue_is_a_warning_in_log_and_statistics(tmp_path, caplog):
    """Soft tissue as dark as here lies below the bound that bone sets."""
    ct, slide, truth = make_pair("Mg")
    slide[truth == SOFT] = (70, 140, 205)
    arguments = write_pair(tmp_path, ct, slide)
    out = tmp_path / "out"
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(out)]) == 0
    stats = json.loads((out / "stats.json").read_text())
    assert stats["slide"]["clipped_fraction"]["soft_tissue"]["r"] > 0.2
    assert any("soft tissue is clipped" in warning for warning in stats["warnings"])
    assert all(warning in caplog.text for warning in stats["warnings"])


def test_glass_that_a_lost_piece_left_is_not_ct_background():
    """A background drawn where the CT still holds metal must not set the CT's level."""
    ct, slide, truth = make_pair("Ti", "eosin")
    drawn = {"Background": truth == 5}
    regions = choose_regions(ct, slide, EVERYWHERE, PIXEL_UM, drawn, DEFAULT)
    _, _, stats = normalize_pair(ct, slide, regions, DEFAULT)
    assert stats.ct.background_mean_before == pytest.approx(8000, rel=0.02)


def test_excluded_areas_are_never_measured():
    ct, slide, truth = make_pair("Mg")
    exclude = np.zeros(SHAPE, bool)
    exclude[:160] = True
    drawn = {"Bone": truth == BONE, "Exclude": exclude}
    regions = choose_regions(ct, slide, EVERYWHERE, PIXEL_UM, drawn, DEFAULT)
    assert not (regions.reference & exclude).any() and not (regions.background & exclude).any()


def test_missing_background_is_an_error_that_says_what_to_draw(tmp_path, capsys):
    ct, slide, _ = make_pair("Mg")
    inside = np.s_[80:130, 60:110]
    arguments = write_pair(tmp_path, ct[inside], slide[inside])
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(tmp_path / "o")]) == 1
    message = capsys.readouterr().err
    assert "ct.tif" in message and "draw a" in message
    assert not (tmp_path / "o").exists()


def test_uniform_slide_and_inverted_ct_are_refused():
    ct, slide, truth = make_pair("Mg")
    with pytest.raises(InputError, match="neither tissue nor background"):
        find_rois(ct, np.full_like(slide, 255), EVERYWHERE, PIXEL_UM, DEFAULT)
    drawn = {"Bone": truth == BONE, "Background": truth == AIR}
    regions = choose_regions(ct, slide, EVERYWHERE, PIXEL_UM, drawn, DEFAULT)
    with pytest.raises(InputError, match="not brighter than the background"):
        normalize_pair(60000 - ct, slide, regions, DEFAULT)


def test_a_transform_without_the_slides_pixels_is_refused(tmp_path, capsys):
    ct, slide, _ = make_pair("Mg")
    arguments = write_pair(tmp_path, ct, slide, [BONE_DRAWN])
    transform = json.loads((tmp_path / "transform.json").read_text())
    del transform["slide_px_to_um"]
    (tmp_path / "transform.json").write_text(json.dumps(transform))
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(tmp_path / "o")]) == 1
    assert "slide_px_to_um: is missing" in capsys.readouterr().err


def test_images_of_different_size_are_refused(tmp_path, capsys):
    ct, slide, _ = make_pair("Mg")
    arguments = write_pair(tmp_path, ct, slide[:-1])
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(tmp_path / "o")]) == 1
    assert "slide.tif: shape (319, 320, 3) does not fit" in capsys.readouterr().err


# ---- drawn regions compared with those that are found --------------------------------------------


def normalized(folder, features, features_ct=(), mark="", material="Mg"):
    """Normalize a phantom with polygons drawn on the slide and on the CT; return its statistics."""
    ct, slide, _ = make_pair(material)
    arguments = write_pair(folder, ct, slide, features)
    if mark:
        arguments[-1] += mark
    if features_ct:
        (folder / "ct.geojson").write_text(json.dumps(features_ct))
        arguments += [f"--annotations-ct={folder / 'ct.geojson'}"]
    out = folder / "out"
    assert main(["normalize", *arguments, "--settings", "{}", "--out", str(out)]) == 0
    return json.loads((out / "stats.json").read_text())["ct"]


AIR_AS_BONE = rectangle("Bone", 280, 120, 310, 200)
BONE_AS_AIR = rectangle("Background", 65, 205, 90, 245)


@pytest.mark.parametrize(
    ("features", "features_ct", "words"),
    [
        ([AIR_AS_BONE], [], ["feature 1", "Bone", "in the CT", "(11.1%) at 27988"]),
        ([BONE_DRAWN, AIR_AS_BONE], [], ["feature 2", "row 160, column 294"]),
        ([BONE_AS_AIR], [], ["feature 1", "Background", "in the slide"]),
        ([], [AIR_AS_BONE], ["ct.geojson: feature 1", "in the CT", "full-resolution ct.tif"]),
        ([BONE_DRAWN, AIR_DRAWN], [BONE_AS_AIR], ["ct.geojson: feature 1", "Background"]),
    ],
)
def test_a_polygon_that_shows_another_class_is_refused(
    tmp_path, capsys, features, features_ct, words
):
    with pytest.raises(AssertionError):
        normalized(tmp_path, features, features_ct)
    said = capsys.readouterr().err
    assert "does not show" in said and "write ! behind" in said
    assert re.search(r"^error: \S+\.geojson: feature", said, re.MULTILINE)  # not the CT
    for word in words:
        assert word in said
    assert not (tmp_path / "out").exists()


def test_the_sheet_insists_on_a_polygon_with_a_mark(tmp_path, caplog):
    stats = normalized(tmp_path, [BONE_DRAWN, AIR_DRAWN, BONE_AS_AIR], mark="!")
    assert "feature 3: the Background polygon does not show Background" in caplog.text
    assert "drawn as Bone and as Background; they are left out of both" in caplog.text
    assert stats["background_mean_before"] == pytest.approx(8000, rel=0.02)


def test_regions_drawn_on_the_ct_set_its_levels(tmp_path):
    """Half of the drawn bone is excluded on the other side."""
    found = normalized(tmp_path / "found", [])
    left = rectangle("Exclude", 65, 205, 77, 245)
    drawn = normalized(tmp_path / "ct", [left], [BONE_DRAWN, AIR_DRAWN])
    assert drawn["bone_mean_before"] == pytest.approx(found["bone_mean_before"], rel=0.02)
    assert drawn["background_mean_before"] == pytest.approx(8000, rel=0.02)
    ct, _, _ = make_pair("Mg")
    assert drawn["bone_mean_before"] == pytest.approx(ct[205:245, 77:90].mean(), abs=1e-6)
