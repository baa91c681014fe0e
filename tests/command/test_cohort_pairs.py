"""Levels and masks of cohort samples: found against drawn, hulls against the truth."""

import numpy as np
import pytest
from cohort_pairs import VOXEL_UM, cohort_pairs
from skimage.morphology import convex_hull_image

from virtual_staining.cohort.specimen.labels import BONE as BONE_LABELS
from virtual_staining.cohort.specimen.labels import RIGID, Label, is_in
from virtual_staining.imaging.tissue.classes import Tissue, implant_in_ct, tissue_classes
from virtual_staining.imaging.tissue.hull import hull, large_pieces, without_wall
from virtual_staining.imaging.tissue.rigid import rigid_ct, rigid_slide
from virtual_staining.normalize.normalization import choose_regions, normalize_pair
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import BONE, NormalizeSettings

SAMPLES = ("Mg-01", "Ti-01", "PEEK-01", "HE-Mg-01")
STAINS = {"toluidine_blue": {"Mg": 1, "Ti": 1, "PEEK": 1}, "hematoxylin_eosin": {"Mg": 1}}
MASK, LEVELS = MaskSettings(), NormalizeSettings()


@pytest.fixture(scope="module")
def pairs():
    return cohort_pairs(STAINS, seed=1)


def normalized(pair, drawn):
    regions = choose_regions(pair.ct, pair.slide, pair.valid, VOXEL_UM, drawn, LEVELS)
    return regions, *normalize_pair(pair.ct, pair.slide, regions, LEVELS)


@pytest.mark.parametrize("sample", SAMPLES)
def test_levels_found_and_drawn_agree_within_2_percent(sample, pairs):
    found = normalized(pairs[sample], {})[-1]
    drawn = normalized(pairs[sample], pairs[sample].drawn)[-1]
    assert found["roi"]["reference_source"] == found["roi"]["background_source"] == "automatic"
    assert drawn["roi"]["reference_source"] == drawn["roi"]["background_source"] == "annotations"
    for key in ("f_min", "f_max"):  # 2 % of the 8 bits that they bound
        assert found["slide"][key] == pytest.approx(drawn["slide"][key], abs=0.02 * 255), key
    # titanium darkens the bone beside it, where people draw and the automatic region does not go
    tolerance = 0.025 if "Ti" in sample else 0.02
    for key in ("bone_mean_before", "background_mean_before"):
        assert found["ct"][key] == pytest.approx(drawn["ct"][key], rel=tolerance), key


@pytest.mark.parametrize("sample", SAMPLES)
def test_reference_is_mature_bone_only(sample, pairs):
    """New bone takes another colour: a hundredth of it would move the 1st percentile."""
    regions, _, _, _ = normalized(pairs[sample], {})
    labels = pairs[sample].slide_labels[regions.reference]
    assert is_in(labels, (Label.WOVEN, Label.DEGRADATION)).mean() < 0.01
    assert is_in(labels, (Label.CORTICAL, Label.TRABECULAR, Label.LACUNA)).mean() > 0.98


@pytest.mark.parametrize("sample", SAMPLES)
def test_hulls_match_the_truth(sample, pairs):
    pair = pairs[sample]
    _, ct, slide, _ = normalized(pair, {})
    in_ct = rigid_ct(ct, VOXEL_UM, MASK, LEVELS) & pair.valid
    in_slide = rigid_slide(slide, in_ct, pair.valid, VOXEL_UM, MASK, BONE)
    pieces = [large_pieces(rigid, VOXEL_UM, MASK) for rigid in (in_ct, in_slide)]
    pieces[0] = without_wall(pieces[0], pair.valid)
    found = [hull(piece, VOXEL_UM, MASK) for piece in pieces]
    # the cut takes the screw out of a hematoxylin-eosin section
    on_slide = tuple(x for x in RIGID if x != Label.IMPLANT or not sample.startswith("HE"))
    truth = [is_in(pair.ct_labels, RIGID), is_in(pair.slide_labels, on_slide)]
    truth = [convex_hull_image(rigid & pair.valid) for rigid in truth]
    assert dice(found[0], truth[0]) >= 0.97
    assert dice(found[1], truth[1]) >= 0.95
    assert not (found[0] & (pair.ct_labels == Label.TUBE)).any()


@pytest.mark.parametrize("sample", SAMPLES)
def test_tissue_classes_match_the_truth(sample, pairs):
    pair = pairs[sample]
    _, ct, slide, _ = normalized(pair, {})
    mask = pair.valid & is_in(pair.ct_labels, RIGID)  # the rigid part of what both images show
    classes = tissue_classes(ct, slide, mask, pair.valid, VOXEL_UM, MASK, LEVELS)
    # the section of hematoxylin-eosin has lost the implant, which the CT shows
    labels = pair.ct_labels if sample.startswith("HE") else pair.slide_labels
    found = {
        "bone": dice(classes == Tissue.RIGID, is_in(pair.slide_labels, BONE_LABELS) & mask),
        "implant": dice(classes == Tissue.IMPLANT, (labels == Label.IMPLANT) & mask),
        "implant in the CT": dice(
            implant_in_ct(ct, VOXEL_UM, MASK, LEVELS), pair.ct_labels == Label.IMPLANT
        ),
    }
    print(sample, {name: round(float(value), 3) for name, value in found.items()})
    assert set(np.unique(classes)) <= set(Tissue)
    assert ((classes == Tissue.OUTSIDE) == ~mask).all()
    assert found["bone"] >= 0.88
    assert found["implant"] >= 0.85
    assert found["implant in the CT"] >= (0.75 if "Mg" in sample else 0.9)  # Mg is grey as bone


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())
