"""Stains without a network: colours that the training pairs determine are found again."""

import numpy as np
import pytest
from pair_phantom import IMPLANT, SHAPE, make_pair
from pair_phantom import PIXEL_UM as PHANTOM_UM

from virtual_staining.evaluate.references.fit import References
from virtual_staining.evaluate.references.mean_colour import MeanColour
from virtual_staining.imaging.colour_tables import GREY_BINS, GreyTable, JointTable
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.models.references import RAW_CT, REFERENCES
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

WHITE = 50000
PIXEL_UM = 20.0
EVERYWHERE = np.ones((64, 64), bool)


def ramp():
    """A CT with every bin's grey level, and a slide whose colour the bin determines."""
    bins = np.arange(64 * 64).reshape(64, 64) % GREY_BINS
    slide = np.stack([bins, 255 - bins, bins // 2], axis=-1).astype(np.uint8)
    return ((bins + 0.5) * WHITE / GREY_BINS).astype(np.uint16), slide


def test_a_colour_that_grey_determines_is_found_exactly():
    ct, slide = ramp()
    table = GreyTable(WHITE)
    table.add(ct, slide, EVERYWHERE)
    assert np.array_equal(table.stain(ct), slide)


def test_grey_levels_beyond_white_share_the_last_bin():
    ct, slide = ramp()
    table = GreyTable(WHITE)
    table.add(ct, slide, EVERYWHERE)
    assert table.stain(np.full((2, 2), 65535, np.uint16)).tolist() == [[[255, 0, 127]] * 2] * 2


def test_an_unseen_grey_level_takes_the_nearest_colour():
    ct = np.full((64, 64), 10000, np.uint16)
    ct[32:] = 30000
    slide = np.full((64, 64, 3), (200, 0, 0), np.uint8)
    slide[32:] = (0, 0, 200)
    table = GreyTable(WHITE)
    table.add(ct, slide, EVERYWHERE)
    stained = table.stain(np.array([[0, 19000, 21000, 49000]], np.uint16))
    assert stained[0, :, 0].tolist() == [200, 200, 0, 0]


def test_only_the_mask_is_learned_from():
    ct, slide = ramp()
    table = GreyTable(WHITE)
    mask = np.vstack([EVERYWHERE, ~EVERYWHERE])
    table.add(np.vstack([ct, ct]), np.vstack([slide, 255 - slide]), mask)
    assert np.array_equal(table.stain(ct), slide)


def test_pairs_may_come_in_any_order_and_weigh_by_their_pixels():
    dark, light = np.zeros((8, 8, 3), np.uint8), np.full((4, 8, 3), 90, np.uint8)
    parts = [(dark, np.ones((8, 8), bool)), (light, np.ones((4, 8), bool))]
    stained = []
    for order in (parts, parts[::-1]):
        table = GreyTable(WHITE)
        for slide, mask in order:
            table.add(np.full(mask.shape, 20000, np.uint16), slide, mask)
        stained.append(table.stain(np.full((1, 1), 20000, np.uint16)))
    assert stained[0].tolist() == stained[1].tolist() == [[[30, 30, 30]]]


def noisy_halves(seed):
    """Grey level that tells nothing alone: bright pixels among dark ones and among bright ones."""
    rng = np.random.default_rng(seed)
    share = np.repeat([0.2, 0.8], 64)
    bright = rng.random((128, 128)) < share
    ct = np.where(bright, 30000, 10000).astype(np.uint16)
    slide = np.zeros((128, 128, 3), np.uint8)
    slide[:, :64], slide[:, 64:] = (200, 40, 40), (40, 40, 200)
    return ct, slide


def test_the_neighbourhood_tells_what_grey_cannot():
    everywhere = np.ones((128, 128), bool)
    grey, joint = GreyTable(WHITE), JointTable(WHITE)
    for seed in range(3):
        ct, slide = noisy_halves(seed)
        grey.add(ct, slide, everywhere)
        joint.add(ct, slide, everywhere, PIXEL_UM)
    ct, slide = noisy_halves(9)
    away = np.abs(np.arange(128) - 63.5) > 12  # the local mean blurs the border of the halves
    errors = [
        np.abs(stained.astype(float) - slide)[:, away].mean()
        for stained in (grey.stain(ct), joint.stain(ct, PIXEL_UM))
    ]
    assert errors[0] > 30
    assert errors[1] < 4


def test_a_rare_neighbourhood_takes_the_colour_of_its_grey_level():
    """One pixel against five of the prior: a sixth of its own colour, the rest grey's."""
    ct = np.full((64, 64), 30000, np.uint16)
    slide = np.full((64, 64, 3), 60, np.uint8)
    table = JointTable(WHITE)
    table.add(ct, slide, EVERYWHERE, PIXEL_UM)
    odd = np.full((64, 64), 10000, np.uint16)  # the same grey in a dark surrounding
    odd[32, 32] = 30000
    one = np.zeros((64, 64), bool)
    one[32, 32] = True
    table.add(odd, np.full((64, 64, 3), 240, np.uint8), one, PIXEL_UM)
    by_grey = (64 * 64 * 60 + 240) / (64 * 64 + 1)
    expected = (240 + 5 * by_grey) / 6
    assert table.stain(odd, PIXEL_UM)[32, 32].tolist() == [round(expected)] * 3


def classes_of_halves():
    classes = np.full((40, 60), Tissue.SOFT, np.uint8)
    classes[:, 20:40] = Tissue.IMPLANT
    classes[:, 58:] = Tissue.BACKGROUND
    return classes


def test_the_mean_colour_is_tissues_and_the_implants_its_own():
    classes = classes_of_halves()
    slide = np.full((40, 60, 3), (100, 50, 150), np.uint8)
    slide[:, :9] = (120, 70, 170)
    slide[:, 18:42] = (4, 4, 4)  # the implant and the rim that its black reaches
    slide[:, 58:] = 250
    reference = MeanColour()
    reference.add(slide, classes)
    stained = reference.stain(np.eye(3, dtype=bool))
    # 18 + 16 columns of tissue away from the implant, 9 of them brighter by 20
    expected = [round(100 + 20 * 9 / 34), round(50 + 20 * 9 / 34), round(150 + 20 * 9 / 34)]
    assert stained[0, 1].tolist() == expected
    assert stained[1, 1].tolist() == [4, 4, 4]


def test_without_an_implant_all_is_tissue():
    reference = MeanColour()
    reference.add(np.full((8, 8, 3), 77, np.uint8), np.full((8, 8), Tissue.RIGID, np.uint8))
    assert (reference.stain(np.ones((4, 4), bool)) == 77).all()


def test_references_without_anything_to_learn_from_say_so():
    with pytest.raises(ValueError, match="no training pair"):
        GreyTable(WHITE).stain(np.zeros((2, 2), np.uint16))
    with pytest.raises(ValueError, match="no training pair"):
        MeanColour().stain(EVERYWHERE)


def test_only_the_oracle_sees_the_real_slides_implant():
    ct, slide, truth = make_pair("Ti", bone=30000, background=10000)
    classes = np.where(truth == IMPLANT, Tissue.IMPLANT, Tissue.RIGID).astype(np.uint8)
    references = References(WHITE, MaskSettings(), NormalizeSettings())
    references.add(TrainingPair("s", ct, slide, np.ones(SHAPE, bool)), classes, PHANTOM_UM)
    stained = references.stain(ct, classes, PHANTOM_UM)
    assert set(stained) == set(REFERENCES) - {RAW_CT}
    other = references.stain(ct, np.full_like(classes, Tissue.SOFT), PHANTOM_UM)
    changed = {name for name in stained if (stained[name] != other[name]).any()}
    assert changed == {name for name, facts in REFERENCES.items() if facts.oracle}
    black = stained["mean_colour"].mean(axis=-1) < 60
    assert (black == (truth == IMPLANT)).mean() > 0.97
