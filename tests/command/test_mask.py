"""Masks: hulls against truth, the holder's wall, exclusions and refusals."""

import json

import numpy as np
import pytest
from pair_phantom import (
    AIR,
    IMPLANT,
    MARROW,
    PIXEL_UM,
    RIGID,
    SHAPE,
    SOFT,
    TUBE,
    make_pair,
    rectangle,
    write_pair,
)
from pictures import has_colour, read_rgb
from scipy import ndimage
from skimage.morphology import convex_hull_image

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registered_pair import RegisteredPair
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.cli import main
from virtual_staining.imaging.pictures import COLOURS
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.imaging.tissue.hull import hull, section_hulls, with_implant, without_bridges
from virtual_staining.imaging.tissue.rigid import dense_ct, faint_implant, rigid_ct, rigid_slide
from virtual_staining.mask.command import pieces_in_plane
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings as Normalize

DEFAULT = MaskSettings()
LEVELS = Normalize()
EVERYWHERE = np.ones(SHAPE, bool)


def normalized(material, stain="toluidine"):
    """A pair that is normalized already: bone 30000, background 10000."""
    return make_pair(material, stain, bone=30000, background=10000)


def ct_hull(ct, settings=DEFAULT):
    pair = RegisteredPair(ct, np.zeros((*SHAPE, 3)), EVERYWHERE, PIXEL_UM, np.eye(2, 3))
    return np.logical_or.reduce([EVERYWHERE & False, *pieces_in_plane(pair, settings, LEVELS)])


def slide_hull(slide, ct, settings=DEFAULT, reference_class="Bone"):
    in_ct = dense_ct(ct, PIXEL_UM, settings, LEVELS)
    rigid = rigid_slide(slide, in_ct, EVERYWHERE, PIXEL_UM, settings, reference_class)
    return section_hulls([EVERYWHERE], rigid, in_ct, PIXEL_UM, settings)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("stain", ["toluidine", "eosin"])
@pytest.mark.parametrize("material", ["Mg", "Ti", "PEEK"])
def test_hulls_match_the_truth(material, stain):
    ct, slide, truth = normalized(material, stain)
    on_slide = np.isin(truth, RIGID) & ((truth != IMPLANT) | (stain == "toluidine"))
    found = ct_hull(ct)
    assert dice(found, convex_hull_image(np.isin(truth, RIGID))) > 0.97
    assert dice(slide_hull(slide, ct), convex_hull_image(on_slide)) > 0.95
    assert not (found & (truth == TUBE)).any()


def test_a_wall_as_bright_as_bone_stays_outside():
    ct, _, truth = normalized("Mg")
    ct = np.where(truth == TUBE, 30000, ct)
    found = ct_hull(ct)
    assert not (found & (truth == TUBE)).any()
    assert dice(found, convex_hull_image(np.isin(truth, RIGID))) > 0.97


@pytest.mark.parametrize("level", [0.11, 0.18, 0.27])
def test_a_faint_implant_is_rigid_and_faint_tissue_is_not(level):
    """PEEK as seen at 25, 35 and 45 keV, in tissue as bright as at the highest of them."""
    ct, _, truth = normalized("PEEK")
    noise = ct - ndimage.gaussian_filter(ct.astype(float), 3)
    ct = np.where(truth == IMPLANT, 10000 + 20000 * level + noise, ct)
    ct = np.where(np.isin(truth, (SOFT, MARROW)), 10000 + 20000 * 0.067 + noise, ct)
    found = faint_implant(ct, PIXEL_UM, DEFAULT, LEVELS)
    assert dice(found, truth == IMPLANT) > 0.9
    assert found[truth != IMPLANT].mean() < 0.02
    ct = np.where(truth == IMPLANT, 10000 + 20000 * 0.067 + noise, ct)
    assert not faint_implant(ct, PIXEL_UM, DEFAULT, LEVELS).any()


