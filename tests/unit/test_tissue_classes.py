"""Tissue classes of a small pair whose tissue is known."""

import numpy as np
import pytest
from pair_phantom import AIR, BONE, DEGRADATION, IMPLANT, MARROW, PIXEL_UM, SHAPE, SOFT, make_pair

from virtual_staining.imaging.tissue.classes import (
    IMPLANT_RIM_PX,
    Tissue,
    lost_pieces,
    stained_tissue,
    tissue_classes,
)
from virtual_staining.imaging.tissue.implant_body import implant_in_ct, thick_body
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

EVERYWHERE = np.ones(SHAPE, bool)
SETTINGS, LEVELS = MaskSettings(), NormalizeSettings()


def classes_of(material, stain, mask=EVERYWHERE):
    ct, slide, truth = make_pair(material, stain, bone=30000, background=10000)
    return tissue_classes(ct, slide, mask, EVERYWHERE, PIXEL_UM, SETTINGS, LEVELS), truth


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("stain", ["toluidine", "eosin"])
@pytest.mark.parametrize("material", ["Mg", "Ti", "PEEK"])
def test_classes_match_the_truth(material, stain):
    classes, truth = classes_of(material, stain)
    on_slide = np.arange(SHAPE[0])[:, None] >= 58  # the section has lost the soft tissue above
    expected = {
        Tissue.IMPLANT: truth == IMPLANT,
        Tissue.RIGID: truth == BONE,
        Tissue.DEGRADATION: truth == DEGRADATION,
        Tissue.SOFT: np.isin(truth, (SOFT, MARROW)) & on_slide,
        Tissue.BACKGROUND: (truth == AIR) | (~on_slide & (truth == SOFT)),
    }
    for tissue, region in expected.items():
        if not region.any():
            assert not (classes == tissue).any(), tissue.name
            continue
        assert dice(classes == tissue, region & (classes > 0)) > 0.9, tissue.name


def test_what_lies_outside_the_mask_has_no_class():
    mask = EVERYWHERE.copy()
    mask[:, :150] = False
    classes, _ = classes_of("Ti", "toluidine", mask)
    assert (classes[:, :150] == Tissue.OUTSIDE).all()
    assert not (classes[:, 150:] == Tissue.OUTSIDE).any()


@pytest.mark.parametrize("material", ["Ti", "PEEK"])
def test_the_ct_alone_shows_an_implant_of_another_grey_level(material):
    ct, _, truth = make_pair(material, bone=30000, background=10000)
    assert dice(implant_in_ct(ct, PIXEL_UM, SETTINGS, LEVELS), truth == IMPLANT) > 0.9


def test_thin_bone_is_no_implant():
    ct, slide, truth = make_pair("Mg", bone=30000, background=10000)
    taken_out = np.isin(truth, (IMPLANT, DEGRADATION))
    taken_out[:100] = taken_out[220:] = True  # plates as thick as an implant are left half as thick
    ct[taken_out], slide[taken_out] = 10000, 245
    assert not implant_in_ct(ct, PIXEL_UM, SETTINGS, LEVELS).any()
    classes = tissue_classes(ct, slide, EVERYWHERE, EVERYWHERE, PIXEL_UM, SETTINGS, LEVELS)
    assert not (classes == Tissue.IMPLANT).any()


def test_a_thick_body_keeps_its_threads_and_loses_thin_neighbours():
    region = np.zeros((200, 200), bool)
    region[40:160, 70:130] = True  # 1200 µm wide at 20 µm
    region[60:70, 130:134] = True  # a thread
    region[100:104, 130:] = True  # a thin plate that touches the body
    body = thick_body(region, 20.0)
    assert body[65, 132]
    assert body[100, 100]
    assert not body[102, 150:].any()


def test_stained_tissue_keeps_away_from_the_implant():
    classes = np.full((20, 20), Tissue.RIGID, np.uint8)
    classes[:, :5] = Tissue.IMPLANT
    classes[:, 15:] = Tissue.BACKGROUND
    columns = stained_tissue(classes).all(axis=0)
    assert np.flatnonzero(columns).tolist() == list(range(5 + IMPLANT_RIM_PX, 15))


def lost_of(ct, slide, settings=SETTINGS):
    classes = tissue_classes(ct, slide, EVERYWHERE, EVERYWHERE, PIXEL_UM, settings, LEVELS)
    return lost_pieces(classes, ct, slide, EVERYWHERE, PIXEL_UM, settings, LEVELS)


@pytest.mark.parametrize("holes", ["exclude", "keep"])
@pytest.mark.parametrize("stain", ["toluidine", "eosin"])
@pytest.mark.parametrize("material", ["Ti", "PEEK"])
def test_what_the_section_has_lost_is_found_and_nothing_else(material, stain, holes):
    ct, slide, truth = make_pair(material, stain, bone=30000, background=10000)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    hole = np.hypot(y - 100, x - 85) < 14
    crack = (np.abs(y - x * 0.4 - 180) < 1.5) & (x < 120)
    assert (truth[hole] == BONE).all() and (truth[crack] == BONE).any()
    slide[hole | crack] = (245, 242, 234)
    lost = lost_of(ct, slide, MaskSettings(holes=holes))
    expected = hole | ((truth == IMPLANT) if stain == "eosin" and holes == "exclude" else False)
    assert dice(lost, expected) > 0.9
    assert lost[truth == IMPLANT].mean() > 0.95 or not (lost & ~hole).any()


def test_a_part_of_the_implant_that_the_section_has_lost_is_found():
    ct, slide, truth = make_pair("Ti", bone=30000, background=10000)
    gone = (truth == IMPLANT) & (np.arange(SHAPE[0])[:, None] > 200)
    slide[gone] = (245, 242, 234)
    assert dice(lost_of(ct, slide), gone) > 0.9


def test_a_whole_section_has_lost_nothing():
    ct, slide, _ = make_pair("Mg", bone=30000, background=10000)
    assert not lost_of(ct, slide).any()
