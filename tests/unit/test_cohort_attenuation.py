"""Attenuation of the cohort's materials, against xraydb and the ranges of the literature."""

import numpy as np
import pytest
import xraydb

from virtual_staining.cohort.specimen.attenuation import (
    ENERGIES_KEV,
    MASS_ATTENUATION_CM2_G,
    MATERIALS,
    attenuation_per_mm,
    attenuation_table,
)
from virtual_staining.cohort.specimen.labels import Label

FORMULAS = {
    "PEEK": "C19H12O3",
    "polypropylene": "C3H6",
    "hydroxyapatite": "Ca10P6O26H2",
    "brucite": "MgO2H2",
}


@pytest.mark.parametrize("element", MASS_ATTENUATION_CM2_G)
def test_elements_are_xraydbs(element):
    energies_ev = 1000 * np.array(ENERGIES_KEV)
    expected = xraydb.mu_elam(element, energies_ev)
    assert MASS_ATTENUATION_CM2_G[element] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("energy_kev", [25.0, 32.5, 45.0])
@pytest.mark.parametrize("name", MATERIALS)
def test_materials_are_xraydbs(name, energy_kev):
    material = MATERIALS[name]
    total = sum(
        share * xraydb.mu_elam(element, 1000 * energy_kev)
        for element, share in material.mass_fractions.items()
    )
    expected = float(total) * material.density_g_cm3 / 10
    assert attenuation_per_mm(name, energy_kev) == pytest.approx(expected, rel=0.01)
    assert sum(material.mass_fractions.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("name", "formula"), FORMULAS.items())
def test_compounds_have_their_formulas_composition(name, formula):
    counts = xraydb.chemparse(formula)
    mass = {element: n * xraydb.atomic_mass(element) for element, n in counts.items()}
    expected = {element: value / sum(mass.values()) for element, value in mass.items()}
    assert MATERIALS[name].mass_fractions == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "at_25_kev", "at_45_kev"),
    [
        ("PEEK", 0.11, 0.27),
        ("dry soft tissue", 0.03, 0.067),
        ("Ti", 9.1, 7.3),
        ("polypropylene", 0.07, 0.20),
        ("Mg", 0.625, 0.683),
        ("Mg-5Gd", 1.14, 1.14),
        ("Mg-10Gd", 1.70, 1.62),
        ("woven bone", 0.74, 0.79),
        ("degradation layer", 1.03, 1.03),
    ],
)
def test_relative_attenuations(name, at_25_kev, at_45_kev):
    for energy_kev, expected in ((25.0, at_25_kev), (45.0, at_45_kev)):
        bone = attenuation_per_mm("cortical bone", energy_kev)
        assert attenuation_per_mm(name, energy_kev) / bone == pytest.approx(expected, rel=0.03)


def test_the_table_is_relative_to_cortical_bone():
    table = attenuation_table("Mg-10Gd", 35.0)
    assert table[Label.CORTICAL] == 1 and table[Label.AIR] == 0
    expected = attenuation_per_mm("Mg-10Gd", 35.0) / attenuation_per_mm("cortical bone", 35.0)
    assert table[Label.IMPLANT] == pytest.approx(expected)