def test_the_sections_implant_joins_the_piece_it_lies_in():
    piece, other = np.zeros((2, 40, 40), bool)
    piece[2:20, 2:20], other[30:38, 2:10] = True, True
    unseen, shown, ink = np.zeros((3, 40, 40), bool)
    unseen[5:15, 12:26] = True  # more than half of this body lies in the piece
    shown[30:36, 8:20] = True  # less than half of this one, but the CT shows matter there
    ink[2:20, 22:40] = ink[22:26, 1:2] = True  # beside the pieces, on empty ground
    found = with_implant([piece, other], unseen | shown, shown)
    assert found[0][5:15, 12:26].all() and not found[0][30:].any()
    assert found[1][30:36, 8:20].all() and not found[1][:28].any()
    half = unseen & (np.arange(40) < 20)  # the CT shows half of the body, and air in the rest
    for implant, matter in ((ink, shown & False), (unseen, half)):
        found = with_implant([piece, other], implant, matter)
        np.testing.assert_array_equal(found, [piece, other])
    assert with_implant([], unseen, shown) == []


def test_thin_trabeculae_of_the_section_count_and_dirt_does_not():
    in_ct = np.zeros(SHAPE, bool)
    in_ct[100:200, 100:200] = in_ct[148:151, 200:260] = True  # a thread of 36 µm
    in_slide = in_ct.copy()
    in_slide[10:30, 10:30] = True  # where the CT shows nothing
    in_slide[148, 262] = True
    found = section_hulls([EVERYWHERE], in_slide, in_ct, PIXEL_UM, DEFAULT)
    assert found[149, 258] and not found[:60, :60].any() and not found[149, 265:].any()


def test_each_piece_has_a_hull_of_its_own():
    left, right = np.zeros((2, *SHAPE), bool)
    left[100:200, 20:120], right[100:200, 180:280] = True, True
    found = section_hulls([left, right], left | right, left | right, PIXEL_UM, DEFAULT)
    assert found[150, 100] and found[150, 200] and not found[150, 130:170].any()


def test_halves_that_the_lost_screw_held_together_have_no_glass_between_them():
    tissue, lost = np.zeros((2, *SHAPE), bool)
    tissue[100:200, 20:120] = tissue[100:200, 180:280] = True
    lost[100:180, 120:180] = True
    common = hull(tissue, PIXEL_UM, 0) & ~lost
    assert common[190, 150]
    found = without_bridges(common, tissue, lost, PIXEL_UM, 0)
    np.testing.assert_array_equal(found, tissue)
    # what is nearer than trabeculae stand, or joined by tissue, is one piece
    tissue[190:200, 110:190] = True
    np.testing.assert_array_equal(without_bridges(common, tissue, lost, PIXEL_UM, 0), common)
    np.testing.assert_array_equal(
        without_bridges(common, tissue, lost & False, PIXEL_UM, 0), common
    )


def test_margin_is_in_micrometres():
    rigid = np.zeros(SHAPE, bool)
    rigid[100:200, 100:200] = True
    for pixel_um in (12.0, 6.0):
        found = hull(rigid, pixel_um, 48)
        assert np.flatnonzero(found[150])[0] == 100 - 48 / pixel_um


def test_specimen_without_bone_is_outlined_whole():
    ct, slide, truth = normalized("PEEK", "eosin")
    settings = MaskSettings(rigid_level=0.12)
    ct[truth == TUBE] = 10000
    ct[np.isin(truth, (SOFT, MARROW))] += 5000  # a specimen in resin
    on_slide = (truth != AIR) & (truth != TUBE) & (np.arange(SHAPE[0])[:, None] >= 58)
    assert dice(ct_hull(ct, settings), (truth != AIR) & (truth != TUBE)) > 0.97
    assert dice(slide_hull(slide, ct, settings, "Tissue"), on_slide) > 0.97


def mask_arguments(root, ct, slide, features=()):
    """Write a pair as the stages before do; return the arguments that mask it."""
    registered, normalized = (Results(root).registered("S-1"), Results(root).normalized("S-1"))
    write_pair(registered.path, ct, slide, features)
    write_image(normalized.ct, ct, PIXEL_UM)
    write_image(normalized.slide, slide, PIXEL_UM)
    drawn = ["--annotations", str(registered.path / "drawn.geojson")] if features else []
    return [
        *("mask", "--results", str(root), "--sample", "S-1", *drawn),
        *("--settings", "{}", "--normalize", "{}"),
    ]


