"""Attenuation of X-rays by the specimen's materials: composition, density and photon energy.

Mass attenuation coefficients are the NIST-compatible values of Elam, Ravel and Sieber (2002,
Radiation Physics and Chemistry 63, 121), as the package xraydb gives them; the tests compare. No
element here has an absorption edge between 20 and 50 keV (gadolinium's K edge lies at 50.2 keV).
"""

from dataclasses import dataclass

import numpy as np

from virtual_staining.cohort.specimen.labels import Label

ENERGIES_KEV = (20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0)

MASS_ATTENUATION_CM2_G = {
    "H": (0.3695, 0.3631, 0.357, 0.3513, 0.3458, 0.3406, 0.3355),
    "C": (0.442, 0.3136, 0.2562, 0.2258, 0.2076, 0.1957, 0.1871),
    "N": (0.6179, 0.4019, 0.3067, 0.2574, 0.2288, 0.2105, 0.198),
    "O": (0.8653, 0.5265, 0.3779, 0.3019, 0.2585, 0.2314, 0.2133),
    "Na": (2.057, 1.128, 0.7199, 0.5131, 0.3969, 0.3262, 0.2804),
    "Mg": (2.763, 1.49, 0.9305, 0.6471, 0.488, 0.3915, 0.3292),
    "P": (5.354, 2.822, 1.7, 1.13, 0.8095, 0.616, 0.4918),
    "S": (6.71, 3.528, 2.113, 1.392, 0.9873, 0.7423, 0.585),
    "Ca": (13.06, 6.871, 4.08, 2.643, 1.83, 1.337, 1.019),
    "Ti": (15.85, 8.371, 4.972, 3.212, 2.213, 1.605, 1.213),
    "Gd": (43.61, 24.05, 14.84, 9.843, 6.919, 5.076, 3.86),
}
"""Mass attenuation of each element at ``ENERGIES_KEV``, cm²/g."""


@dataclass(frozen=True)
class Material:
    """A homogeneous material: mass fractions by element and density in g/cm³."""

    mass_fractions: dict[str, float]
    density_g_cm3: float


# dehydrated protein, the main constituent of dried soft tissue and of unmineralized bone matrix
PROTEIN = {"H": 0.069, "C": 0.530, "N": 0.160, "O": 0.231, "S": 0.010}
MATERIALS = {
    # ICRU Report 44: cortical bone of adults
    "cortical bone": Material(
        {
            "H": 0.034, "C": 0.155, "N": 0.042, "O": 0.435, "Na": 0.001, "Mg": 0.002,
            "P": 0.103, "S": 0.003, "Ca": 0.225,
        },
        1.92,
    ),
    "unmineralized matrix": Material(PROTEIN, 1.35),
    # specimens are scanned dry: the solids left fill a fifth of the tissue's volume
    "dry soft tissue": Material(PROTEIN, 0.30),
    "dry marrow": Material(PROTEIN, 0.20),
    "dry vessel": Material(PROTEIN, 0.10),
    "polypropylene": Material({"H": 0.1437, "C": 0.8563}, 0.90),
    "PEEK": Material({"H": 0.0420, "C": 0.7916, "O": 0.1664}, 1.30),
    "Ti": Material({"Ti": 1.0}, 4.506),
    "Mg": Material({"Mg": 1.0}, 1.738),
    "Mg-5Gd": Material({"Mg": 0.95, "Gd": 0.05}, 1.81),
    "Mg-10Gd": Material({"Mg": 0.90, "Gd": 0.10}, 1.88),
    "hydroxyapatite": Material({"H": 0.0020, "O": 0.4141, "P": 0.1850, "Ca": 0.3989}, 3.16),
    "brucite": Material({"H": 0.0346, "Mg": 0.4168, "O": 0.5486}, 2.34),
}  # fmt: skip
"""Materials of bone, holder, implants and corrosion products (brucite is Mg(OH)₂)."""

MIXTURES = {
    "trabecular bone": {"cortical bone": 0.94, "unmineralized matrix": 0.06},
    # new bone holds less mineral (paper, Fig. 1)
    "woven bone": {"cortical bone": 0.70, "unmineralized matrix": 0.30},
    # calcium phosphate and magnesium hydroxide with a quarter of pores
    "degradation layer": {"hydroxyapatite": 0.30, "brucite": 0.45},
}
"""Volume fractions of the materials in a mixture; what is missing to 1 is empty."""

MATTER = {
    Label.TUBE: "polypropylene",
    Label.SOFT: "dry soft tissue",
    Label.MARROW: "dry marrow",
    Label.CORTICAL: "cortical bone",
    Label.TRABECULAR: "trabecular bone",
    Label.WOVEN: "woven bone",
    Label.LACUNA: "cortical bone",  # the bone around it; the hole itself is the cell fraction
    Label.VESSEL: "dry vessel",
    Label.DEGRADATION: "degradation layer",
}
"""What each label but the implant consists of."""


def attenuation_per_mm(name: str, energy_kev: float) -> float:
    """Linear attenuation coefficient of a material or mixture, 1/mm.

    Parameters
    ----------
    name : str
        A key of ``MATERIALS`` or ``MIXTURES``.
    energy_kev : float
        Photon energy, keV, within ``ENERGIES_KEV``; values between are interpolated on
        logarithmic axes.
    """
    if name in MIXTURES:
        parts = MIXTURES[name].items()
        return sum(share * attenuation_per_mm(part, energy_kev) for part, share in parts)
    material = MATERIALS[name]
    mass = sum(
        share * _mass_attenuation(element, energy_kev)
        for element, share in material.mass_fractions.items()
    )
    return material.density_g_cm3 * mass / 10  # 1/cm to 1/mm


def attenuation_table(implant: str, energy_kev: float) -> np.ndarray:
    """Attenuation of each label relative to cortical bone, float32 (11,); air is 0.

    Parameters
    ----------
    implant : str
        The implant's material, a key of ``MATERIALS``.
    energy_kev : float
        Photon energy, keV.
    """
    table = np.zeros(len(Label), np.float32)
    for label, name in {**MATTER, Label.IMPLANT: implant}.items():
        table[label] = attenuation_per_mm(name, energy_kev)
    return table / table[Label.CORTICAL]


def _mass_attenuation(element: str, energy_kev: float) -> float:
    logs = np.interp(
        np.log(energy_kev), np.log(ENERGIES_KEV), np.log(MASS_ATTENUATION_CM2_G[element])
    )
    return float(np.exp(logs))
