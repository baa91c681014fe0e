"""Levels and masks of cohort samples: found against drawn, hulls against the truth."""

import numpy as np
import pytest
from cohort_pairs import VOXEL_UM, cohort_pairs
from scipy import ndimage
from skimage.morphology import convex_hull_image

from virtual_staining.artefacts.registered_pair import RegisteredPair
from virtual_staining.cohort.specimen.labels import RIGID, Label, is_in
from virtual_staining.imaging.tissue.classes import Tissue, tissue_classes
from virtual_staining.imaging.tissue.implant_body import implant_in_ct
from virtual_staining.imaging.tissue.rigid import opaque_implant
from virtual_staining.mask.command import pieces_in_plane, specimen_hulls
from virtual_staining.normalize.normalization import choose_regions, normalize_pair
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

SAMPLES = ("Mg-01", "Ti-01", "PEEK-01", "HE-Mg-01")
STAINS = {"toluidine_blue": {"Mg": 1, "Ti": 1, "PEEK": 1}, "hematoxylin_eosin": {"Mg": 1}}
STAINED_RIGID = tuple(label for label in RIGID if label not in (Label.IMPLANT, Label.VESSEL))
MASK, LEVELS = MaskSettings(), NormalizeSettings()


@pytest.fixture(scope="module")
def pairs():
    return cohort_pairs(STAINS, seed=1)


def normalized(pair, drawn):
    regions = choose_regions(pair.ct, pair.slide, pair.valid, pair.voxel_um, drawn, LEVELS)
    return regions, *normalize_pair(pair.ct, pair.slide, regions, LEVELS)


@pytest.mark.parametrize("sample", SAMPLES)
def test_levels_found_and_drawn_agree(sample, pairs):
    found = normalized(pairs[sample], {})[-1]
    drawn = normalized(pairs[sample], pairs[sample].drawn)[-1]
    assert found.roi.reference_source == found.roi.background_source == "automatic"
    assert drawn.roi.reference_source == drawn.roi.background_source == "annotations"
    for key in ("f_min", "f_max"):  # 2 % of the 8 bits that they bound
        expected = pytest.approx(getattr(drawn.slide, key), abs=0.02 * 255)
        assert getattr(found.slide, key) == expected, key
    # people draw pores and young bone too, and the section's distortion moves what they draw by up
    # to 40 µm against the CT
    tolerance = 0.03
    for key in ("bone_mean_before", "background_mean_before"):
        assert getattr(found.ct, key) == pytest.approx(getattr(drawn.ct, key), rel=tolerance), key


@pytest.mark.parametrize("sample", SAMPLES)
def test_ct_level_is_that_of_mature_bone(sample, pairs):
    """New bone is fainter, and would move the mean of all bone by several per cent."""
    _, ct, _, _ = normalized(pairs[sample], {})
    mature = is_in(pairs[sample].ct_labels, (Label.CORTICAL,)) & pairs[sample].valid
    mature = ndimage.binary_erosion(mature, iterations=2)
    span = LEVELS.bone_mean - LEVELS.background_mean
    assert ct[mature].mean() == pytest.approx(LEVELS.bone_mean, abs=0.03 * span)


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_tissue_is_clipped(sample, pairs):
    assert_nothing_clipped(pairs[sample])


@pytest.mark.parametrize(
    ("stain", "material", "voxel_um"),
    [
        ("toluidine_blue", "Mg", 5.0),
        ("toluidine_blue", "PEEK", 10.0),
        ("toluidine_blue", "Ti", 20.0),
        ("hematoxylin_eosin", "Mg", 10.0),
        ("hematoxylin_eosin", "PEEK", 20.0),
    ],
)
def test_no_tissue_is_clipped_at_finer_voxels(stain, material, voxel_um):
    (pair,) = cohort_pairs({stain: {material: 1}}, seed=2, voxel_um=voxel_um).values()
    assert_nothing_clipped(pair)


def assert_nothing_clipped(pair):
    """Fewer than 2 % of all tissue, and of each tissue away from the implant, in any channel."""
    _, _, slide, stats = normalized(pair, {})
    clipped = ((slide == 0) | (slide == 255)).any(axis=-1)
    labels = np.where(pair.valid, pair.slide_labels, Label.AIR)
    assert clipped[~is_in(labels, (Label.AIR, Label.IMPLANT))].mean() < 0.02
    # pixels at the implant's rim show part of its black
    rim = ndimage.binary_dilation(labels == Label.IMPLANT, iterations=2)
    for label in (Label.CORTICAL, Label.TRABECULAR, Label.WOVEN, Label.SOFT, Label.MARROW):
        region = (labels == label) & ~rim
        assert region.sum() > 30 and clipped[region].mean() < 0.02, label.name
    parts = stats.slide.clipped_fraction.values()
    assert max(part["any"] for part in parts) < 0.02 and stats.warnings == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_hulls_match_the_truth(sample, pairs):
    pair = pairs[sample]
    _, ct, slide, _ = normalized(pair, {})
    registered = RegisteredPair(ct, slide, pair.valid, VOXEL_UM, np.eye(2, 3))
    pieces = pieces_in_plane(registered, MASK, LEVELS)
    implant = opaque_implant(slide, pair.valid, VOXEL_UM, MASK)
    found = specimen_hulls(registered, pieces, implant, MASK, LEVELS)
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
        "bone": dice(
            np.isin(classes, RIGID_CLASSES), is_in(pair.slide_labels, STAINED_RIGID) & mask
        ),
        "implant": dice(classes == Tissue.IMPLANT, (labels == Label.IMPLANT) & mask),
        "implant in the CT": dice(
            implant_in_ct(ct, VOXEL_UM, MASK, LEVELS), pair.ct_labels == Label.IMPLANT
        ),
    }
    print(sample, {name: round(float(value), 3) for name, value in found.items()})
    assert set(np.unique(classes)) <= set(Tissue)
    assert (np.isin(classes, (Tissue.OUTSIDE, Tissue.UNKNOWN)) == ~mask).all()
    assert found["bone"] >= 0.93
    assert found["implant"] >= 0.9
    assert found["implant in the CT"] >= (0.75 if "Mg" in sample else 0.9)  # Mg is grey as bone


RIGID_CLASSES = (Tissue.RIGID, Tissue.DEGRADATION)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())