def test_command_writes_a_mask_without_the_excluded_region(tmp_path):
    ct, slide, truth = normalized("Mg")
    hole = rectangle("Exclude", 80, 210, 120, 250)
    hole["geometry"]["coordinates"].append(
        [[90, 220], [100, 220], [100, 230], [90, 230], [90, 220]]
    )
    assert main(mask_arguments(tmp_path, ct, slide, [hole])) == 0
    out = Results(tmp_path).mask("S-1")
    mask = read_image(out.mask)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}
    assert not mask[212:218, 82:118].any(), "excluded"
    assert (mask[220:230, 90:100] == 255).all(), "the exclusion's hole"
    expected = ndimage.binary_dilation(convex_hull_image(np.isin(truth, RIGID)), iterations=3)
    assert not (mask.astype(bool) & ~expected).any()
    picture = read_rgb(out.qc)
    assert picture.shape == (748, 1320, 3)
    panels = picture[:640]  # above the legend, which shows every colour
    # The outlines lie upon each other here, so that only the rims of the wider ones show.
    assert all(has_colour(panels, colour, tolerance=60) for colour in COLOURS[:3])
    classes = read_image(out.tissue)
    assert classes.dtype == np.uint8
    outside = np.isin(classes, (Tissue.OUTSIDE, Tissue.UNKNOWN))
    assert (outside == (mask == 0)).all()
    assert dice(classes == Tissue.IMPLANT, (truth == IMPLANT) & (mask > 0)) > 0.95


def test_nothing_rigid_is_an_error(tmp_path, capsys):
    ct, slide, _ = normalized("Mg")
    assert main(mask_arguments(tmp_path, np.full_like(ct, 10000), slide)) == 1
    assert "no rigid tissue" in capsys.readouterr().err
    assert not Results(tmp_path).mask("S-1").path.exists()


def test_rigid_follows_the_levels_that_the_ct_was_normalized_to():
    ct, _, _ = normalized("Mg")
    shifted = ct.astype(float) * 0.5 + 20000
    levels = Normalize(bone_mean=35000, background_mean=25000)
    found = rigid_ct(shifted, PIXEL_UM, DEFAULT, levels)
    assert (found == rigid_ct(ct, PIXEL_UM, DEFAULT, LEVELS)).all()


def test_an_implant_outside_the_mask_is_a_warning(tmp_path, caplog):
    """The CT shows half of the implant only, and air instead."""
    ct, slide, _ = normalized("Ti")
    ct[160:] = np.random.default_rng(0).normal(10000, 300, ct[160:].shape)
    assert main(mask_arguments(tmp_path, ct, slide)) == 0
    assert "of the implant that the section shows" in caplog.text


def test_an_implant_that_the_ct_does_not_show_is_a_warning(tmp_path, caplog):
    """The volume's slices are all alike, and the implant is as bright as the background."""
    ct, slide, truth = normalized("PEEK")
    noise = np.random.default_rng(1).normal(10000, 300, ct.shape)
    ct = np.where(truth == IMPLANT, noise, ct).astype(np.uint16)
    arguments = mask_arguments(tmp_path, ct, slide)
    write_volume_pyramid(tmp_path / "ct.ome.zarr", np.stack([ct] * 12), PIXEL_UM)
    place = {"origin_um": [0, 0, 70.0], "u": [1, 0, 0], "v": [0, 1, 0]}
    transform = Results(tmp_path).registered("S-1").transform
    known = {"pair_shape_px": list(SHAPE), "pair_to_volume": place}
    write_json(transform, {**json.loads(transform.read_text()), **known})
    scaling = {"scale": 1.0, "offset": 0.0}
    write_json(Results(tmp_path).normalized("S-1").stats, {"ct": scaling})
    assert main([*arguments, "--ct", str(tmp_path / "ct.ome.zarr")]) == 0
    assert "nothing of the section's implant" in caplog.text
    mask = read_image(Results(tmp_path).mask("S-1").mask) > 0
    assert mask[truth == IMPLANT].mean() > 0.95
