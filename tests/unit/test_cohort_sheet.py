"""The cohort's sample sheet and settings."""

import subprocess
import sys

import numpy as np
import pytest

from virtual_staining.cohort.sample_list import sample_specs, sample_table
from virtual_staining.settings.cohort import CohortSettings

HE = {"hematoxylin_eosin": {"crossval": {"Mg": 3, "Ti": 1}}}


def test_default_cohort_is_the_papers():
    table = sample_table(CohortSettings(), 1)
    counts = table.groupby(["role", "material"]).size().to_dict()
    assert counts == {
        ("crossval", "Mg"): 36,
        ("crossval", "Ti"): 5,
        ("crossval", "PEEK"): 9,
        ("test", "Mg"): 2,
        ("test", "PEEK"): 1,
    }
    assert table["sample"].is_unique and len(table) == 53
    assert table["sample"].str.fullmatch(r"[A-Za-z0-9_-]+").all()
    assert (table["volume_id"] == table["sample"]).all()


def test_sheet_is_deterministic_and_mixes_formats():
    settings = CohortSettings()
    assert sample_table(settings, 3).equals(sample_table(settings, 3))
    specs = sample_specs(settings, 3)
    for material in ("Mg", "Ti", "PEEK"):
        own = [s for s in specs if s.material == material]
        assert {s.ct_format for s in own} == set(settings.ct_formats)
        assert {s.ct_dtype for s in own} == set(settings.ct_dtypes)
        assert {s.slide_format for s in own} == set(settings.slide_formats)
    assert np.mean([s.partial for s in specs]) == pytest.approx(settings.partial_fraction, abs=0.03)
    assert np.mean([s.mirrored for s in specs]) == pytest.approx(0.3, abs=0.03)


def test_a_samples_seed_does_not_depend_on_the_others():
    few = CohortSettings(stains={"toluidine_blue": {"crossval": {"Mg": 1, "PEEK": 1}}})
    seeds = {s.sample: s.seed for s in sample_specs(CohortSettings(), 5)}
    assert all(seeds[s.sample] == s.seed for s in sample_specs(few, 5))
    assert len(set(seeds.values())) == 53


def test_second_stain_keeps_ids_unique():
    table = sample_table(CohortSettings(stains={**CohortSettings().stains, **HE}), 1)
    assert table["sample"].is_unique
    assert set(table.loc[table["stain"] == "hematoxylin_eosin", "sample"]) == {
        *("HE-Mg-01", "HE-Mg-02", "HE-Mg-03", "HE-Ti-01")
    }


def test_sheet_module_imports_nothing_heavy():
    code = (
        "import sys; import virtual_staining.cohort.sample_list;"
        "print([m for m in ('scipy', 'cv2', 'tifffile', 'h5py', 'torch') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert result.stdout.strip() == "[]"
